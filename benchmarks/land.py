"""Hours through broker and sink into the table, against the same rows inserted by psycopg directly."""

import time
from collections.abc import Iterator

import psutil
import psycopg
from psycopg import sql

from benchmarks.figure import Figure
from benchmarks.inputs import another, hours_of, weekdays
from benchmarks.platform import await_rows, started
from candlewick import access, control, messages
from candlewick.history import History
from candlewick.hours import Hour
from candlewick.instruments import Kind
from candlewick.local import supervisor
from candlewick.local.home import Home
from candlewick.settings import Settings
from candlewick.topics import hour_table

WARM_DAYS, DAYS = 12, 12


def run() -> Iterator[Figure]:
    with started() as settings, History(settings) as history:
        warm, landed, direct = another("benchwarm"), another("benchland"), another("benchdirect")
        for series in (warm, landed, direct):
            control.collect(history, series)
        # Java compiles what it runs often: the first hours cost it several times as much as later ones.
        _land(history, list(hours_of(warm, weekdays(WARM_DAYS))))
        hours = list(hours_of(landed, weekdays(DAYS)))
        ticks = sum(len(hour.ticks) for hour in hours)
        before = _cpu_seconds(settings)
        seconds = _land(history, hours)
        spent = {name: round(used - before[name], 2) for name, used in _cpu_seconds(settings).items()}
        limit = _insert(settings, list(hours_of(direct, weekdays(DAYS))))
        yield Figure(
            "land",
            ticks / seconds,
            "ticks/s",
            ticks / limit,
            detail={"ticks": ticks, "seconds": round(seconds, 2), "cpu_seconds": spent},
        )


def _land(history: History, hours: list[Hour]) -> float:
    """Seconds from before the first is published until the last is a committed row."""
    began = time.perf_counter()
    history.bus.publish_hours(history.series(hours[0].series), hours)
    await_rows(history, hours)
    return time.perf_counter() - began


def _insert(settings: Settings, hours: list[Hour]) -> float:
    """Seconds to insert the same rows, one a transaction as the sink does, with its own database role."""
    rows = [messages.row(hour) for hour in hours]
    names = messages.fields(Kind.QUOTES)
    statement = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
        sql.Identifier(hour_table(Kind.QUOTES)),
        sql.SQL(", ").join(map(sql.Identifier, names)),
        sql.SQL(", ").join(map(sql.Placeholder, names)),
    )
    with psycopg.connect(access.database_url(settings, access.SINK), autocommit=True) as connection:
        began = time.perf_counter()
        for row in rows:
            connection.execute(statement, row)
        return time.perf_counter() - began


def _cpu_seconds(settings: Settings) -> dict[str, float]:
    """Processor seconds used so far by this process and by each server with its children."""
    home = Home(settings.home)
    used = {"benchmark": _cpu(psutil.Process())}
    for name, state in supervisor.states(home).items():
        if name in {"postgres", "pulsar"} and state.pid:
            process = psutil.Process(state.pid)
            used[name] = _cpu(process) + sum(_cpu(child) for child in process.children(recursive=True))
    return used


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system
