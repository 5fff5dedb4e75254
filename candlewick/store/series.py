"""Series, weekly sessions, and the kind of installation."""

from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Any

from candlewick.candles import trading_day
from candlewick.errors import CandlewickError
from candlewick.instruments import AssetClass, Kind, Series
from candlewick.store.database import Connection, run
from candlewick.times import from_us


class SeriesState(StrEnum):
    """Whether a series is collected, for now not, or not any more; what is stored of it stays."""

    COLLECTED = "collected"
    PAUSED = "paused"
    REMOVED = "removed"


class UnknownSeriesError(CandlewickError):
    """The database has no series of that name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no series {name} is collected here", "add it with `candlewick add`")


def _series(row: tuple[Any, ...]) -> Series:
    _, venue, symbol, kind, asset_class, price_scale, volume_scale, calendar = row
    return Series(venue, symbol, Kind(kind), AssetClass(asset_class), price_scale, volume_scale, calendar)


def add_series(connection: Connection, series: Series, first_tick_us: int | None) -> int:
    """See `Store.add_series`."""
    day = trading_day(series.asset_class, series.venue)
    run(
        connection,
        "add_series",
        {
            "name": series.name,
            "venue": series.venue,
            "symbol": series.symbol,
            "kind": series.kind,
            "asset_class": series.asset_class,
            "price_scale": series.price_scale,
            "volume_scale": series.volume_scale,
            "calendar": series.calendar,
            "day_zone": day.zone,
            "turn_hour": day.turn_hour,
            "week_start": day.week_start,
            "first_tick": None if first_tick_us is None else from_us(first_tick_us),
        },
    )
    series_id, known = known_series(connection, series.name)
    if (known.price_scale, known.volume_scale) != (series.price_scale, series.volume_scale):
        raise CandlewickError(
            f"{series.name} is kept with {known.price_scale} price and {known.volume_scale} volume decimals, "
            f"not {series.price_scale} and {series.volume_scale}",
            "a venue that changes its decimals needs a migration of what is stored",
        )
    return series_id


def find_series(connection: Connection, name: str) -> tuple[int, Series] | None:
    """The id and definition of a series, if it is collected here."""
    row = run(connection, "series_by_name", {"name": name}).fetchone()
    return (row[0], _series(row)) if row else None


def known_series(connection: Connection, name: str) -> tuple[int, Series]:
    """Like `find_series`.

    Raises:
        UnknownSeriesError: no such series.
    """
    found = find_series(connection, name)
    if found is None:
        raise UnknownSeriesError(name)
    return found


def all_series(connection: Connection) -> list[Series]:
    """Every series that is not removed, by name."""
    return [_series(row) for row in run(connection, "all_series")]


def wanted_series(connection: Connection) -> list[Series]:
    """Every series that is neither paused nor removed, by name."""
    return [_series(row) for row in run(connection, "wanted_series")]


def series_states(connection: Connection) -> dict[str, SeriesState]:
    """The state of every series that there ever was and whose data was not deleted."""
    return {name: SeriesState(state) for name, state in run(connection, "series_states")}


def set_series_state(connection: Connection, names: Sequence[str], state: SeriesState) -> None:
    run(connection, "set_series_state", {"names": list(names), "state": state.value})


def delete_series(connection: Connection, series: Series) -> None:
    """See `Store.delete_series`."""
    parameters = {"series": series.name}
    for table in (f"{series.kind}_candles", f"{series.kind}_hours", "marks", "notes", "row"):
        run(connection, f"delete_series_{table}", parameters)


def write_sessions(
    connection: Connection,
    calendar: str,
    sessions: Iterable[tuple[int, int]],
    known: tuple[int, int],
) -> None:
    """See `Store.write_sessions`."""
    spans = [(from_us(start), from_us(end)) for start, end in sessions]
    run(
        connection,
        "know_calendar",
        {"name": calendar, "start_at": from_us(known[0]), "end_at": from_us(known[1])},
    )
    run(connection, "forget_sessions", {"name": calendar})
    run(
        connection,
        "write_sessions",
        {
            "name": calendar,
            "starts": [start for start, _ in spans],
            "ends": [end for _, end in spans],
        },
    )


def stamp(connection: Connection, kind: str) -> None:
    """See `Store.stamp`."""
    run(connection, "stamp", {"kind": kind})
    row = run(connection, "stamped").fetchone()
    if row is not None and row[0] != kind:
        raise CandlewickError(
            f"this database holds {row[0]} data, not {kind} data",
            "give each kind a home and a database of its own (`make demo` has one)",
        )
