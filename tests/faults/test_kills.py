"""kill -9 of each part of the platform at each stage of a backfill: in the end nothing differs.

Every case backfills the same files under a symbol of its own and is compared with a backfill that
nobody disturbed. Nothing but what a user would do anyway is done afterwards: a platform that was killed
as a whole is started again. The sensor that asks for new hours is off on the shared platform, so whatever
comes back does so by itself.
"""

import contextlib
import os
import signal
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import psutil
import pyarrow as pa
import pytest

from candlewick import pipeline
from candlewick.candles import Timeframe
from candlewick.instruments import find
from candlewick.local import supervisor
from candlewick.local.home import Home
from candlewick.pipeline import Stage
from candlewick.store import DatabaseUnavailableError
from candlewick.times import DAY_US, HOUR_US, day_us
from simulators.dukascopy import formats
from simulators.dukascopy.tape import Tape
from tests.platform import Platform, Venue
from tests.waiting import until

# No other test of the shared platform uses this week.
FIRST, DAYS = date(2020, 3, 2), 4
SPAN = FIRST.isoformat(), (FIRST + timedelta(days=DAYS)).isoformat()
TICKS_A_DAY = 100_000
DEADLINE_S = 240

# Pairs of one scale and one trading week, so that the same files suit them all.
SYMBOLS = (
    f"{base}{quote}"
    for base, quotes in {
        "AUD": ("CAD", "CHF", "NZD", "USD"),
        "EUR": ("AUD", "CAD", "CHF", "GBP", "NZD"),
        "GBP": ("AUD", "CAD", "CHF", "NZD", "USD"),
        "NZD": ("CAD", "CHF", "USD"),
        "USD": ("CAD", "CHF"),
        "CAD": ("CHF",),
    }.items()
    for quote in quotes
)
UNDISTURBED = "EURUSD"

VICTIMS = ("run", "broker", "database", "platform")
EACH_ONCE = {
    ("run", Stage.RAW),
    ("broker", Stage.PUBLISHED),
    ("database", Stage.LANDED),
    ("platform", Stage.CANDLES_INTRADAY),
    ("run", Stage.CANDLES_DAILY),
}
CASES = [
    pytest.param(
        victim, stage, marks=() if (victim, stage) in EACH_ONCE else pytest.mark.full, id=f"{victim}-{stage}"
    )
    for victim in VICTIMS
    for stage in Stage
]

_STEPS = """
query Steps($series: String!) {
  runsOrError(filter: {tags: [{key: "candlewick/series", value: $series}]}, limit: 10) {
    ... on Runs { results { runId status tags { key value } stepStats { stepKey status } } }
  }
}
"""
_PROCESS = """
query Process($id: ID!) {
  logsForRun(runId: $id, limit: 200) {
    ... on EventConnection { events { ... on EngineEvent { message } } }
  }
}
"""


