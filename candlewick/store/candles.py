"""Stored candles, read as columns."""

from collections.abc import Iterator

import numpy as np

from candlewick.candles import CANDLE_COLUMNS, Candles, Timeframe
from candlewick.hours import Column
from candlewick.store.database import Connection, run
from candlewick.store.series import known_series
from candlewick.times import from_us

# Candles per statement: a year of minutes does not stand in memory three times over.
CANDLES_AT_ONCE = 100_000

_BILLION = 1_000_000_000


def _volume(quotient: Column, remainder: Column) -> Column:
    if int(quotient.max()) < 2**63 // _BILLION:
        return quotient * _BILLION + remainder
    return quotient.astype(object) * _BILLION + remainder


def read_candles(
    connection: Connection, name: str, timeframe: Timeframe, start_us: int, end_us: int
) -> Iterator[Candles]:
    """See `Store.read_candles`."""
    series_id, series = known_series(connection, name)
    names = CANDLE_COLUMNS[series.kind]
    while True:
        row = run(
            connection,
            f"candles_{series.kind}",
            {
                "series_id": series_id,
                "timeframe": timeframe,
                "start_at": from_us(start_us),
                "end_at": from_us(end_us),
                "rows": CANDLES_AT_ONCE,
            },
        ).fetchone()
        if row is None or row[0] is None:
            return
        ts, *prices, first_high, first_low, second_high, second_low, count = row
        columns = [*prices, _volume(first_high, first_low), _volume(second_high, second_low), count]
        yield Candles(ts, dict(zip(names, columns, strict=True)))
        if len(ts) < CANDLES_AT_ONCE:
            return
        start_us = int(np.int64(ts[-1])) + 1
