"""How often a host may be asked."""

from enum import StrEnum
from typing import Protocol

from candlewick.errors import CandlewickError


class Outcome(StrEnum):
    """What became of a request, as far as the pace is concerned."""

    ANSWERED = "answered"
    THROTTLED = "throttled"
    FAILED = "failed"


class HostClosedError(CandlewickError):
    """The host is left alone for a while after repeated failure."""


class Limiter(Protocol):
    """Shared by all that ask a host."""

    @property
    def pause_s(self) -> float:
        """Seconds to wait, at first, before a failed request is made again."""

    def acquire(self, host: str) -> None:
        """Wait for this request's turn; raises HostClosedError when that is not soon."""

    def report(self, host: str, outcome: Outcome, *, retry_after_s: float | None = None) -> None:
        """Say what became of it."""


class Unpaced:
    """No limit at all: for a simulator of one's own."""

    pause_s = 0.01

    def acquire(self, host: str) -> None:
        """Never waits."""

    def report(self, host: str, outcome: Outcome, *, retry_after_s: float | None = None) -> None:
        """Nothing to learn."""
