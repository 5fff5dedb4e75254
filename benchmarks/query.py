"""What a chart asks for: 1,500 candles at any zoom, and 10,000 ticks, through the client.

Figure and limit are the 99th percentile. The limit is a question for a single row through the same
client: no answer can be quicker than that.
"""

import random
import time
from collections.abc import Callable, Iterator

from benchmarks.figure import Figure, percentile
from benchmarks.inputs import another, hours_of, weekdays
from benchmarks.platform import await_rows, opened_database, started
from candlewick import control
from candlewick.candles import Timeframe
from candlewick.client import Client
from candlewick.history import History
from candlewick.store.database import run as run_query
from candlewick.times import from_us, parse_time

CANDLES = 1_500
CANDLES_KEPT = 200_000
TICKS = 10_000
DAYS = 4
REPEAT = 300
FIRST_US = parse_time("2000-01-01")
MINUTES = {
    Timeframe.M1: 1,
    Timeframe.M5: 5,
    Timeframe.M15: 15,
    Timeframe.M30: 30,
    Timeframe.H1: 60,
    Timeframe.H4: 240,
    Timeframe.D1: 1_440,
    Timeframe.W1: 10_080,
}


def run() -> Iterator[Figure]:
    chance = random.Random(7)  # noqa: S311 (the same spans at each run)
    with started() as settings, History(settings) as history, Client(settings) as client:
        zoomed, ticked = another("benchzoom"), another("benchticks")
        for series in (zoomed, ticked):
            control.collect(history, series)
        with opened_database(settings) as database, database.transaction() as connection:
            run_query(connection, "benchmark_candles", {"series": zoomed.name, "rows": CANDLES_KEPT})
            run_query(connection, "benchmark_analyze")
        hours = list(hours_of(ticked, weekdays(DAYS)))
        history.bus.publish_hours(ticked, hours)
        await_rows(history, hours)
        moments = [hour.hour_us + int(us) for hour in hours for us in hour.ticks.us]

        def candles() -> int:
            timeframe = chance.choice(list(MINUTES))
            kept = min(CANDLES_KEPT, 2_600 if timeframe is Timeframe.W1 else CANDLES_KEPT)
            start_us = FIRST_US + chance.randrange(kept - CANDLES) * MINUTES[timeframe] * 60_000_000
            end_us = start_us + CANDLES * MINUTES[timeframe] * 60_000_000
            return len(client.candles(zoomed.name, timeframe.value, from_us(start_us), from_us(end_us)))

        def ticks() -> int:
            first = chance.randrange(len(moments) - TICKS)
            start, end = from_us(moments[first]), from_us(moments[first + TICKS])
            return len(client.ticks(ticked.name, start, end))

        limit = _p99(lambda: client.candles(zoomed.name, "1m", FIRST_US, FIRST_US + 1), REPEAT)
        for name, ask, rows in (("query candles", candles, CANDLES), ("query ticks", ticks, TICKS)):
            least = min(ask() for _ in range(20))
            figure = _p99(ask, REPEAT)
            yield Figure(name, figure * 1000, "ms", limit * 1000, "lower", {"rows": rows, "least": least})


def _p99(ask: Callable[[], object], repeat: int) -> float:
    seconds = []
    for _ in range(repeat):
        began = time.perf_counter()
        ask()
        seconds.append(time.perf_counter() - began)
    return percentile(seconds, 0.99)
