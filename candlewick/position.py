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
