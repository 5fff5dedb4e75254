"""A month of EUR/USD from a local venue without pacing, from the first request to the last 1w candle.

Twice: the stages called directly, and through Dagster from run start to run success. The limit of both
is the venue: the same day objects fetched and decompressed, nothing else.
"""

import lzma
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx
import psutil

from benchmarks.figure import Figure
from benchmarks.inputs import hour_files, lay_out
from benchmarks.platform import started
from candlewick import control
from candlewick.backfill import launch, plan
from candlewick.dagster_client import DagsterClient, Run, dagster_url
from candlewick.dukascopy.bi5 import decode_hour
from candlewick.history import History
from candlewick.instruments import Series
from candlewick.local import programs, supervisor
from candlewick.local.home import Home
from candlewick.settings import Settings
from simulators.dukascopy.testing import RunningVenue, running

# A month of days that Dagster has partitions for; each as dense as the recorded one, Sundays too.
FEBRUARY = [date(2019, 2, 1) + timedelta(days=n) for n in range(28)]
DAYS = [day for day in FEBRUARY if day.weekday() != 5]
WARM_UP, DIRECT, THROUGH_DAGSTER = "AUDUSD", "EURUSD", "GBPUSD"
DEADLINE_S = 600

_EVENTS = """
query Events($id: ID!, $cursor: String) {
  logsForRun(runId: $id, afterCursor: $cursor, limit: 1000) {
    ... on EventConnection {
      cursor hasMore
      events { __typename ... on MessageEvent { timestamp eventType stepKey } }
    }
  }
}
"""


def run() -> Iterator[Figure]:
    ticks = sum(len(decode_hour(body)) for body in hour_files()[1]) * len(DAYS)
    with tempfile.TemporaryDirectory(prefix="candlewick-venue-") as folder:
        for symbol in (WARM_UP, DIRECT, THROUGH_DAGSTER):
            lay_out(Path(folder), symbol, DAYS)
        with (
            running(Path(folder)) as venue,
            started(dukascopy_url=venue.bi5_url, dukascopy_json_url=venue.json_url) as settings,
        ):
            with History(settings) as history:
                control.add_history(history, WARM_UP)
                _direct(history, WARM_UP, DAYS[:3])
                limit = _fetch(venue)
                seconds = _direct(history, DIRECT, DAYS)
                yield Figure(
                    "backfill direct", ticks / seconds, "ticks/s", ticks / limit, detail={"ticks": ticks}
                )
                series = control.add_history(history, THROUGH_DAGSTER).series
            yield _through_dagster(settings, series, ticks, limit)


def _fetch(venue: RunningVenue) -> float:
    urls = [
        f"{venue.bi5_url}/{DIRECT}/{day.year}/{day.month - 1:02d}/{day.day:02d}_ticks.bi5" for day in DAYS
    ]
    with httpx.Client(trust_env=False) as client:
        for url in urls:
            client.get(url).raise_for_status()
        began = time.perf_counter()
        for url in urls:
            lzma.decompress(client.get(url).content)
        return time.perf_counter() - began


def _direct(history: History, symbol: str, days: list[date]) -> float:
    series = control.add_history(history, symbol).series
    began = time.perf_counter()
    done = list(history.backfill(series, days))
    seconds = time.perf_counter() - began
    if len(done) != len(days):
        raise RuntimeError(f"{len(done)} of {len(days)} days were done")
    return seconds


def _through_dagster(settings: Settings, series: Series, ticks: int, limit: float) -> Figure:
    with DagsterClient(dagster_url(settings)) as dagster:
        dagster.reload()
        asked_s = time.time()
        job = plan(series, DAYS, recheck=True)
        launch(job, job.chunks[0], dagster)
        memory = _PeakMemory(settings)
        with memory:
            finished = _await(dagster, job.chunks[0].run_id)
        if finished.status != "SUCCESS" or finished.start_s is None or finished.end_s is None:
            raise RuntimeError(f"the run ended as {finished.status}: {dagster.why_failed(finished.run_id)}")
        shares = _shares(settings, finished.run_id)
    seconds = finished.end_s - finished.start_s
    return Figure(
        "backfill dagster",
        ticks / seconds,
        "ticks/s",
        ticks / limit,
        detail={
            "seconds": round(seconds, 2),
            "queued_s": round(finished.start_s - asked_s, 2),
            "run_process_mb": memory.peak // 2**20,
            "seconds_by_event": shares,
        },
    )


def _await(dagster: DagsterClient, run_id: str) -> Run:
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        found = dagster.runs([run_id])[run_id]
        if found.status.finished:
            return found
        time.sleep(0.2)
    raise TimeoutError(f"run {run_id} did not finish within {DEADLINE_S} s")


def _shares(settings: Settings, run_id: str) -> dict[str, str]:
    """Seconds that end with each kind of event, and their number; a step's own work ends its first event."""
    seconds: defaultdict[str, float] = defaultdict(float)
    count: Counter[str] = Counter()
    before: dict[str, Any] | None = None
    for event in _events(settings, run_id):
        if before is not None:
            began = before["eventType"] == "STEP_START"
            kind = f"work of {event['stepKey'].rpartition('__')[2]}" if began else str(event["eventType"])
            seconds[kind] += (int(event["timestamp"]) - int(before["timestamp"])) / 1000
            count[kind] += 1
        before = event
    most_first = sorted(seconds.items(), key=lambda item: -item[1])
    return {kind: f"{spent:.2f} ({count[kind]})" for kind, spent in most_first if spent > 0.05}


def _events(settings: Settings, run_id: str) -> Iterator[dict[str, Any]]:
    cursor = None
    while True:
        answer = httpx.post(
            f"{dagster_url(settings)}/graphql",
            json={"query": _EVENTS, "variables": {"id": run_id, "cursor": cursor}},
            timeout=60,
        )
        page = answer.raise_for_status().json()["data"]["logsForRun"]
        yield from page["events"]
        cursor = page["cursor"]
        if not page["hasMore"]:
            return


class _PeakMemory:
    """The most resident memory that any run process had while inside."""

    def __init__(self, settings: Settings) -> None:
        self.peak = 0
        self._server = supervisor.states(Home(settings.home))[programs.DAGSTER_CODE].pid
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_exception: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.wait(0.2):
            for child in psutil.Process(self._server).children(recursive=True):
                try:
                    if "multiprocessing" in " ".join(child.cmdline()):
                        self.peak = max(self.peak, child.memory_info().rss)
                except psutil.NoSuchProcess:
                    continue
