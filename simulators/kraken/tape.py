"""What happens at the venue in one pair: trades, and moves of the best bid and ask."""

import math
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple, Protocol, TypeVar

import numpy as np

from candlewick.times import DAY_US, MINUTE_US, SECOND_US
from simulators.common import noise
from simulators.common.grid import Block, Grid
from simulators.common.levels import DOLLARS
from simulators.common.noise import Floats, Integers
from simulators.common.path import Path
from simulators.common.underlying import underlying
from simulators.kraken.pairs import Pair

_TOGETHER = 0.3  # of trades belong to the order of the one before
_MARKET_SHARE = 0.4
_USUAL_COST = 900.0  # of a trade, in dollars or thereabouts
_USUAL_BOOK = 15_000.0
_SPREAD = 2e-5
_KEPT_BLOCKS = 8
_STREAM_SIDE, _STREAM_TYPE, _STREAM_QTY, _STREAM_DEPTH, _STREAM_BID_QTY, _STREAM_ASK_QTY = range(10, 16)
_SAMPLES = 288


_Row = TypeVar("_Row")


class Trade(NamedTuple):
    """One trade. Price and quantity are scaled by the pair's decimals; `buy` is the taker's side."""

    trade_id: int
    time_ns: int
    price: int
    qty: int
    buy: bool
    market: bool


class Best(NamedTuple):
    """The best bid and ask after a moment."""

    time_ns: int
    bid: int
    bid_qty: int
    ask: int
    ask_qty: int


@dataclass(frozen=True, slots=True)
class Day:
    """What the ticker tells of the last 24 hours, scaled like price and quantity."""

    volume: int
    vwap: int
    low: int
    high: int
    first: int
    trades: int


class Tape(Protocol):
    """A pair's trades by contiguous ids, and its best prices."""

    pair: Pair

    def next_id(self, at_us: int) -> int:
        """The id of the first trade at or after a moment."""
        ...

    def trades(self, first: int, last: int) -> list[Trade]:
        """Trades by id, both ends included, ascending; those that exist."""
        ...

    def time_us(self, trade_id: int) -> int:
        """When a trade happens; far in the future where none will."""
        ...

    def moves(self, after_us: int, until_us: int) -> list[Best]:
        """What became of bid and ask within (after, until]."""
        ...

    def next_move_us(self, after_us: int) -> int:
        """When bid or ask next move."""
        ...

    def best(self, at_us: int) -> Best:
        """Bid and ask at a moment."""
        ...

    def day(self, at_us: int) -> Day:
        """The 24 hours before a moment."""
        ...

    def set_rate(self, at_us: int, per_second: float) -> None:
        """Another rate of trades from a moment on."""
        ...

    def rate(self) -> float:
        """Trades a second, in the mean."""
        ...


