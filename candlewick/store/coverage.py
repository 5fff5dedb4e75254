"""What is there of each hour, what is not, and why."""

from dataclasses import dataclass

from candlewick.hours import Gap, HourState
from candlewick.store.database import Connection, run
from candlewick.times import from_us


@dataclass(frozen=True, slots=True)
class CoverageRow:
    """What is known of one hour.

    Attributes:
        reason: why it is not `data`; None for hours that a venue's answer settled.
        hole: it has begun and is neither data nor closed, or it has a gap that was not filled.
        ticks: how many are stored, also of a pending hour.
        gaps: known holes in it.
        revision, source: of the stored row, if there is one.
        problem, problem_reason: state and reason of the last attempt, where that failed; good data may
            lie beside it.
        attempts, last_try_us: how often that was tried, and when last.
    """

    hour_us: int
    state: HourState
    reason: str | None
    hole: bool
    ticks: int
    gaps: tuple[Gap, ...]
    revision: int | None
    source: str | None
    problem: HourState | None
    problem_reason: str | None
    attempts: int | None
    last_try_us: int | None


def coverage(
    connection: Connection, series: str, start_us: int, end_us: int, as_of_us: int
) -> list[CoverageRow]:
    """See `Store.coverage`."""
    parameters = {
        "series": series,
        "start_at": from_us(start_us),
        "end_at": from_us(end_us),
        "as_of": from_us(as_of_us),
    }
    rows = []
    for (
        hour,
        state,
        reason,
        hole,
        ticks,
        gap_from,
        gap_to,
        revision,
        source,
        problem,
        problem_reason,
        attempts,
        last_try,
    ) in run(connection, "coverage", parameters):
        spans = zip(gap_from.tolist(), gap_to.tolist(), strict=True)
        rows.append(
            CoverageRow(
                hour,
                HourState(state),
                reason,
                hole,
                ticks,
                tuple(Gap(start, end) for start, end in spans),
                revision,
                source,
                HourState(problem) if problem else None,
                problem_reason,
                attempts,
                last_try,
            )
        )
    return rows
