"""Where a message lies in its topic."""

from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """Ordered as the topic is; a message in chunks lies at one position for each."""

    ledger: int
    entry: int

    def __str__(self) -> str:
        return f"{self.ledger}:{self.entry}"

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """`12:34` as a position; None for the empty text.

        Raises:
            ValueError: it is not written so.
        """
        if not text:
            return None
        ledger, _, entry = text.partition(":")
        return cls(int(ledger), int(entry))


LIVE_SOURCE = "live:"
"""What the `source` of a recorder's hour begins with; the position in the live topic follows."""


def live_source(position: Position) -> str:
    """The source of an hour that was made of a live topic up to a position."""
    return f"{LIVE_SOURCE}{position}"


def live_position(source: str) -> Position | None:
    """Up to where in the live topic an hour was made; None where no recorder made it."""
    return Position.parse(source.removeprefix(LIVE_SOURCE)) if source.startswith(LIVE_SOURCE) else None
