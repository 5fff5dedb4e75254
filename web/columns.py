"""Columns as they travel: natural units, from one or two series. Pure."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from candlewick.candles import CANDLE_COLUMNS, Candles
from candlewick.hours import Column, Quotes, Ticks, Trades
from candlewick.instruments import Kind, Series

Values = npt.NDArray[np.int64] | npt.NDArray[np.float64] | npt.NDArray[np.str_]
Columns = dict[str, Values]

_COUNTS = {"ticks", "trades", "trade_id"}
_TICK_COLUMNS = {
    Kind.QUOTES: Quotes.names,
    Kind.TRADES: Trades.names,
}
_SIDES = np.array(["sell", "buy"])


def natural(series: Series, name: str, values: Column) -> Values:
    """A column in natural units: of a price or volume the float that is nearest to the exact decimal."""
    if name in _COUNTS:
        return values
    if name == "side":
        sides: Values = _SIDES[(values == 1).astype(np.int64)]
        return sides
    scale = series.volume_scale if name.endswith(("volume", "quantity")) else series.price_scale
    return np.asarray(values.astype(np.float64) / 10.0**scale)


def of_candles(series: Series, candles: Candles) -> Columns:
    """Candles as they travel."""
    found: Columns = {"time_us": candles.ts}
    for name, values in candles.columns.items():
        found[name] = natural(series, name, values)
    return found


def of_ticks(series: Series, hours: Sequence[tuple[int, Ticks]]) -> Columns:
    """Ticks of hours in order, each with its hour's start, as they travel."""
    names = _TICK_COLUMNS[series.kind]
    found: Columns = {}
    for at, name in enumerate(names):
        parts = [ticks.columns()[at] + (hour_us if name == "us" else 0) for hour_us, ticks in hours]
        joined = np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)
        found["time_us" if name == "us" else name] = joined if name == "us" else natural(series, name, joined)
    return found


def empty(kind: Kind, *, ticks: bool) -> Columns:
    """No rows."""
    names = [one for one in _TICK_COLUMNS[kind] if one != "us"] if ticks else CANDLE_COLUMNS[kind]
    none: Values = np.empty(0, dtype=np.int64)
    return {"time_us": none, **dict.fromkeys(names, none)}


def joined(parts: Sequence[Columns], kind: Kind, *, ticks: bool) -> Columns:
    """Parts one after the other."""
    filled = [one for one in parts if len(one["time_us"])]
    if not filled:
        return empty(kind, ticks=ticks)
    if len(filled) == 1:
        return filled[0]
    return {name: np.concatenate([one[name] for one in filled]) for name in filled[0]}


def one_candle(hours: Columns, ts: int) -> Columns:
    """The one candle that begins at `ts`, of finer ones in order; no row where there is none of these."""
    if not len(hours["time_us"]):
        return hours
    found: Columns = {"time_us": np.array([ts], dtype=np.int64)}
    for name, values in hours.items():
        if name == "time_us":
            continue
        if name.endswith("open"):
            found[name] = values[:1]
        elif name.endswith("close"):
            found[name] = values[-1:]
        else:
            reduce = np.max if name.endswith("high") else np.min if name.endswith("low") else np.sum
            found[name] = np.array([reduce(values)])
    return found


def encodable(columns: Columns) -> dict[str, object]:
    """Columns as the encoder takes them, which knows no arrays of text."""
    return {
        name: values.astype(str).tolist() if values.dtype.kind == "U" else np.ascontiguousarray(values)
        for name, values in columns.items()
    }


def length(columns: Mapping[str, Values]) -> int:
    return len(columns["time_us"])
