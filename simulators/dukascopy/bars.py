"""Candle files from ticks, as the venue writes them: every interval a row, empty ones flat."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from simulators.dukascopy import formats
from simulators.dukascopy.formats import Records
from simulators.dukascopy.paths import Side

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Bars:
    """Candles of the intervals that have ticks, in order; `slot` counts intervals from the start."""

    slot: Ints
    open: Ints
    high: Ints
    low: Ints
    close: Ints
    units: Ints


def from_ticks(ticks: Records, ms: Ints, step_ms: int, side: Side) -> Bars:
    """Candles of one side's prices.

    Args:
        ms: when each tick came, milliseconds since the file's start, not falling.
    """
    slots, first = np.unique(ms // step_ms, return_index=True)
    last = np.append(first[1:], len(ms)) - 1
    name = side.lower()
    prices = ticks[name].astype(np.int64)
    units = np.rint(formats.units(ticks[f"{name}_volume"])).astype(np.int64)
    if not len(ms):
        return Bars(slots, prices, prices, prices, prices, units)
    return Bars(
        slots,
        prices[first],
        np.maximum.reduceat(prices, first),
        np.minimum.reduceat(prices, first),
        prices[last],
        np.add.reduceat(units, first),
    )


def regroup(bars: list[Bars], factor: int) -> Bars:
    """Consecutive candles as longer ones of `factor` intervals each."""
    slot, opens, high, low, close, units = (
        np.concatenate([getattr(part, name) for part in bars]).astype(np.int64)
        for name in ("slot", "open", "high", "low", "close", "units")
    )
    slots, first = np.unique(slot // factor, return_index=True)
    if not len(slot):
        return Bars(slots, opens, high, low, close, units)
    last = np.append(first[1:], len(slot)) - 1
    return Bars(
        slots,
        opens[first],
        np.maximum.reduceat(high, first),
        np.minimum.reduceat(low, first),
        close[last],
        np.add.reduceat(units, first),
    )


def rows(bars: Bars, count: int, step_s: int, before: int) -> Records:
    """The file's rows: `count` intervals, those without ticks flat at the close before them, volume 0.

    Args:
        before: the last price before the file's start.
    """
    filled = np.zeros(count, dtype=formats.CANDLE)
    filled["s"] = np.arange(count) * step_s
    index = np.searchsorted(bars.slot, np.arange(count), side="right")
    close = np.concatenate(([before], bars.close))[index]
    for name in ("open", "close", "low", "high"):
        filled[name] = close
    for name in ("open", "close", "low", "high"):
        filled[name][bars.slot] = getattr(bars, name)
    filled["volume"][bars.slot] = bars.units / formats.UNITS_PER_MILLION
    return filled
