"""Candles 1m to 1w of a day and of a month, against the bare query of one-minute candles."""

import time
from collections.abc import Iterator

from benchmarks.figure import Figure
from benchmarks.inputs import another, hours_of, weekdays
from benchmarks.platform import await_rows, opened_database, started
from candlewick import control
from candlewick.candles import Level
from candlewick.history import History
from candlewick.instruments import Series
from candlewick.store.database import run as run_query
from candlewick.times import DAY_US, day_us, from_us

SPANS = {"day": 1, "month": 22}
REPEAT = 5


def run() -> Iterator[Figure]:
    with started() as settings, History(settings) as history:
        for name, count in SPANS.items():
            yield _measure(history, another(f"bench{name}"), name, count)


def _measure(history: History, series: Series, name: str, count: int) -> Figure:
    days = weekdays(count)
    start_us, end_us = day_us(days[0]), day_us(days[-1]) + DAY_US
    control.collect(history, series)
    hours = list(hours_of(series, days))
    history.bus.publish_hours(series, hours)
    await_rows(history, hours)
    ticks = sum(len(hour.ticks) for hour in hours)
    parameters = {"series": series.name, "start_at": from_us(start_us), "end_at": from_us(end_us)}

    def refresh() -> float:
        """Seconds for candles where there are none yet."""
        with opened_database(history.settings) as database, database.transaction() as connection:
            run_query(connection, "benchmark_forget_candles", {"series": series.name})
            run_query(connection, "benchmark_forget_marks", {"series": series.name})
        began = time.perf_counter()
        done = [history.store.refresh(series.name, level, start_us, end_us) for level in Level]
        seconds = time.perf_counter() - began
        if done[0].ticks != ticks:
            raise RuntimeError(f"candles of {done[0].ticks} ticks were made, not of {ticks}")
        return seconds

    def bare() -> float:
        with opened_database(history.settings) as database, database.transaction() as connection:
            began = time.perf_counter()
            run_query(connection, "bare_minutes", parameters).fetchall()
            return time.perf_counter() - began

    pairs = [(refresh(), bare()) for _ in range(REPEAT)]
    seconds, limit = (min(column) for column in zip(*pairs, strict=True))
    return Figure(f"candles {name}", ticks / seconds, "ticks/s", ticks / limit, detail={"ticks": ticks})