class SyntheticTape:
    """A market made up: a pure function of seed, pair, rate and time.

    Args:
        per_second: trades a second, in the mean.
        quotes: moves of bid or ask for each trade.
    """

    def __init__(self, pair: Pair, seed: int, per_second: float, quotes: float = 1.0) -> None:
        self.pair = pair
        self._key = noise.key("kraken", seed, pair.symbol)
        self._quote_key = noise.key("kraken-book", seed, pair.symbol)
        self._quotes = quotes
        traded = underlying(pair.plain_name, pair.symbol)
        self._path = Path(traded, seed)
        self._tick = 10**pair.price_decimals
        self._grid = Grid(self._key, per_second, _TOGETHER)
        self._moves = Grid(self._quote_key, per_second * quotes)
        self._unit = 10**pair.qty_decimals
        dollars = traded.level * DOLLARS[pair.quote]
        self._usual_qty = max(_USUAL_COST / dollars * self._unit, 1.0)
        self._usual_book = max(_USUAL_BOOK / dollars * self._unit, 1.0)
        self._trade_rows = lru_cache(maxsize=_KEPT_BLOCKS)(self._made_trades)
        self._best_rows = lru_cache(maxsize=_KEPT_BLOCKS)(self._made_bests)
        self._day = lru_cache(maxsize=4)(self._day_until)
        self._sampled = lru_cache(maxsize=4)(self._day_of)

    def set_rate(self, at_us: int, per_second: float) -> None:
        self._grid.set_rate(at_us, per_second)
        self._moves.set_rate(at_us, per_second * self._quotes)
        self._trade_rows.cache_clear()
        self._best_rows.cache_clear()

    def rate(self) -> float:
        return self._grid.per_second()

    def next_id(self, at_us: int) -> int:
        return self._grid.number_at(at_us)

    def time_us(self, trade_id: int) -> int:
        return self._grid.time_us(trade_id)

    def trades(self, first: int, last: int) -> list[Trade]:
        return _collected(self._grid, self._trade_rows, first, last)

    def _made_trades(self, block: Block) -> list[Trade]:
        ids = np.arange(block.first, block.first + len(block.times_ns), dtype=np.int64)
        bid, ask = self._prices(block.times_ns // 1000)
        buy = noise.uniform(self._key, _STREAM_SIDE, block.leaders) < 0.5
        market = noise.uniform(self._key, _STREAM_TYPE, block.leaders) < _MARKET_SHARE
        # An order that takes more than one offer climbs the book.
        depth = (ids - block.leaders) * (
            1 + (noise.uniform(self._key, _STREAM_DEPTH, ids) * 3).astype(np.int64)
        )
        price = np.maximum(np.where(buy, ask + depth, bid - depth), 1)
        size = self._usual_qty * np.exp(1.5 * noise.bell(self._key, _STREAM_QTY, ids) - 1.1)
        qty = np.maximum(size.astype(np.int64), 1)
        return list(
            map(
                Trade,
                ids.tolist(),
                block.times_ns.tolist(),
                price.tolist(),
                qty.tolist(),
                buy.tolist(),
                market.tolist(),
            )
        )

    def _prices(self, times_us: Integers) -> tuple[Integers, Integers]:
        middle = self._middle(times_us)
        spread = np.maximum(np.rint(middle * _SPREAD), 1).astype(np.int64)
        bid = np.maximum(np.floor(middle - spread / 2).astype(np.int64), 1)
        return bid, bid + spread

    def _middle(self, times_us: Integers) -> Floats:
        levels: Floats = self._path.middle(times_us) * self._tick
        return levels

    def moves(self, after_us: int, until_us: int) -> list[Best]:
        first, end = self._moves.number_at(after_us + 1), self._moves.number_at(until_us + 1)
        # With the one before, so that what did not change is told from what did.
        rows = _collected(self._moves, self._best_rows, first - 1, end - 1)
        if first > 1:
            return [row for before, row in pairwise(rows) if (row.bid, row.ask) != (before.bid, before.ask)]
        return rows

    def next_move_us(self, after_us: int) -> int:
        return self._moves.time_us(self._moves.number_at(after_us + 1))

    def best(self, at_us: int) -> Best:
        number = self._moves.number_at(at_us + 1) - 1
        if number >= 1:
            return _collected(self._moves, self._best_rows, number, number)[0]
        return self._made_bests(Block(1, np.array([at_us * 1000]), np.array([1])))[0]

    def _made_bests(self, block: Block) -> list[Best]:
        numbers = np.arange(block.first, block.first + len(block.times_ns), dtype=np.int64)
        bid, ask = self._prices(block.times_ns // 1000)
        quantities = [
            np.maximum(
                (self._usual_book * np.exp(noise.bell(self._quote_key, stream, numbers))).astype(np.int64), 1
            ).tolist()
            for stream in (_STREAM_BID_QTY, _STREAM_ASK_QTY)
        ]
        return list(
            map(Best, block.times_ns.tolist(), bid.tolist(), quantities[0], ask.tolist(), quantities[1])
        )

    def day(self, at_us: int) -> Day:
        # Once a second: a ticker is written with every move.
        return self._day(at_us // SECOND_US)

    def _day_until(self, second: int) -> Day:
        at_us = second * SECOND_US
        sampled = self._sampled(at_us // MINUTE_US)
        last = int(self._middle(np.array([at_us], dtype=np.int64))[0])
        return replace(
            sampled,
            low=min(sampled.low, last),
            high=max(sampled.high, last),
            trades=self.next_id(at_us) - self.next_id(at_us - DAY_US),
        )

    def _day_of(self, minute: int) -> Day:
        """Extremes and mean of samples: a day of a busy market has too many trades to sum."""
        at_us = minute * MINUTE_US
        times = np.linspace(at_us - DAY_US, at_us, _SAMPLES, dtype=np.int64)
        middle = self._middle(times)
        count = self.next_id(at_us) - self.next_id(at_us - DAY_US)
        return Day(
            volume=int(count * self._usual_qty * math.exp(1.5**2 / 2 - 1.1)),
            vwap=int(middle.mean()),
            low=int(middle.min()),
            high=int(middle.max()),
            first=int(middle[0]),
            trades=count,
        )


def _collected(grid: Grid, made: Callable[[Block], list[_Row]], first: int, last: int) -> list[_Row]:
    """The rows of some numbers, both ends included, out of whole blocks that are kept."""
    found: list[_Row] = []
    number = max(first, 1)
    if last < number:
        return found
    for block in grid.whole_blocks(number):
        rows = made(block)
        found += rows[number - block.first : last - block.first + 1]
        number = block.first + len(rows)
        if number > last:
            break
    return found


class RecordedTape:
    """Trades of a recording, ids as they were; bid and ask stand at the last trade's price.

    Args:
        trades: with contiguous ascending ids.
    """

    def __init__(self, pair: Pair, trades: list[Trade]) -> None:
        self.pair = pair
        self._trades = trades
        self._times = [trade.time_ns // 1000 for trade in trades]

    def set_rate(self, at_us: int, per_second: float) -> None:
        """A recording has its own."""

    def rate(self) -> float:
        span_us = self._times[-1] - self._times[0]
        return len(self._trades) / max(span_us / 1e6, 1e-6)

    def next_id(self, at_us: int) -> int:
        return self._trades[0].trade_id + bisect_left(self._times, at_us)

    def trades(self, first: int, last: int) -> list[Trade]:
        begin = self._trades[0].trade_id
        return self._trades[max(first - begin, 0) : max(last - begin + 1, 0)]

    def time_us(self, trade_id: int) -> int:
        index = trade_id - self._trades[0].trade_id
        return self._times[index] if index < len(self._times) else 1 << 62

    def moves(self, after_us: int, until_us: int) -> list[Best]:
        found = self.trades(self.next_id(after_us + 1), self.next_id(until_us + 1) - 1)
        return [_around(trade) for trade in found]

    def next_move_us(self, after_us: int) -> int:
        return self.time_us(self.next_id(after_us + 1))

    def best(self, at_us: int) -> Best:
        before = self.next_id(at_us + 1) - 1
        return _around(self.trades(max(before, self._trades[0].trade_id), 1 << 62)[0])

    def day(self, at_us: int) -> Day:
        found = self.trades(self.next_id(at_us - DAY_US), self.next_id(at_us + 1) - 1) or self._trades[:1]
        volume = sum(trade.qty for trade in found)
        prices = [trade.price for trade in found]
        return Day(
            volume,
            sum(trade.price * trade.qty for trade in found) // volume,
            min(prices),
            max(prices),
            prices[0],
            len(found),
        )


def _around(trade: Trade) -> Best:
    bid = trade.price - 1 if trade.buy else trade.price
    return Best(trade.time_ns, bid, trade.qty, bid + 1, trade.qty)
