"""What an instrument's price is: quotes by time."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, Protocol

import numpy as np

from candlewick.calendars import Calendar
from candlewick.times import DAY_US, MINUTE_US
from simulators.common import noise
from simulators.common.grid import Block, Grid
from simulators.common.noise import Integers
from simulators.common.path import Path
from simulators.common.underlying import underlying
from simulators.oanda.instruments import Instrument

_KEPT_BLOCKS = 32
_LOOK_BACK_US = 12 * DAY_US
_STREAM_SPREAD, _STREAM_HELD = 20, 21


class Price(NamedTuple):
    """A quote; bid and ask are scaled by the instrument's decimals."""

    time_ns: int
    bid: int
    ask: int


@dataclass(frozen=True, slots=True, eq=False)
class Prices:
    """Quotes in columns, ascending by time."""

    times_ns: Integers
    bid: Integers
    ask: Integers

    def __len__(self) -> int:
        return len(self.times_ns)

    def between(self, after_us: int, until_us: int) -> "Prices":
        """Those within (after, until]."""
        begin = int(np.searchsorted(self.times_ns, (after_us + 1) * 1000))
        end = int(np.searchsorted(self.times_ns, (until_us + 1) * 1000))
        return Prices(self.times_ns[begin:end], self.bid[begin:end], self.ask[begin:end])

    def without(self, times_ns: set[int]) -> "Prices":
        if not times_ns:
            return self
        kept = ~np.isin(self.times_ns, np.fromiter(times_ns, np.int64))
        return Prices(self.times_ns[kept], self.bid[kept], self.ask[kept])

    def rows(self) -> list[Price]:
        return list(map(Price, self.times_ns.tolist(), self.bid.tolist(), self.ask.tolist()))


def joined(parts: list[Prices]) -> Prices:
    """Several in a row as one."""
    if len(parts) == 1:
        return parts[0]
    columns = [
        np.concatenate([column, *(getattr(part, name) for part in parts)])
        for name, column in (("times_ns", _NONE), ("bid", _NONE), ("ask", _NONE))
    ]
    return Prices(*columns)


_NONE = np.empty(0, dtype=np.int64)


class Tape(Protocol):
    """An instrument's quotes."""

    instrument: Instrument

    def prices(self, after_us: int, until_us: int) -> Prices:
        """The quotes within (after, until]."""
        ...

    def last(self, at_us: int) -> Price | None:
        """The quote in force at a moment; None before the first."""
        ...

    def next_us(self, after_us: int) -> int:
        """A moment before which there is no further quote; far in the future where there is none at all."""
        ...

    def is_open(self, at_us: int) -> bool:
        """Whether it can be traded."""
        ...

    def set_rate(self, at_us: int, per_second: float) -> None:
        """Another rate of quotes from a moment on."""
        ...

    def rate(self) -> float:
        """Quotes a second while it is open, in the mean."""
        ...


class SyntheticTape:
    """A market made up: a pure function of seed, instrument, rate and time.

    Args:
        per_second: quotes a second while it is open, in the mean.
        week: when it is open.
    """

    def __init__(self, instrument: Instrument, seed: int, per_second: float, week: Calendar) -> None:
        self.instrument = instrument
        self._key = noise.key("oanda", seed, instrument.name)
        symbol = instrument.underlying or instrument.plain_name
        self._path = Path(underlying(symbol, instrument.display), seed)
        self._tick = 10**instrument.decimals
        self._grid = Grid(self._key, per_second)
        self._week = week
        self._made = lru_cache(maxsize=_KEPT_BLOCKS)(self._make)

    def set_rate(self, at_us: int, per_second: float) -> None:
        self._grid.set_rate(at_us, per_second)
        self._made.cache_clear()

    def rate(self) -> float:
        return self._grid.per_second()

    def is_open(self, at_us: int) -> bool:
        return bool(self._week.sessions(at_us, at_us + 1))

    def next_us(self, after_us: int) -> int:
        return self._grid.time_us(self._grid.number_at(after_us + 1))

    def prices(self, after_us: int, until_us: int) -> Prices:
        number, last = self._grid.number_at(after_us + 1), self._grid.number_at(until_us + 1) - 1
        if last < number or not self._week.sessions(after_us, until_us + 1):
            return Prices(_NONE, _NONE, _NONE)
        parts = []
        for block in self._grid.whole_blocks(number):
            parts.append(self._made(block))
            if block.first + len(block.times_ns) > last:
                break
        return joined(parts).between(after_us, until_us)

    def last(self, at_us: int) -> Price | None:
        sessions = self._week.sessions(at_us - _LOOK_BACK_US, at_us + 1)
        for start_us, end_us in reversed(sessions):
            until_us, span_us = min(at_us, end_us), MINUTE_US
            while until_us > start_us:
                found = self.prices(max(until_us - span_us, start_us - 1), until_us)
                if len(found):
                    return found.rows()[-1]
                until_us, span_us = until_us - span_us, span_us * 8
        return None

    def _make(self, block: Block) -> Prices:
        numbers = np.arange(block.first, block.first + len(block.times_ns), dtype=np.int64)
        times_us = block.times_ns // 1000
        middle = self._path.middle(times_us) * self._tick
        share = 0.8 + 0.4 * noise.uniform(self._key, _STREAM_SPREAD, numbers)
        spread = np.maximum(np.rint(self.instrument.spread * share), 1).astype(np.int64)
        bid = np.maximum(np.floor(middle - spread / 2).astype(np.int64), 1)
        kept = self._open_at(times_us)
        return Prices(block.times_ns[kept], bid[kept], (bid + spread)[kept])

    def _open_at(self, times_us: Integers) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        kept = np.zeros(len(times_us), dtype=np.bool_)
        if len(times_us):
            for start_us, end_us in self._week.sessions(int(times_us[0]), int(times_us[-1]) + 1):
                kept |= (times_us >= start_us) & (times_us < end_us)
        return kept


class RecordedTape:
    """Quotes of a recording, by days that are read when they are wanted.

    Args:
        days: the starts of the recorded UTC days, ascending.
        load: the quotes of one of them.
        span_us: what lies outside this [start, end) is left away.
    """

    def __init__(
        self,
        instrument: Instrument,
        days: list[int],
        load: Callable[[int], Prices],
        span_us: tuple[int, int],
        week: Calendar,
    ) -> None:
        self.instrument = instrument
        self._days = days
        self._load = lru_cache(maxsize=4)(load)
        self._start_us, self._end_us = span_us
        self._week = week

    def set_rate(self, at_us: int, per_second: float) -> None:
        """A recording has its own."""

    def rate(self) -> float:
        return 0.0

    def is_open(self, at_us: int) -> bool:
        return bool(self._week.sessions(at_us, at_us + 1))

    def prices(self, after_us: int, until_us: int) -> Prices:
        after_us, until_us = max(after_us, self._start_us - 1), min(until_us, self._end_us - 1)
        days = [day for day in self._days if day + DAY_US > after_us and day <= until_us]
        parts = [self._load(day).between(after_us, until_us) for day in days]
        return joined(parts) if parts else Prices(_NONE, _NONE, _NONE)

    def last(self, at_us: int) -> Price | None:
        for day in reversed(self._days):
            if day <= at_us:
                found = self.prices(day - 1, min(at_us, day + DAY_US - 1))
                if len(found):
                    return found.rows()[-1]
        return None

    def next_us(self, after_us: int) -> int:
        for day in self._days:
            if day + DAY_US > after_us:
                found = self.prices(max(after_us, day - 1), day + DAY_US - 1)
                if len(found):
                    return int(found.times_ns[0]) // 1000
        return 1 << 62
