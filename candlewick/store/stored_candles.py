"""Stored candles as exact integer columns, for comparing."""

from collections.abc import Sequence
from decimal import Decimal

import numpy as np

from candlewick.candles import CANDLE_COLUMNS, Candles, Timeframe
from candlewick.hours import Column
from candlewick.instruments import Series
from candlewick.store.database import Connection, run
from candlewick.times import from_us


def stored_candles(
    connection: Connection, series: Series, timeframe: Timeframe, start_us: int, end_us: int
) -> Candles:
    """See `Store.stored_candles`."""
    parameters = {
        "series": series.name,
        "timeframe": timeframe,
        "start_at": from_us(start_us),
        "end_at": from_us(end_us),
    }
    row = run(connection, f"stored_candles_{series.kind}", parameters).fetchone()
    names = CANDLE_COLUMNS[series.kind]
    if row is None or row[0] is None:
        empty: Column = np.empty(0, dtype=np.int64)
        return Candles(empty, dict.fromkeys(names, empty))
    ts, *columns = row
    return Candles(ts, {name: _integers(column) for name, column in zip(names, columns, strict=True)})


def _integers(column: Column | Sequence[Decimal]) -> Column:
    """An int64 column; Python integers where a sum does not fit. PostgreSQL's `numeric` comes as decimals."""
    if isinstance(column, np.ndarray):
        return column
    whole = [int(value) for value in column]
    try:
        return np.array(whole, dtype=np.int64)
    except OverflowError:
        return np.array(whole, dtype=object)