@pytest.fixture(scope="module")
def files() -> list[tuple[Path, bytes]]:
    """The venue's files of the span, by where they lie below a symbol's folder."""
    tape = Tape(find("EUR/USD"), seed=1, ticks_a_day=TICKS_A_DAY)
    found = []
    for hour_us in range(day_us(FIRST), day_us(FIRST) + DAYS * DAY_US, HOUR_US):
        day = FIRST + timedelta(days=(hour_us - day_us(FIRST)) // DAY_US)
        place = f"{day.year}/{day.month - 1:02d}/{day.day:02d}/{hour_us % DAY_US // HOUR_US:02d}h_ticks.bi5"
        found.append((Path(place), formats.bi5(tape.hour(hour_us))))
    return found


@pytest.fixture(scope="module")
def undisturbed(
    shared_platform: Platform, venue: Venue, files: list[tuple[Path, bytes]]
) -> dict[str, pa.Table]:
    shared_platform.await_up()
    series = _collect(shared_platform, venue, files, UNDISTURBED)
    shared_platform.backfill(series, *SPAN)
    return _tables(shared_platform, series)


@pytest.mark.timeout(900)
@pytest.mark.parametrize(("victim", "stage"), CASES)
def test_after_a_kill_the_tables_are_those_of_an_undisturbed_run(
    platform: Platform,
    venue: Venue,
    files: list[tuple[Path, bytes]],
    undisturbed: dict[str, pa.Table],
    victim: str,
    stage: Stage,
) -> None:
    series = _collect(platform, venue, files, next(SYMBOLS))
    platform.run("backfill", series, "--from", SPAN[0], "--to", SPAN[1])
    run_id = _await_stage(platform, series, stage)
    {
        "run": partial(_kill_run, platform, run_id),
        "broker": partial(_kill_program, platform, "pulsar"),
        "database": partial(_kill_program, platform, "postgres"),
        "platform": partial(_kill_everything, platform),
    }[victim]()
    if victim == "platform":
        platform.run("up", "--detach")

    _await_completion(platform, series)
    if victim in {"run", "platform"}:
        # Dagster starts it anew within a minute.
        assert any(_is_retry_of(run_id, row) for row in _runs(platform, series))
    tables = _tables(platform, series)
    assert [name for name, table in tables.items() if not table.equals(undisturbed[name])] == []


def _collect(platform: Platform, venue: Venue, files: list[tuple[Path, bytes]], symbol: str) -> str:
    for place, body in files:
        target = venue.folder / symbol / place
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(body)
    platform.run("add", symbol)
    return f"dukascopy:{symbol.lower()}:quotes"


def _tables(platform: Platform, series: str) -> dict[str, pa.Table]:
    """Everything that a client sees of a series: every tick, every candle, every hour's state."""
    with platform.client() as client:
        shown = {name: client.candles(series, name, *SPAN) for name in Timeframe}
        shown["ticks"] = client.ticks(series, *SPAN)
        # When the hours were fetched is another matter.
        shown["coverage"] = client.coverage(series, *SPAN).select(["hour", "state", "reason", "ticks"])
        return shown


def _runs(platform: Platform, series: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = platform.ask_dagster(_STEPS, series=series)["runsOrError"]["results"]
    # Other tests may have asked for other days of the same pair.
    first = {"key": pipeline.RANGE_START_TAG, "value": SPAN[0]}
    return [row for row in rows if first in row["tags"]]


def _is_retry_of(run_id: str, row: dict[str, Any]) -> bool:
    return {"key": "dagster/parent_run_id", "value": run_id} in row["tags"]


def _await_stage(platform: Platform, series: str, stage: Stage) -> str:
    """The id of the run whose step of this stage has begun."""
    at_work: list[str] = []

    def begun() -> list[str]:
        for row in _runs(platform, series):
            steps = {step["stepKey"].rpartition("__")[2] for step in row["stepStats"] if step["status"]}
            if stage.value in steps:
                at_work.append(row["runId"])
            assert row["status"] != "FAILURE", f"run {row['runId']} failed before {stage}"
        return at_work

    until(f"{stage} of {series} has begun (see the logs of {platform.home})", begun, DEADLINE_S)
    return at_work[0]


def _kill_run(platform: Platform, run_id: str) -> None:
    events = platform.ask_dagster(_PROCESS, id=run_id)["logsForRun"]["events"]
    pids = [
        int(event["message"].rpartition("pid: ")[2].split(")")[0])
        for event in events
        if "pid: " in event.get("message", "")
    ]
    assert pids, f"run {run_id} does not tell its process"
    os.kill(pids[0], signal.SIGKILL)


def _kill_program(platform: Platform, name: str) -> None:
    server = psutil.Process(supervisor.states(Home(platform.home))[name].pid)
    _kill_all([*server.children(recursive=True), server])


def _kill_everything(platform: Platform) -> None:
    """As when the machine's power goes: each process of this home at once, the supervisor first."""
    ours = []
    for process in psutil.process_iter(["pid", "cmdline", "environ"]):
        environment, command = process.info["environ"] or {}, " ".join(process.info["cmdline"] or ())
        mine = environment.get("CANDLEWICK_HOME") == str(platform.home) or str(platform.home) in command
        if mine and process.pid != os.getpid():
            ours.append(process)
    _kill_all(sorted(ours, key=lambda one: "supervisord" not in " ".join(one.info["cmdline"])))
    psutil.wait_procs(ours, timeout=30)


def _kill_all(processes: list[psutil.Process]) -> None:
    for process in processes:
        # A server ends its own helpers once one of them is gone.
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


def _await_completion(platform: Platform, series: str) -> None:
    def complete() -> bool:
        try:
            with platform.client() as client:
                if any(row.hole for row in client.coverage_rows(series, *SPAN)):
                    return False
            return any(row["status"] == "SUCCESS" for row in _runs(platform, series))
        except (DatabaseUnavailableError, httpx.HTTPError):
            return False

    until(f"{series} is complete (see the logs of {platform.home})", complete, DEADLINE_S)
