"""A backfill through Dagster: month-sized runs asked for over HTTP, watched until they are done.

Runs are launched directly, not by Dagster's backfill daemon, which wakes twice a minute only.
"""

import time
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

ENDING_S = 60.0
"""How long runs may take to end once they are asked to: a stage lets go of the days that it is about."""

HEARING_S = 20.0
"""After this long a run counts as cancelled though its process has not answered."""

_POLL_S = 0.3
_CANCELLED = {RunStatus.CANCELING, RunStatus.CANCELED}

# Below the sensor's runs: the day that is running now does not wait for twenty years of history.
PRIORITY = "-1"


class Runs(Protocol):
    """What a backfill needs of Dagster."""

    def launch(self, series: Series, first: date, last: date, tags: dict[str, str]) -> str: ...
    def runs(self, run_ids: Sequence[str]) -> dict[str, Run]: ...
    def cancel(self, run_ids: Sequence[str], *, unheard: bool = False) -> None: ...
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
    """The chunks of one command, in order; `cancelled` once somebody has ended one of their runs."""

    series: Series
    chunks: list[Chunk]
    tags: dict[str, str] = field(default_factory=dict)
    cancelled: bool = False

    @property
    def complete(self) -> bool:
        return all(chunk.status is RunStatus.SUCCESS for chunk in self.chunks)


def plan(series: Series, days: Sequence[date], *, recheck: bool) -> Backfill:
    """Days cut into runs of a month."""
    tags = {
        pipeline.REASON_TAG: pipeline.BY_HAND,
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


def launch_all(backfill: Backfill, dagster: Runs) -> Iterator[Chunk]:
    """Asks for all chunks in turn, which takes a second each; yields each.

    Stops once one of them has been cancelled, and ends what it has asked for since: whoever ends a backfill
    that is still being asked for means all of it.

    Raises:
        CandlewickError: Dagster refuses a run, does not answer, or does not end what it has begun.
    """
    asked: list[str] = []
    for chunk in backfill.chunks:
        launch(backfill, chunk, dagster)
        asked.append(chunk.run_id)
        yield chunk
        if any(run.status in _CANCELLED for run in dagster.runs(asked).values()):
            backfill.cancelled = True
            for _ in end(dagster, lambda: _unfinished(dagster, asked)):
                pass
            return


def end(dagster: Runs, active: Callable[[], list[str]]) -> Iterator[list[str]]:
    """Ends runs: asks until there is none, and yields those that are left in each round.

    Args:
        active: the runs that wait or work; asked each time, for some are made meanwhile.

    Raises:
        CandlewickError: some have not ended within `ENDING_S`, or Dagster does not answer.
    """
    began = time.monotonic()
    while runs := active():
        waited_s = time.monotonic() - began
        if waited_s > ENDING_S:
            raise CandlewickError(
                f"{len(runs)} runs have not ended within {ENDING_S:.0f} s: {', '.join(runs[:3])}",
                "Dagster's page of runs shows what they do",
            )
        dagster.cancel(runs, unheard=waited_s > HEARING_S)
        yield runs
        time.sleep(_POLL_S)


def _unfinished(dagster: Runs, run_ids: Sequence[str]) -> list[str]:
    return [run.run_id for run in dagster.runs(run_ids).values() if not run.status.finished]


def watch(backfill: Backfill, dagster: Runs, pause: Callable[[], None]) -> Iterator[list[Chunk]]:
    """Launches the chunks, a few at a time, and yields those that finished since the last round.

    A run whose process died is followed to the one that Dagster starts in its place. Once one is cancelled,
    so are the others, and no more are launched.
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
        if any(run.status is RunStatus.CANCELED for run in known.values()):
            backfill.cancelled = True
        if backfill.cancelled:
            for chunk in waiting:
                chunk.reason = "not asked for: the backfill was cancelled"
            waiting.clear()
            dagster.cancel([chunk.run_id for chunk in at_work])
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
