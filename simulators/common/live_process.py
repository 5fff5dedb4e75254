"""What a test may ask of any simulated live venue that runs as a process."""

from dataclasses import dataclass
from typing import Any, Self

from simulators.common.process import Control


@dataclass(frozen=True)
class LiveVenue(Control):
    """A running simulator of a live venue."""

    def set_clock(self, now: str, *, running: bool = True, speed: float = 1.0) -> Self:
        """The venue's time, ISO 8601; it runs on from there. What is passed over is not told in streams."""
        self.control("PUT", "_clock", {"now": now, "running": running, "speed": speed})
        return self

    def real_clock(self) -> Self:
        """Back to the real time."""
        self.control("DELETE", "_clock")
        return self

    def now(self) -> str:
        """The venue's time, ISO 8601 with microseconds."""
        told: str = self.control("GET", "_clock")["now"]
        return told

    def set_rate(self, rate: float, symbol: str | None = None) -> Self:
        """So many events a second from now on: of one symbol, or of all together."""
        self.control("PUT", "_rate", {"rate": rate} | ({} if symbol is None else {"symbol": symbol}))
        return self

    def connections(self) -> list[dict[str, Any]]:
        """All, oldest first: `number`, `began_us`, `ended_us`, `why` and what they are subscribed to."""
        report: list[dict[str, Any]] = self.control("GET", "_connections")
        return report

    def open_connections(self) -> list[dict[str, Any]]:
        return [connection for connection in self.connections() if connection["ended_us"] is None]

    def end_connections(self, mode: str = "close", number: int | None = None) -> list[int]:
        """Ends one or all of the open ones by `close`, `drop` or `reset`, and says which it ended."""
        wanted: dict[str, Any] = {"mode": mode} | ({} if number is None else {"number": number})
        ended: list[int] = self.control("POST", "_connections/close", wanted)["closed"]
        return ended

    def hits(self, fault: str) -> int:
        """How often faults of this name have befallen something."""
        return sum(rule["hits"] for rule in self.faults() if rule["fault"] == fault)
