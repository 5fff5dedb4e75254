"""Candles out of prices, as REST gives them."""

from dataclasses import dataclass

import numpy as np

from candlewick.times import SECOND_US
from simulators.common.noise import Integers
from simulators.common.numbers import decimal
from simulators.oanda.instruments import Instrument
from simulators.oanda.lines import Format
from simulators.oanda.tape import Prices

GRANULARITIES = {
    "S5": 5,
    "S10": 10,
    "S15": 15,
    "S30": 30,
    "M1": 60,
    "M2": 120,
    "M4": 240,
    "M5": 300,
    "M10": 600,
    "M15": 900,
    "M30": 1800,
    "H1": 3600,
}
"""Seconds by name. Longer ones hang on the trading day, and nobody fills a hole with them."""

_SIDES = {"B": "bid", "A": "ask", "M": "mid"}


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which candles are asked for.

    Attributes:
        sides: of `M`, `B`, `A`.
        step_us: length of a candle.
        now_us: candles that end later are not complete.
        form: how times are printed.
    """

    sides: str
    step_us: int
    now_us: int
    form: Format


def candles(instrument: Instrument, prices: Prices, wanted: Wanted) -> list[dict[str, object]]:
    """The candles of these prices; intervals without one are absent, the running one is not complete."""
    if not len(prices):
        return []
    slots = prices.times_ns // 1000 // wanted.step_us
    starts = np.flatnonzero(np.diff(slots, prepend=slots[0] - 1))
    counts = np.diff(starts, append=len(slots))
    columns = {
        _SIDES[side]: _ohlc(_of_side(prices, side), starts, counts, instrument.decimals)
        for side in wanted.sides
    }
    found: list[dict[str, object]] = []
    for index, (slot, count) in enumerate(zip(slots[starts].tolist(), counts.tolist(), strict=True)):
        begin_us = slot * wanted.step_us
        found.append(
            {
                "complete": begin_us + wanted.step_us <= wanted.now_us,
                "volume": count,
                "time": wanted.form(begin_us * 1000),
                **{side: rows[index] for side, rows in columns.items()},
            }
        )
    return found


def _of_side(prices: Prices, side: str) -> Integers:
    if side == "M":
        # The venue has no half points: a middle price goes up.
        middle: Integers = -((-prices.bid - prices.ask) // 2)
        return middle
    return prices.bid if side == "B" else prices.ask


def _ohlc(values: Integers, starts: Integers, counts: Integers, decimals: int) -> list[dict[str, str]]:
    columns = (
        values[starts],
        np.maximum.reduceat(values, starts),
        np.minimum.reduceat(values, starts),
        values[starts + counts - 1],
    )
    return [
        {letter: decimal(value, decimals) for letter, value in zip("ohlc", row, strict=True)}
        for row in zip(*(column.tolist() for column in columns), strict=True)
    ]


def slots_between(from_us: int, to_us: int, granularity: str) -> int:
    """How many candles the span could hold."""
    step_us = GRANULARITIES[granularity] * SECOND_US
    return -(-to_us // step_us) - from_us // step_us
