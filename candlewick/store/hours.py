"""Hours as they are stored: read back into numpy, their content hash made anew."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from candlewick.hours import Gap, Hour, HourState, Quotes, Ticks, Trades
from candlewick.instruments import Kind, Series
from candlewick.store.database import Connection, query, run
from candlewick.times import floor_hour, from_us


@dataclass(frozen=True, slots=True)
class LandedHour:
    """What the database holds of an hour; `content_hash` is as the call that gave it says."""

    state: HourState
    revision: int
    content_hash: bytes
    ticks: int


def _hour(series: Series, row: tuple[Any, ...]) -> Hour:
    hour_us, revision, state, source, price_scale, volume_scale, gap_from, gap_to, *columns = row
    gaps = zip((hour_us + gap_from).tolist(), (hour_us + gap_to).tolist(), strict=True)
    return Hour(
        series=series.name,
        hour_us=hour_us,
        revision=revision,
        state=HourState(state),
        source=source,
        price_scale=price_scale,
        volume_scale=volume_scale,
        ticks=Quotes(*columns) if series.kind is Kind.QUOTES else Trades(*columns),
        gaps=tuple(Gap(start, end) for start, end in gaps),
    )


def _rows(connection: Connection, name: str, parameters: Mapping[str, object]) -> Iterator[tuple[Any, ...]]:
    # A row at a time off the wire: a month of one series would otherwise stand in memory at once.
    with connection.cursor(binary=True) as cursor:
        yield from cursor.stream(query(name), parameters, binary=True)


def _stream(
    connection: Connection, name: str, series: Series, parameters: Mapping[str, object]
) -> Iterator[Hour]:
    for row in _rows(connection, f"{name}_{series.kind}", {"series": series.name, **parameters}):
        yield _hour(series, row)


def read_hours(connection: Connection, series: Series, start_us: int, end_us: int) -> Iterator[Hour]:
    """The stored hours that overlap [start, end), in order."""
    return _stream(
        connection,
        "hours_between",
        series,
        {"start_at": from_us(floor_hour(start_us)), "end_at": from_us(end_us)},
    )


def read_ticks(
    connection: Connection, series: Series, start_us: int, end_us: int
) -> Iterator[tuple[int, Ticks]]:
    """See `Store.read_ticks`."""
    if series.kind is Kind.QUOTES:
        # Their order is that of time, so that the server can cut the arrays: sending them is what costs.
        parameters = {"series": series.name, "start_at": from_us(start_us), "end_at": from_us(end_us)}
        for hour_us, *columns in _rows(connection, "quotes_between", parameters):
            yield hour_us, Quotes(*columns)
        return
    for hour in read_hours(connection, series, start_us, end_us):
        us = hour.ticks.us + hour.hour_us
        inside = (us >= start_us) & (us < end_us)
        yield hour.hour_us, Trades(*(column[inside] for column in hour.ticks.columns()))


def landed(connection: Connection, series: Series, hours_us: Sequence[int]) -> dict[int, LandedHour]:
    """The stored hours among those asked for, each with the hash of its stored arrays, made anew."""
    hours = [from_us(hour) for hour in hours_us]
    return {
        hour.hour_us: LandedHour(hour.state, hour.revision, hour.hash, len(hour.ticks))
        for hour in _stream(connection, "hours_listed", series, {"hours": hours})
    }


def landed_marks(connection: Connection, series: Series, hours_us: Sequence[int]) -> dict[int, LandedHour]:
    """The stored hours among those asked for, each with the hash that its message stated."""
    parameters = {"series": series.name, "hours": [from_us(hour) for hour in hours_us]}
    return {
        hour_us: LandedHour(HourState(state), revision, content_hash, ticks)
        for hour_us, state, revision, ticks, content_hash in run(
            connection, f"landed_marks_{series.kind}", parameters
        )
    }
