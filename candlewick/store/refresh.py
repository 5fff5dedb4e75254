"""Candles are made here: the dirty hours of a series, lowest timeframe first."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from time import perf_counter

from candlewick.candles import Level, Timeframe
from candlewick.instruments import Series
from candlewick.store.database import Connection, Database, run
from candlewick.store.series import known_series
from candlewick.times import from_us

# Hours per transaction: enough to amortise it, few enough that others need not wait long.
HOURS_AT_ONCE = 168

_BELOW = {
    Timeframe.M5: Timeframe.M1,
    Timeframe.M15: Timeframe.M5,
    Timeframe.M30: Timeframe.M15,
    Timeframe.H1: Timeframe.M30,
    Timeframe.H4: Timeframe.H1,
    Timeframe.D1: Timeframe.H4,
    Timeframe.W1: Timeframe.D1,
}
# At least as long as a candle can be, and no shorter than an hour; clocks may turn within one.
_REACH = {
    Timeframe.H4: timedelta(hours=4),
    Timeframe.D1: timedelta(hours=26),
    Timeframe.W1: timedelta(days=8),
}


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What a refresh did: hours that were dirty, their ticks, the candles made, and how long it took."""

    hours: int = 0
    ticks: int = 0
    candles: int = 0
    seconds: float = 0.0

    def __add__(self, other: "Refreshed") -> "Refreshed":
        return Refreshed(
            self.hours + other.hours,
            self.ticks + other.ticks,
            self.candles + other.candles,
            self.seconds + other.seconds,
        )


def _roll_up(
    connection: Connection, series_id: int, series: Series, timeframe: Timeframe, hours_us: list[int]
) -> int:
    row = run(
        connection,
        f"roll_up_{series.kind}",
        {
            "series_id": series_id,
            "timeframe": timeframe,
            "below": _BELOW[timeframe],
            "reach": _REACH.get(timeframe, timedelta(hours=1)),
            "hours": [from_us(hour) for hour in hours_us],
        },
    ).fetchone()
    return int(row[0]) if row else 0


def _make_intraday(
    connection: Connection, series_id: int, series: Series, start_us: int, end_us: int
) -> Refreshed:
    row = run(
        connection,
        f"make_minutes_{series.kind}",
        {
            "series_id": series_id,
            "series": series.name,
            "start_at": from_us(start_us),
            "end_at": from_us(end_us),
            "hours": HOURS_AT_ONCE,
        },
    ).fetchone()
    hours, ticks, candles = row or ([], 0, 0)
    if hours:
        for timeframe in Level.INTRADAY.timeframes[1:]:
            candles += _roll_up(connection, series_id, series, timeframe, hours)
    return Refreshed(len(hours), ticks, candles)


def _make_daily(
    connection: Connection, series_id: int, series: Series, start_us: int, end_us: int
) -> Refreshed:
    row = run(
        connection,
        "daily_dirty",
        {
            "series_id": series_id,
            "start_at": from_us(start_us),
            "end_at": from_us(end_us),
            "hours": HOURS_AT_ONCE,
        },
    ).fetchone()
    hours: list[int] = row[0] if row else []
    candles = 0
    if hours:
        for timeframe in Level.DAILY.timeframes:
            candles += _roll_up(connection, series_id, series, timeframe, hours)
        run(
            connection,
            "mark_daily",
            {"series_id": series_id, "hours": [from_us(hour) for hour in hours]},
        )
    return Refreshed(len(hours), 0, candles)


_MAKERS: dict[Level, Callable[[Connection, int, Series, int, int], Refreshed]] = {
    Level.INTRADAY: _make_intraday,
    Level.DAILY: _make_daily,
}


def refresh(database: Database, name: str, level: Level, start_us: int, end_us: int) -> Refreshed:
    """See `Store.refresh`."""
    began = perf_counter()
    done = Refreshed()
    while True:
        with database.transaction() as connection:
            series_id, series = known_series(connection, name)
            run(connection, "lock_candles", {"series_id": series_id})
            made = _MAKERS[level](connection, series_id, series, start_us, end_us)
        done += made
        if made.hours < HOURS_AT_ONCE:
            return done + Refreshed(seconds=perf_counter() - began)
