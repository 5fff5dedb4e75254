"""`python -m streaming.refresher`: candles of live series follow their hours within seconds."""

import time
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Self

import structlog

from candlewick import access
from candlewick.candles import Level
from candlewick.health import Condition, Health
from candlewick.live.wanted import LIVE_VENUES, is_live
from candlewick.settings import Settings
from candlewick.store import Store
from candlewick.times import DAY_US, floor_hour, now_us
from streaming import lifecycle

EVERY_S = 1.0
RECENT_US = 2 * DAY_US
"""Hours that change are nearly always this young."""

ALL_S = 60.0
"""How often older hours are looked at, too."""

_log = structlog.get_logger(__name__)


class Refresher(AbstractContextManager["Refresher"]):
    """Makes the candles of dirty hours anew; a worker of `lifecycle.py`."""

    name = "refresher"

    def __init__(self, settings: Settings) -> None:
        self._store = Store(access.database_url(settings))
        self._all_at = 0.0
        self._hours = 0
        self._series = 0
        self._slowest_s = 0.0

    def __enter__(self) -> Self:
        self._store.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._store.__exit__(kind, error, traceback)

    def turn(self) -> Health:
        """Refreshes what is dirty.

        Raises:
            DatabaseUnavailableError: the database does not answer.
        """
        began = time.monotonic()
        everything = began >= self._all_at
        if everything:
            start_us = 0
            names = [one.name for one in self._store.all_series() if is_live(one)]
            self._series = len(names)
        else:
            start_us = floor_hour(now_us() - RECENT_US)
            names = self._store.dirty_series(LIVE_VENUES, start_us)
        hours = sum(self._store.refresh(name, level, start_us).hours for name in names for level in Level)
        if everything:
            self._all_at = began + ALL_S
        took_s = time.monotonic() - began
        self._hours += hours
        self._slowest_s = max(self._slowest_s, took_s)
        facts = {
            "series": str(self._series),
            "hours refreshed": str(self._hours),
            "turn s": f"{took_s:.3f}",
            "slowest turn s": f"{self._slowest_s:.3f}",
        }
        return Health(self.name, now_us(), Condition.OK, f"candles of {self._series} live series", facts)


def main() -> None:
    settings = Settings()
    lifecycle.run(Refresher(settings), settings, role=access.PULSAR_RECORDER, interval_s=EVERY_S)


if __name__ == "__main__":
    main()
