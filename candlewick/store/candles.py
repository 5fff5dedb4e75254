"""Stored candles, read as columns."""

from collections.abc import Iterator, Mapping

import numpy as np

from candlewick.candles import CANDLE_COLUMNS, Candles, Timeframe
from candlewick.hours import Column
from candlewick.instruments import Series
from candlewick.store.database import Connection, run
from candlewick.times import from_us

# Candles per statement: a year of minutes does not stand in memory three times over.
CANDLES_AT_ONCE = 100_000


def read_candles(
    connection: Connection, series: Series, timeframe: Timeframe, start_us: int, end_us: int
) -> Iterator[Candles]:
    """See `Store.read_candles`."""
    names = CANDLE_COLUMNS[series.kind]
    while True:
        parameters = {
            "series": series.name,
            "timeframe": timeframe,
            "start_at": from_us(start_us),
            "end_at": from_us(end_us),
            "rows": CANDLES_AT_ONCE,
        }
        row = run(connection, f"candles_{series.kind}", parameters).fetchone()
        if row is None or row[0] is None:
            return
        ts, *columns = row
        if min(column.min() for column in columns[-3:-1]) < 0:
            columns[-3:-1] = _exact_volumes(connection, series, parameters)
        yield Candles(ts, dict(zip(names, columns, strict=True)))
        if len(ts) < CANDLES_AT_ONCE:
            return
        start_us = int(np.int64(ts[-1])) + 1


def _exact_volumes(
    connection: Connection, series: Series, parameters: Mapping[str, object]
) -> Iterator[Column]:
    """Both volume columns as Python's integers, where one is beyond a bigint."""
    row = run(connection, f"candle_volumes_{series.kind}", parameters).fetchone()
    return (np.array([int(text) for text in column], dtype=object) for column in row or ())
