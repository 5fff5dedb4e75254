"""Stored candles, read as columns."""

from collections.abc import Iterator

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
        ts, *columns, first_large, second_large = row
        columns[-3:-1] = [_exact(columns[-3], first_large), _exact(columns[-2], second_large)]
        yield Candles(ts, dict(zip(names, columns, strict=True)))
        if len(ts) < CANDLES_AT_ONCE:
            return
        start_us = int(np.int64(ts[-1])) + 1


def _exact(column: Column, large: list[str] | None) -> Column:
    """A column with those volumes in place, as Python's integers, that are beyond a bigint (-1 in it)."""
    if large is None:
        return column
    exact = column.astype(object)
    exact[column < 0] = [int(text) for text in large]
    return exact
