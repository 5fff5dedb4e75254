"""The venue's clock: the real one, one that starts at a chosen moment, or one that stands still."""

import time

from candlewick.times import SECOND_US, now_us


class Clock:
    """Microseconds since 1970, UTC.

    Attributes:
        changes: how often the time was set; whoever follows the clock must not take a set for a lapse.
    """

    def __init__(self, start_us: int | None = None, *, running: bool = False, speed: float = 1.0) -> None:
        self.changes = 0
        self.set(start_us, running=running, speed=speed)

    def set(self, start_us: int | None, *, running: bool = False, speed: float = 1.0) -> None:
        """Goes over to `start_us`, from where it runs on or stands still; None is the real time.

        Args:
            speed: how many seconds of the venue pass in one.
        """
        self._place(start_us, running=running, speed=speed)
        self.changes += 1

    def _place(self, start_us: int | None, *, running: bool, speed: float) -> None:
        self._start_us = start_us
        self._running = running
        self.speed = speed if start_us is not None else 1.0
        self._set_at = time.monotonic()

    @property
    def stands_still(self) -> bool:
        return self._start_us is not None and not self._running

    def now_us(self) -> int:
        if self._start_us is None:
            return now_us()
        elapsed = time.monotonic() - self._set_at if self._running else 0.0
        return self._start_us + int(elapsed * SECOND_US * self.speed)

    def place(self, now_us: int) -> None:
        """Stands still at a moment that those who follow the clock may take for a lapse of time."""
        self._place(now_us, running=False, speed=self.speed)

    def pause(self) -> None:
        """Stands still where it is, as a halted venue does whose time is only its own."""
        self._place(self.now_us(), running=False, speed=self.speed)

    def go_on(self) -> None:
        """Runs on from where it stands, as fast as it ran."""
        self._place(self.now_us(), running=True, speed=self.speed)
