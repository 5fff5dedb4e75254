"""A backfill through Dagster: month-sized runs asked for over HTTP, watched until they are done.

Runs are launched directly, not by Dagster's backfill daemon, which wakes twice a minute only.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Protocol

from candlewick import pipeline
from candlewick.dagster_client import Run, RunStatus
from candlewick.errors import CandlewickError
from candlewick.instruments import Series

# So many runs wait or work at a time: enough to keep the queue from running dry, few enough that a
# cancelled command leaves little behind.
RUNS_AHEAD = 4

# Below the sensor's runs: the day that is running now does not wait for twenty years of history.
PRIORITY = "-1"


class Runs(Protocol):
    """What a backfill needs of Dagster."""

    def launch(self, series: Series, first: date, last: date, tags: dict[str, str]) -> str: ...
    def runs(self, run_ids: Sequence[str]) -> dict[str, Run]: ...
    def retried_as(self, run_id: str) -> str | None: ...
    def why_failed(self, run_id: str) -> str: ...
    def reload(self) -> None: ...


@dataclass
class Chunk:
    """The days of one run and what became of it.

    Attributes:
        reason: why it failed; empty otherwise.
    """

    days: list[date]
    run_id: str = ""
    status: RunStatus = RunStatus.NOT_STARTED
    reason: str = ""

    @property
    def done(self) -> bool:
        return self.status.finished


@dataclass
class Backfill:
    """The chunks of one command, in order."""

    series: Series
    chunks: list[Chunk]
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        return all(chunk.status is RunStatus.SUCCESS for chunk in self.chunks)


def plan(series: Series, days: Sequence[date], *, recheck: bool) -> Backfill:
    """Days cut into runs of a month."""
    tags = {
        pipeline.REASON_TAG: "asked for by hand",
        pipeline.RECHECK_TAG: "true" if recheck else "false",
        pipeline.PRIORITY_TAG: PRIORITY,
    }
    return Backfill(series, [Chunk(month) for month in pipeline.months(days)], tags)


def launch(backfill: Backfill, chunk: Chunk, dagster: Runs) -> None:
    """Asks for one chunk's run; a series that Dagster does not know yet is made known first."""
    series, first, last = backfill.series, chunk.days[0], chunk.days[-1]
    try:
        chunk.run_id = dagster.launch(series, first, last, backfill.tags)
    except CandlewickError:
        dagster.reload()
        chunk.run_id = dagster.launch(series, first, last, backfill.tags)
    chunk.status = RunStatus.QUEUED


def watch(backfill: Backfill, dagster: Runs, pause: Callable[[], None]) -> Iterator[list[Chunk]]:
    """Launches the chunks, a few at a time, and yields those that finished since the last round.

    A run whose process died is followed to the one that Dagster starts in its place.
    """
    waiting = deque(backfill.chunks)
    at_work: list[Chunk] = []
    while waiting or at_work:
        while waiting and len(at_work) < RUNS_AHEAD:
            chunk = waiting.popleft()
            launch(backfill, chunk, dagster)
            at_work.append(chunk)
        known = dagster.runs([chunk.run_id for chunk in at_work])
        for chunk in at_work:
            _update(chunk, known.get(chunk.run_id), dagster)
        finished = [chunk for chunk in at_work if chunk.done]
        at_work = [chunk for chunk in at_work if not chunk.done]
        yield finished
        if not finished:
            pause()


def _update(chunk: Chunk, run: Run | None, dagster: Runs) -> None:
    if run is None:
        chunk.status, chunk.reason = RunStatus.CANCELED, "Dagster knows nothing of its run any more"
        return
    if run.status is RunStatus.FAILURE:
        successor = dagster.retried_as(chunk.run_id)
        if successor:
            chunk.run_id, chunk.status = successor, RunStatus.QUEUED
            return
        if successor is not None:
            return
        chunk.reason = dagster.why_failed(chunk.run_id)
    elif run.status is RunStatus.CANCELED:
        chunk.reason = "it was cancelled"
    chunk.status = run.status
