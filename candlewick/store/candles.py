"""Stored candles, read as columns."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from candlewick.candles import CANDLE_COLUMNS, Candles, Timeframe
from candlewick.hours import Column
from candlewick.instruments import Kind, Series
from candlewick.store.database import Connection, run
from candlewick.times import from_us

# Candles per statement: a year of minutes does not stand in memory three times over.
CANDLES_AT_ONCE = 100_000


def read_candles(
    connection: Connection, series: Series, timeframe: Timeframe, start_us: int, end_us: int
) -> Iterator[Candles]:
    """See `Store.read_candles`."""
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
        candles = as_candles(series.kind, row)
        yield candles
        if len(candles) < CANDLES_AT_ONCE:
            return
        start_us = int(np.int64(candles.ts[-1])) + 1


def as_candles(kind: Kind, row: tuple[Any, ...]) -> Candles:
    """The one row that `candles_quotes` or `candles_trades` answers with, as candles."""
    ts, *columns, first_large, second_large = row
    columns[-3:-1] = [_exact(columns[-3], first_large), _exact(columns[-2], second_large)]
    return Candles(ts, dict(zip(CANDLE_COLUMNS[kind], columns, strict=True)))


def _exact(column: Column, large: list[str] | None) -> Column:
    """A column with those volumes in place, as Python's integers, that are beyond a bigint (-1 in it)."""
    if large is None:
        return column
    exact = column.astype(object)
    exact[column < 0] = [int(text) for text in large]
    return exact
