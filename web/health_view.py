"""The health strip: broker, database, Dagster, each worker and each sink, with where Dagster shows it."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from typing import Any

import httpx
from async_lru import alru_cache

from candlewick import pipeline
from candlewick.dagster_client import dagster_url
from candlewick.health import Condition
from candlewick.live.wanted import LIVE_VENUES
from candlewick.settings import Settings
from candlewick.times import now_us
from candlewick.watch import look
from candlewick.watch.judge import Verdicts, judge
from candlewick.watch.look import Look, Worker
from candlewick.watch.memory import Memory

EVERY_S = 2.0

_WORDS = {Condition.OK: "ok", Condition.WAITING: "warn", Condition.DEGRADED: "warn"}


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the platform: `state` is ok, warn, down, or off for what is not wanted here.

    `dagster_url` is the asset behind it: the venue, the sink, or, of any other worker, the one that starts it
    anew. Broker and database have none.
    """

    name: str
    state: str
    text: str
    remedy: str = ""
    dagster_url: str | None = None


def parts(seen: Look, verdicts: Verdicts, dagster_problem: str, url: str) -> list[Part]:
    """What a look at the platform comes to. Pure."""
    found = [
        _server("broker", seen.broker_problem),
        _server("database", seen.database_problem),
        _server("dagster", dagster_problem, url),
    ]
    found += [_worker(one, seen, verdicts, url) for one in seen.workers.values()]
    for name, sink in (seen.sinks or {}).items():
        bad = next((one for one in verdicts.outcomes if one.subject == name and one.passed is False), None)
        text = (
            bad.text
            if bad
            else f"{sink.running} of {sink.instances} instances run, {sink.owed} hours are owed"
        )
        state = "ok" if bad is None else "down" if not sink.running else "warn"
        link = f"{url}/assets/{'/'.join(pipeline.sink_path(name))}"
        found.append(Part(f"sink {name}", state, text, "", link))
    return found


_UP = "`candlewick status` shows what runs, `candlewick up` starts it"


def _server(name: str, problem: str, url: str | None = None) -> Part:
    if problem:
        return Part(name, "down", problem, _UP, url)
    return Part(name, "ok", "it answers", "", url)


def _worker(worker: Worker, seen: Look, verdicts: Verdicts, url: str) -> Part:
    name = f"worker {worker.name}"
    is_venue = worker.name in LIVE_VENUES
    path = pipeline.venue_path(worker.name) if is_venue else pipeline.restart_path(worker.name)
    link = f"{url}/assets/{'/'.join(path)}"
    again = f"`candlewick restart {worker.name}` starts it anew"
    if worker.process is not None and worker.process.state != look.RUNNING:
        return Part(name, "down", f"its process is {worker.process.state}", again, link)
    if worker.record is None or worker.silent_us(seen.at_us):
        return Part(name, "down", "it says nothing", again, link)
    if worker.fact("configured") == "no":
        return Part(name, "off", worker.record.summary, "set its credentials", link)
    bad = next(
        (
            one
            for one in verdicts.outcomes
            if one.subject == worker.name and one.passed is False and not one.is_warning
        ),
        None,
    )
    if bad is not None:
        return Part(name, "warn", bad.text, "", link)
    return Part(name, _WORDS[worker.record.condition], worker.record.summary, "", link)


class HealthView:
    """Looks at everything, every two seconds while somebody asks; belongs to one event loop."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._memory = Memory()
        self._seen = alru_cache(maxsize=1, ttl=EVERY_S)(self._see)

    async def now(self) -> dict[str, Any]:
        """What is so, two seconds old at most."""
        return await self._seen()

    async def changes(self) -> AsyncIterator[dict[str, Any]]:
        """What is so, every two seconds, without end."""
        while True:
            yield await self.now()
            await asyncio.sleep(EVERY_S)

    async def _see(self) -> dict[str, Any]:
        return await asyncio.to_thread(self._look)

    def _look(self) -> dict[str, Any]:
        seen = look.take(self._settings)
        verdicts = judge(seen, self._memory)
        url = dagster_url(self._settings)
        found = parts(seen, verdicts, _dagster_problem(url), url)
        return {"at_us": now_us(), "parts": [asdict(one) for one in found]}


def _dagster_problem(url: str) -> str:
    try:
        # Loopback: a proxy of the environment is not for it.
        answer = httpx.get(f"{url}/server_info", timeout=2.0, trust_env=False)
    except httpx.HTTPError as error:
        return f"it does not answer at {url} ({type(error).__name__})"
    return "" if answer.status_code == httpx.codes.OK else f"it answers {answer.status_code} at {url}"
