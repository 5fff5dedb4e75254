"""The venue's clock: the real one, one that starts at a chosen moment, or one that stands still."""

import time

from candlewick.times import SECOND_US, now_us


class Clock:
    """Microseconds since 1970, UTC."""

    def __init__(self, start_us: int | None = None, *, running: bool = False) -> None:
        self.set(start_us, running=running)

    def set(self, start_us: int | None, *, running: bool = False) -> None:
        """Goes over to `start_us`, from where it runs on or stands still; None is the real time."""
        self._start_us = start_us
        self._running = running
        self._set_at = time.monotonic()

    def now_us(self) -> int:
        if self._start_us is None:
            return now_us()
        elapsed = time.monotonic() - self._set_at if self._running else 0.0
        return self._start_us + int(elapsed * SECOND_US)
