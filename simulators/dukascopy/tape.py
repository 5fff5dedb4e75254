"""The ticks of one synthetic instrument: any hour by itself, the same whatever was asked before."""

import math
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np

from candlewick.instruments import Instrument
from candlewick.times import HOUR_US
from simulators.common.noise import Floats, Integers
from simulators.common.path import WEEK_HOURS, Path
from simulators.common.underlying import underlying
from simulators.dukascopy import formats, listings
from simulators.dukascopy.classes import character
from simulators.dukascopy.formats import Records

# A size is this many times the usual one, this often of a thousand.
_MULTIPLES = np.array([1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 7.5, 10.0, 45.0])
_SIZES = np.repeat(_MULTIPLES, [650, 40, 150, 20, 70, 25, 20, 14, 10, 1])
_FINE_SHARE = 0.03  # of volumes are no usual multiple
_HELD_SHARE = 0.5  # of ticks change volumes only

_STREAM_HOUR, _STREAM_BUSY = 3, 4


@dataclass(frozen=True, slots=True)
class _Week:
    """A week's plan, hours counted from its start.

    Attributes:
        ticks: expected number of ticks of each hour.
        spread: factor of the usual spread in each hour.
        sessions: open spans, microseconds since 1970.
    """

    ticks: Floats
    spread: Floats
    sessions: list[tuple[int, int]]


class Tape:
    """One instrument's ticks. Times are the venue's milliseconds since the hour began."""

    def __init__(self, instrument: Instrument, seed: int, ticks_a_day: int) -> None:
        self.instrument = instrument
        self.scale = listings.scale(instrument)
        self._unit = math.pow(10, self.scale)
        self._character = character(instrument.asset_class)
        self._ticks_a_day = ticks_a_day
        self._path = Path(underlying(instrument.symbol, instrument.name), seed)
        self._week = lru_cache(maxsize=64)(self._plan)

    def points(self, hour_us: int) -> int:
        """The mid price at the start of an hour as a scaled integer: what holds before any tick."""
        return max(round(float(self._path.middle(np.array([hour_us]))[0]) * self._unit), 1)

    def hour(self, hour_us: int) -> Records:
        """The ticks of an hour, empty where the market is closed."""
        number = hour_us // HOUR_US
        week, hour = divmod(number, WEEK_HOURS)
        plan = self._week(week)
        if plan.ticks[hour] == 0:
            return np.empty(0, dtype=formats.TICK)
        rng = self._path.rng(_STREAM_HOUR, number)
        count = int(rng.poisson(plan.ticks[hour]))
        if count == 0:
            return np.empty(0, dtype=formats.TICK)
        spans = [
            (max(start - hour_us, 0) // 1000, min(end - hour_us, HOUR_US) // 1000)
            for start, end in plan.sessions
            if start < hour_us + HOUR_US and end > hour_us
        ]
        open_ms = sum(end - start for start, end in spans)
        ticks = np.empty(count, dtype=formats.TICK)
        at_ms = _on_the_clock(np.sort(rng.integers(0, open_ms, count)), spans)
        ticks["ms"] = at_ms
        mid = self._path.middle(hour_us + at_ms * 1000) * self._unit
        spread = mid * (self._character.spread * plan.spread[hour])
        spread = np.maximum(np.rint(spread * rng.gamma(9.0, 1 / 9.0, count)), 1)
        bid = np.maximum(np.rint(mid - spread / 2), 1)
        moved = np.where(rng.random(count) < _HELD_SHARE, 0, np.arange(count))
        priced = np.maximum.accumulate(moved)
        ticks["bid"] = bid[priced]
        ticks["ask"] = (bid + spread)[priced]
        for side in ("ask", "bid"):
            ticks[f"{side}_volume"] = self._volumes(rng, count) / formats.UNITS_PER_MILLION
        return ticks

    def _volumes(self, rng: np.random.Generator, count: int) -> Floats:
        """Whole units; float32 millions hold each of them exactly enough to be read back."""
        own = self._character
        lots = own.lots * _SIZES[rng.integers(0, len(_SIZES), count)]
        fine = rng.random(count) < _FINE_SHARE
        lots = np.where(fine, own.lots * rng.lognormal(0.5, 0.7, count), lots)
        units: Floats = np.maximum(np.rint(lots), 1) * own.lot
        return units

    def _plan(self, week: int) -> _Week:
        price = self._path.week(week)
        rng = self._path.rng(_STREAM_BUSY, week)
        busy = np.exp(0.15 * rng.standard_normal(WEEK_HOURS) + 0.15 * np.repeat(rng.standard_normal(7), 24))
        a_day = _full_day(price.usual)
        ticks = self._ticks_a_day * price.activity / a_day * busy if a_day else np.zeros(WEEK_HOURS)
        quiet = 1 / np.sqrt(np.maximum(price.activity / max(float(price.usual.max()), 1e-9), 0.1))
        return _Week(ticks, quiet, price.sessions)


def _full_day(activity: Floats) -> float:
    """The activity of an ordinary day: the mean of those that are not mere beginnings of a week."""
    days = activity.reshape(7, 24).sum(axis=1)
    return float(days[days > days.max() / 2].mean()) if days.max() > 0 else 0.0


def _on_the_clock(elapsed: Integers, spans: list[tuple[int, int]]) -> Integers:
    """Open time elapsed since the hour began as milliseconds of the hour, pauses put back in."""
    clock = elapsed + spans[0][0]
    passed = 0
    for (start, end), (later, _) in pairwise(spans):
        passed += end - start
        clock[elapsed >= passed] += later - end
    return clock
