"""The ticks of one synthetic instrument: any hour by itself, the same whatever was asked before.

Randomness comes from a counter-based generator keyed by seed and instrument and placed by hour, week or
block, so an hour needs no history. Prices hang together by bridges: a walk over 1,024 weeks that
returns to the instrument's level, a walk over the hours of each week from one knot to the next, and a
walk over the ticks of each hour from one hour's level to the next.
"""

import hashlib
import math
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from candlewick.calendars import calendar
from candlewick.instruments import AssetClass, Instrument
from candlewick.times import DAY_US, HOUR_US, parse_time
from simulators.dukascopy import formats, listings
from simulators.dukascopy.classes import character
from simulators.dukascopy.formats import Records

Floats = npt.NDArray[np.float64]

_WEEK_HOURS = 168
_WEEK_US = _WEEK_HOURS * HOUR_US
_BLOCK_WEEKS = 1024
# Over years a price that swings by more than this would leave what its scale can show.
_MAX_LONG_RUN = 0.25
_CLOSED_SHARE = 0.03  # of an open hour's variance: markets open elsewhere than they closed

# Activity by UTC hour, 1 in the mean: Asia, London's opening, the overlap with New York, the quiet turn.
_WORLD_DAY = np.concatenate(
    (
        [0.75, 0.8, 0.75, 0.6, 0.55, 0.6, 0.9, 1.35, 1.5, 1.35, 1.15, 1.1],
        [1.4, 1.75, 1.9, 1.7, 1.3, 0.95, 0.8, 0.75, 0.65, 0.4, 0.45, 0.6],
    )
)
# A size is this many times the usual one, this often of a thousand.
_MULTIPLES = np.array([1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 7.5, 10.0, 45.0])
_SIZES = np.repeat(_MULTIPLES, [650, 40, 150, 20, 70, 25, 20, 14, 10, 1])
_FINE_SHARE = 0.03  # of volumes are no usual multiple
_HELD_SHARE = 0.5  # of ticks change volumes only

_STREAM_BLOCK, _STREAM_WEEK, _STREAM_HOUR = 1, 2, 3


@dataclass(frozen=True, slots=True)
class _Week:
    """A week's plan, hours counted from its start.

    Attributes:
        levels: logarithm of the price at 169 hour boundaries.
        sigma: volatility of each hour.
        ticks: expected number of ticks of each hour.
        spread: factor of the usual spread in each hour.
        sessions: open spans, microseconds since 1970.
    """

    levels: Floats
    sigma: Floats
    ticks: Floats
    spread: Floats
    sessions: list[tuple[int, int]]


