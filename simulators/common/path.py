"""The price of an underlying at any moment, the same for all venues and whatever was asked before.

Randomness comes from hashes and from a counter-based generator, keyed by seed and symbol and placed by hour,
week or block, so no moment needs those before it. Prices hang together by bridges: a walk over 1,024 weeks
that returns to the underlying's level, a walk over the hours of each week from one knot to the next, and
within each hour one from its level to the next one's, by halves.
"""

import hashlib
import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from candlewick.calendars import calendar
from candlewick.instruments import AssetClass
from candlewick.times import DAY_US, HOUR_US, parse_time
from simulators.common import noise
from simulators.common.noise import Floats, Integers
from simulators.common.underlying import Underlying

WEEK_HOURS = 168
_WEEK_US = WEEK_HOURS * HOUR_US
_BLOCK_WEEKS = 1024
# Over years a price that swings by more than this would leave what its scale can show.
_MAX_LONG_RUN = 0.25
_CLOSED_SHARE = 0.03  # of an open hour's variance: markets open elsewhere than they closed
_HALVINGS = 12
"""An hour in spans of 0.9 s, between which the price goes straight."""

# Activity by UTC hour, 1 in the mean: Asia, London's opening, the overlap with New York, the quiet turn.
_WORLD_DAY = np.concatenate(
    (
        [0.75, 0.8, 0.75, 0.6, 0.55, 0.6, 0.9, 1.35, 1.5, 1.35, 1.15, 1.1],
        [1.4, 1.75, 1.9, 1.7, 1.3, 0.95, 0.8, 0.75, 0.65, 0.4, 0.45, 0.6],
    )
)

_STREAM_BLOCK, _STREAM_WEEK = 1, 2
_STREAM_HALVES = 200


@dataclass(frozen=True, slots=True)
class Week:
    """A week of a price, hours counted from its start.

    Attributes:
        levels: logarithm of the price at 169 hour boundaries.
        sigma: volatility of each hour.
        activity: how busy each hour is, 1 in the mean of a day; 0 where the market is closed.
        usual: the same without holidays.
        sessions: open spans, microseconds since 1970.
    """

    levels: Floats
    sigma: Floats
    activity: Floats
    usual: Floats
    sessions: list[tuple[int, int]]


class Path:
    """The price of one underlying."""

    def __init__(self, of: Underlying, seed: int) -> None:
        self._of = of
        self.key = int.from_bytes(
            hashlib.blake2b(f"{seed}/{of.symbol}".encode(), digest_size=16).digest(), "big"
        )
        self._hash = noise.key("path", seed, of.symbol)
        self.week = lru_cache(maxsize=64)(self._plan)
        self._knots = lru_cache(maxsize=4)(self._walk)

    def middle(self, times_us: Integers) -> Floats:
        """The price at given moments, in the quote currency."""
        if not len(times_us):
            return np.zeros(0)
        hours = times_us // HOUR_US
        first, last = int(hours.min()), int(hours.max())
        weeks = [self.week(week) for week in range(first // WEEK_HOURS, last // WEEK_HOURS + 1)]
        levels = np.concatenate([*(week.levels[:-1] for week in weeks), weeks[-1].levels[-1:]])
        sigma = np.concatenate([week.sigma for week in weeks])
        at = hours - first // WEEK_HOURS * WEEK_HOURS
        share = (times_us - hours * HOUR_US) / HOUR_US
        begin, end = levels[at], levels[at + 1]
        prices: Floats = np.exp(begin + (end - begin) * share + sigma[at] * self._bridge(hours, share))
        return prices

    def _bridge(self, hours: Integers, share: Floats) -> Floats:
        """A random walk of variance 1 an hour that ends where it began, by Levy's halving."""
        total = np.zeros(len(share))
        for halving in range(_HALVINGS):
            cells = 1 << halving
            within = share * cells
            cell = within.astype(np.int64)
            tent = 1 - np.abs(2 * (within - cell) - 1)
            number = hours * cells + cell
            first, count = int(number.min()), int(number.max()) - int(number.min()) + 1
            if count <= len(number):
                # Many moments lie in the same cell.
                drawn = noise.bell(self._hash, _STREAM_HALVES + halving, np.arange(first, first + count))
                height = drawn[number - first]
            else:
                height = noise.bell(self._hash, _STREAM_HALVES + halving, number)
            total += height * tent * (0.5 / math.sqrt(cells))
        return total

    def rng(self, stream: int, number: int) -> np.random.Generator:
        """Chance that belongs to this underlying and a number."""
        # The two low words of the counter run; the two high ones place this stream.
        counter = (stream << 192) | (number << 128)
        return np.random.Generator(np.random.Philox(key=self.key, counter=counter))

    def _walk(self, block: int) -> Floats:
        rng = self.rng(_STREAM_BLOCK, block)
        weekly = min(self._of.yearly, _MAX_LONG_RUN) / np.sqrt(52)
        steps = np.cumsum(rng.standard_normal(_BLOCK_WEEKS) * weekly)
        steps -= steps[-1] * np.arange(1, _BLOCK_WEEKS + 1) / _BLOCK_WEEKS
        walk: Floats = np.concatenate(([0.0], steps)) + math.log(self._of.level)
        return walk

    def _plan(self, week: int) -> Week:
        start_us = week * _WEEK_US
        sessions = self._sessions(start_us)
        hours = start_us + np.arange(WEEK_HOURS) * HOUR_US
        activity = _open_share(sessions, hours) * self._curve(hours, sessions)
        usual = calendar(self._of.calendar).sessions(start_us, start_us + _WEEK_US)
        usual_activity = _open_share(usual, hours) * self._curve(hours, usual)
        rng = self.rng(_STREAM_WEEK, week)
        variance = np.maximum(activity, _CLOSED_SHARE * usual_activity.max())
        nervous = np.exp(0.3 * rng.standard_normal() + 0.25 * np.repeat(rng.standard_normal(7), 24))
        sigma = self._of.yearly / np.sqrt(52) * np.sqrt(variance / variance.sum()) * nervous
        steps = np.cumsum(sigma * rng.standard_normal(WEEK_HOURS))
        block, offset = divmod(week, _BLOCK_WEEKS)
        knots = self._knots(block)
        share = np.cumsum(sigma**2) / np.sum(sigma**2)
        begin, end = knots[offset], knots[offset + 1]
        levels = np.concatenate(([begin], begin + steps + (end - begin - steps[-1]) * share))
        return Week(levels, sigma, activity, usual_activity, sessions)

    def _sessions(self, start_us: int) -> list[tuple[int, int]]:
        """Open spans of a week, holidays taken out."""
        spans = calendar(self._of.calendar).sessions(start_us, start_us + _WEEK_US)
        for closed_from, closed_to in holidays(self._of.asset_class, start_us, start_us + _WEEK_US):
            spans = [
                part
                for start, end in spans
                for part in ((start, min(end, closed_from)), (max(start, closed_to), end))
                if part[0] < part[1]
            ]
        return spans

    def _curve(self, hours: Integers, sessions: list[tuple[int, int]]) -> Floats:
        """How busy each hour is: by the world's day, or highest at a session's opening and close."""
        if self._of.asset_class is not AssetClass.EQUITY:
            flat = 0.5 if self._of.asset_class is AssetClass.CRYPTO else 0.0
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


def _open_share(sessions: list[tuple[int, int]], hours: Integers) -> Floats:
    """Which part of each hour is open."""
    share = np.zeros(len(hours))
    for start, end in sessions:
        share += np.clip(np.minimum(end, hours + HOUR_US) - np.maximum(start, hours), 0, None) / HOUR_US
    return share
