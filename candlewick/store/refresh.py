"""Candles are made here: the dirty hours of a series, lowest timeframe first."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from time import perf_counter

from candlewick.candles import Level
from candlewick.instruments import Kind
from candlewick.store.database import Connection, Database, run
from candlewick.store.series import UnknownSeriesError
from candlewick.times import DAY_US, HOUR_US, from_us

# Hours per transaction: enough to amortise it, few enough that others need not wait long.
HOURS_AT_ONCE = 744

# A candle of the daily level that an hour lies in is less than this away on either side.
_WEEK_US = 8 * DAY_US


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


def _lock(connection: Connection, name: str) -> tuple[int, Kind]:
    """Waits for any other refresh of the series; its id and kind."""
    row = run(connection, "lock_candles", {"series": name}).fetchone()
    if row is None:
        raise UnknownSeriesError(name)
    return row[0], Kind(row[1])


def _dirty(
    connection: Connection, level: Level, kind: Kind, parameters: Mapping[str, object]
) -> list[tuple[int, int]]:
    name = "dirty_daily" if level is Level.DAILY else f"dirty_intraday_{kind}"
    return run(connection, name, {**parameters, "hours_at_once": HOURS_AT_ONCE}).fetchall()


def _make(connection: Connection, level: Level, name: str, start_us: int, end_us: int) -> Refreshed:
    series_id, kind = _lock(connection, name)
    known = {"series_id": series_id, "series": name}
    span = {"start_at": from_us(start_us), "end_at": from_us(end_us)}
    dirty = _dirty(connection, level, kind, known | span)
    if not dirty:
        return Refreshed()
    hours = [hour for hour, _ in dirty]
    # Bounds that the planner sees let it leave out the chunks of a hypertable.
    margin = _WEEK_US if level is Level.DAILY else 0
    row = run(
        connection,
        f"make_{level}_{kind}",
        known
        | {
            "hours": [from_us(hour) for hour in hours],
            "start_at": from_us(hours[0] - margin),
            "end_at": from_us(hours[-1] + HOUR_US + margin),
        },
    ).fetchone()
    return Refreshed(len(hours), sum(ticks for _, ticks in dirty), row[0] if row else 0)


def refresh(database: Database, name: str, level: Level, start_us: int, end_us: int) -> Refreshed:
    """See `Store.refresh`."""
    began = perf_counter()
    done = Refreshed()
    while True:
        with database.transaction() as connection:
            made = _make(connection, level, name, start_us, end_us)
        done += made
        if made.hours < HOURS_AT_ONCE:
            return done + Refreshed(seconds=perf_counter() - began)


def dirty_series(connection: Connection, venues: Collection[str], start_us: int) -> list[str]:
    """See `Store.dirty_series`."""
    rows = run(connection, "dirty_series", {"venues": list(venues), "start_at": from_us(start_us)})
    return [name for (name,) in rows]


def distrust(connection: Connection, name: str, start_us: int, end_us: int) -> None:
    """See `Store.distrust_candles`."""
    series_id, kind = _lock(connection, name)
    run(
        connection,
        f"distrust_{kind}",
        {
            "series_id": series_id,
            "series": name,
            "start_at": from_us(start_us),
            "end_at": from_us(end_us),
        },
    )