class Tape:
    """One instrument's ticks. Times are the venue's milliseconds since the hour began."""

    def __init__(self, instrument: Instrument, seed: int, ticks_a_day: int) -> None:
        self.instrument = instrument
        self.scale = listings.scale(instrument)
        self._unit = math.pow(10, self.scale)
        self._character = character(instrument, self.scale)
        self._ticks_a_day = ticks_a_day
        digest = hashlib.blake2b(f"{seed}/{instrument.symbol}".encode(), digest_size=16).digest()
        self._key = int.from_bytes(digest, "big")
        self._week = lru_cache(maxsize=64)(self._plan)
        self._knots = lru_cache(maxsize=4)(self._walk)

    def points(self, hour_us: int) -> int:
        """The mid price at the start of an hour as a scaled integer: what holds before any tick."""
        week, hour = divmod(hour_us // HOUR_US, _WEEK_HOURS)
        return max(round(float(np.exp(self._week(week).levels[hour])) * self._unit), 1)

    def hour(self, hour_us: int) -> Records:
        """The ticks of an hour, empty where the market is closed."""
        number = hour_us // HOUR_US
        week, hour = divmod(number, _WEEK_HOURS)
        plan = self._week(week)
        if plan.ticks[hour] == 0:
            return np.empty(0, dtype=formats.TICK)
        rng = self._rng(_STREAM_HOUR, number)
        count = int(rng.poisson(plan.ticks[hour]))
        if count == 0:
            return np.empty(0, dtype=formats.TICK)
        spans = [
            (max(start - hour_us, 0) // 1000, min(end - hour_us, HOUR_US) // 1000)
            for start, end in plan.sessions
            if start < hour_us + HOUR_US and end > hour_us
        ]
        open_ms = sum(end - start for start, end in spans)
        elapsed = np.sort(rng.integers(0, open_ms, count))
        ticks = np.empty(count, dtype=formats.TICK)
        ticks["ms"] = _on_the_clock(elapsed, spans)
        begin, end = plan.levels[hour], plan.levels[hour + 1]
        path = _bridge(rng, elapsed / open_ms, begin, end, plan.sigma[hour])
        mid = np.exp(path) * self._unit
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

    def _rng(self, stream: int, number: int) -> np.random.Generator:
        # The two low words of the counter run; the two high ones place this stream.
        counter = (stream << 192) | (number << 128)
        return np.random.Generator(np.random.Philox(key=self._key, counter=counter))

    def _walk(self, block: int) -> Floats:
        rng = self._rng(_STREAM_BLOCK, block)
        weekly = min(self._character.yearly, _MAX_LONG_RUN) / np.sqrt(52)
        steps = np.cumsum(rng.standard_normal(_BLOCK_WEEKS) * weekly)
        steps -= steps[-1] * np.arange(1, _BLOCK_WEEKS + 1) / _BLOCK_WEEKS
        walk: Floats = np.concatenate(([0.0], steps)) + math.log(self._character.level)
        return walk

    def _plan(self, week: int) -> _Week:
        start_us = week * _WEEK_US
        sessions = self._sessions(start_us)
        hours = start_us + np.arange(_WEEK_HOURS) * HOUR_US
        open_share = _open_share(sessions, hours)
        activity = open_share * self._curve(hours, sessions)
        usual = calendar(self.instrument.calendar).sessions(start_us, start_us + _WEEK_US)
        usual_activity = _open_share(usual, hours) * self._curve(hours, usual)
        rng = self._rng(_STREAM_WEEK, week)
        variance = np.maximum(activity, _CLOSED_SHARE * usual_activity.max())
        nervous = np.exp(0.3 * rng.standard_normal() + 0.25 * np.repeat(rng.standard_normal(7), 24))
        sigma = self._character.yearly / np.sqrt(52) * np.sqrt(variance / variance.sum()) * nervous
        steps = np.cumsum(sigma * rng.standard_normal(_WEEK_HOURS))
        block, offset = divmod(week, _BLOCK_WEEKS)
        knots = self._knots(block)
        share = np.cumsum(sigma**2) / np.sum(sigma**2)
        begin, end = knots[offset], knots[offset + 1]
        levels = np.concatenate(([begin], begin + steps + (end - begin - steps[-1]) * share))
        busy = np.exp(0.15 * rng.standard_normal(_WEEK_HOURS) + 0.15 * np.repeat(rng.standard_normal(7), 24))
        a_day = _full_day(usual_activity)
        ticks = self._ticks_a_day * activity / a_day * busy if a_day else np.zeros(_WEEK_HOURS)
        quiet = 1 / np.sqrt(np.maximum(activity / max(float(usual_activity.max()), 1e-9), 0.1))
        return _Week(levels, sigma, ticks, quiet, sessions)

    def _sessions(self, start_us: int) -> list[tuple[int, int]]:
        """Open spans of a week, holidays taken out."""
        spans = calendar(self.instrument.calendar).sessions(start_us, start_us + _WEEK_US)
        for closed_from, closed_to in holidays(self.instrument.asset_class, start_us, start_us + _WEEK_US):
            spans = [
                part
                for start, end in spans
                for part in ((start, min(end, closed_from)), (max(start, closed_to), end))
                if part[0] < part[1]
            ]
        return spans

    def _curve(self, hours: npt.NDArray[np.int64], sessions: list[tuple[int, int]]) -> Floats:
        """How busy each hour is: by the world's day, or highest at a session's opening and close."""
        if self._character.round_the_clock:
            flat = 0.5 if self.instrument.asset_class is AssetClass.CRYPTO else 0.0
            curve: Floats = flat + (1 - flat) * _WORLD_DAY[hours // HOUR_US % 24]
            return curve
        curve = np.ones(len(hours))
        for start, end in sessions:
            curve[(hours <= start) & (start < hours + HOUR_US)] = 1.8
            curve[(hours < end) & (end <= hours + HOUR_US)] = 1.5
        return curve


def holidays(asset_class: AssetClass, start_us: int, end_us: int) -> list[tuple[int, int]]:
    """Closed spans beyond the weekly ones that overlap [start, end), microseconds since 1970, UTC.

    As the venue lists them for EUR/USD and BTC/USD (Christmas and New Year); other classes as EUR/USD.
    """
    spans = []
    for year in range(1970 + start_us // (366 * DAY_US), 1971 + end_us // (365 * DAY_US)):
        if asset_class is AssetClass.CRYPTO:
            named = [(f"{year}-12-31T15:00", f"{year + 1}-01-01T14:00")]
        else:
            named = [
                (f"{year}-12-25T08:00", f"{year}-12-25T22:00"),
                (f"{year}-12-31T22:00", f"{year + 1}-01-01T22:00"),
            ]
        spans += [(parse_time(first), parse_time(last)) for first, last in named]
    return [(first, last) for first, last in spans if first < end_us and last > start_us]


def _open_share(sessions: list[tuple[int, int]], hours: npt.NDArray[np.int64]) -> Floats:
    """Which part of each hour is open."""
    share = np.zeros(len(hours))
    for start, end in sessions:
        share += np.clip(np.minimum(end, hours + HOUR_US) - np.maximum(start, hours), 0, None) / HOUR_US
    return share


def _full_day(activity: Floats) -> float:
    """The activity of an ordinary day: the mean of those that are not mere beginnings of a week."""
    days = activity.reshape(7, 24).sum(axis=1)
    return float(days[days > days.max() / 2].mean()) if days.max() > 0 else 0.0


def _on_the_clock(elapsed: npt.NDArray[np.int64], spans: list[tuple[int, int]]) -> npt.NDArray[np.int64]:
    """Open time elapsed since the hour began as milliseconds of the hour, pauses put back in."""
    clock = elapsed + spans[0][0]
    passed = 0
    for (start, end), (later, _) in pairwise(spans):
        passed += end - start
        clock[elapsed >= passed] += later - end
    return clock


def _bridge(rng: np.random.Generator, at: Floats, begin: float, end: float, sigma: float) -> Floats:
    """A random walk from `begin` at 0 to `end` at 1, seen at the moments `at`."""
    gaps = np.diff(at, prepend=0.0, append=1.0)
    walk = np.cumsum(np.sqrt(gaps) * rng.standard_normal(len(gaps)))
    path: Floats = begin + (end - begin) * at + sigma * (walk[:-1] - walk[-1] * at)
    return path
