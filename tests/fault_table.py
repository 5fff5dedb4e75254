"""What faults did, as a table: collected while tests run, written where `CANDLEWICK_FAULT_TABLE` says."""

import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Outcome:
    """One fault. Seconds; `noticed` is None where it shows in no figure of its own."""

    venue: str
    fault: str
    noticed: float | None
    recovered: float
    lost: int
    connections: int


def note(outcome: Outcome) -> None:
    """Adds a line to the table."""
    place = os.environ.get("CANDLEWICK_TEST_FAULT_TABLE")
    if not place:
        return
    noticed = "-" if outcome.noticed is None else f"{outcome.noticed:.1f}"
    with Path(place).open("a", encoding="utf-8") as file:
        file.write(
            f"| {outcome.venue} | {outcome.fault} | {noticed} | {outcome.recovered:.1f} "
            f"| {outcome.lost} | 0 | {outcome.connections} |\n"
        )
