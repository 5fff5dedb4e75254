"""Arrow tables in natural units, made from integer columns without a row at a time.

`time` is timestamp[us, UTC]. Prices and volumes are float64, the number nearest to the exact decimal;
or, with `exact`, text with the scale's digits.
"""

from collections.abc import Iterable, Mapping
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from candlewick.candles import CANDLE_COLUMNS, Candles
from candlewick.hours import Column, Ticks
from candlewick.instruments import Kind, Series
from candlewick.store import CoverageRow

MOMENT = pa.timestamp("us", "UTC")

_TICK_COLUMNS = {
    Kind.QUOTES: ("bid", "ask", "bid_volume", "ask_volume"),
    Kind.TRADES: ("trade_id", "price", "quantity", "side"),
}
_INTEGERS = frozenset({"ticks", "trades", "trade_id"})


@cache
def _sides() -> pa.Array:
    # Not at import: the first array makes pyarrow load pandas, half a second that most commands do not need.
    return pa.array(["sell", "buy"])


def _scale(series: Series, name: str) -> int:
    return series.volume_scale if name.endswith(("volume", "quantity")) else series.price_scale


def _field(series: Series, name: str, *, exact: bool) -> pa.Field:
    if name in _INTEGERS:
        return pa.field(name, pa.int64(), nullable=False)
    if name == "side":
        return pa.field(name, pa.string(), nullable=False)
    return pa.field(name, pa.string() if exact else pa.float64(), nullable=False)


def _schema(series: Series, names: Iterable[str], *, exact: bool) -> pa.Schema:
    time = pa.field("time", MOMENT, nullable=False)
    return pa.schema([time, *(_field(series, name, exact=exact) for name in names)])


def candle_schema(series: Series, *, exact: bool = False) -> pa.Schema:
    """`time` and the design's candle columns of the series' kind."""
    return _schema(series, CANDLE_COLUMNS[series.kind], exact=exact)


def tick_schema(series: Series, *, exact: bool = False) -> pa.Schema:
    """`time` and the design's tick columns of the series' kind."""
    return _schema(series, _TICK_COLUMNS[series.kind], exact=exact)


def _text(values: Column) -> pa.Array:
    return pa.array(values if values.dtype != object else list(map(str, values))).cast(pa.string())


def _decimals(values: Column, scale: int) -> pa.Array:
    """Integers as text with `scale` fraction digits; Arrow's own decimals print 1E-8."""
    if not scale:
        return _text(values)
    sizes, unit = np.abs(values), 10**scale
    digits = pc.utf8_lpad(_text(sizes % unit), scale, "0")
    sign = pa.array(["", "-"]).take(pa.array((values < 0).astype(np.int8)))
    return pc.binary_join_element_wise(
        pc.binary_join_element_wise(sign, _text(sizes // unit), ""), digits, "."
    )


def _array(values: Column, field: pa.Field, scale: int) -> pa.Array:
    if field.name == "side":
        return _sides().take(pa.array((values == 1).astype(np.int8)))
    if pa.types.is_string(field.type):
        return _decimals(values, scale)
    if pa.types.is_floating(field.type):
        # Both are exact below 2^53, so the quotient is the double nearest to the decimal.
        return pa.array(values.astype(np.float64) / 10.0**scale)
    return pa.array(values, type=field.type)


def _table(series: Series, schema: pa.Schema, us: Column, columns: Mapping[str, Column]) -> pa.Table:
    arrays = [pa.array(us).view(MOMENT)]
    arrays += [_array(columns[field.name], field, _scale(series, field.name)) for field in list(schema)[1:]]
    return pa.Table.from_arrays(arrays, schema=schema)


def candle_table(series: Series, candles: Candles, *, exact: bool = False) -> pa.Table:
    """Candles as rows; `time` is where each begins."""
    return _table(series, candle_schema(series, exact=exact), candles.ts, candles.columns)


def tick_table(series: Series, hour_us: int, ticks: Ticks, *, exact: bool = False) -> pa.Table:
    """The ticks of an hour as rows, in their order."""
    columns = dict(zip(ticks.names, ticks.columns(), strict=True))
    return _table(series, tick_schema(series, exact=exact), columns.pop("us") + hour_us, columns)


COVERAGE_SCHEMA = pa.schema(
    [
        pa.field("hour", MOMENT, nullable=False),
        pa.field("state", pa.string(), nullable=False),
        pa.field("reason", pa.string()),
        pa.field("hole", pa.bool_(), nullable=False),
        pa.field("ticks", pa.int64(), nullable=False),
        pa.field("gaps", pa.list_(pa.struct([("from", MOMENT), ("to", MOMENT)])), nullable=False),
        pa.field("source", pa.string()),
        pa.field("problem", pa.string()),
        pa.field("problem_reason", pa.string()),
        pa.field("attempts", pa.int64()),
        pa.field("last_try", MOMENT),
    ]
)


def coverage_table(rows: Iterable[CoverageRow]) -> pa.Table:
    """What is known of each hour, a row each."""
    return pa.Table.from_pylist(
        [
            {
                "hour": row.hour_us,
                "state": str(row.state),
                "reason": row.reason,
                "hole": row.hole,
                "ticks": row.ticks,
                "gaps": [{"from": gap.from_us, "to": gap.to_us} for gap in row.gaps],
                "source": row.source,
                "problem": row.problem and str(row.problem),
                "problem_reason": row.problem_reason,
                "attempts": row.attempts,
                "last_try": row.last_try_us,
            }
            for row in rows
        ],
        schema=COVERAGE_SCHEMA,
    )
