"""What was proved of each day: that it landed, that its candles are right, that the venue agrees."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from candlewick.instruments import Series
from candlewick.store.database import Connection, run
from candlewick.times import from_us


class ProofKind(StrEnum):
    LANDED = "landed"
    RECOUNT_INTRADAY = "recount-intraday"
    RECOUNT_DAILY = "recount-daily"
    VENUE = "venue"


@dataclass(frozen=True, slots=True)
class Proof:
    """The outcome of a check of one UTC day.

    Attributes:
        holds: None where there was nothing to compare with.
        detail: what differs, or why nothing could be compared; empty where it holds.
    """

    day: date
    holds: bool | None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class FailedHour:
    """An hour that could not be had, how often it was tried, and why."""

    hour_us: int
    reason: str
    attempts: int


def note_proofs(
    connection: Connection, series: str, kind: ProofKind, proofs: Sequence[Proof], checked_us: int
) -> None:
    """See `Store.note_proofs`."""
    run(
        connection,
        "note_proofs",
        {
            "series": series,
            "proof": str(kind),
            "days": [proof.day for proof in proofs],
            "holds": [proof.holds for proof in proofs],
            "details": [proof.detail for proof in proofs],
            "checked_at": from_us(checked_us),
        },
    )


def broken_proofs(connection: Connection, series: str, kind: ProofKind) -> list[Proof]:
    parameters = {"series": series, "proof": str(kind)}
    return [Proof(*row) for row in run(connection, "broken_proofs", parameters)]


def count_proofs(connection: Connection, series: str, kind: ProofKind) -> tuple[int, int, int]:
    row = run(connection, "count_proofs", {"series": series, "proof": str(kind)}).fetchone()
    return (row[0], row[1], row[2]) if row else (0, 0, 0)


def failed_hours(connection: Connection, series: str) -> list[FailedHour]:
    return [FailedHour(*row) for row in run(connection, "failed_hours", {"series": series})]


def series_added(connection: Connection) -> dict[str, int]:
    """When each series was added, microseconds since 1970, UTC."""
    return dict(run(connection, "series_added").fetchall())


def forget_hours(connection: Connection, series: Series, hours_us: Sequence[int]) -> None:
    """See `Store.forget_hours`."""
    parameters = {"series": series.name, "hours": [from_us(hour) for hour in hours_us]}
    run(connection, f"forget_hours_{series.kind}", parameters)
