"""Candles and ticks of one series as they are stored, and of the newest hours as they will be in a second."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from candlewick.candles import (
    CANDLE_COLUMNS,
    INTRADAY_US,
    Candles,
    Timeframe,
    minute_candles,
    roll_up,
    trading_day,
)
from candlewick.hours import Column, Quotes, Ticks, Trades
from candlewick.instruments import Kind, Series
from candlewick.store.candles import as_candles
from candlewick.times import floor_hour, from_us
from web.database import Connection, rows
from web.hour_map import Span
from web.positions import EdgeHour
from web.zoom import MOST_ASKED_FOR

_MORE = MOST_ASKED_FOR + 1


@dataclass(frozen=True, slots=True)
class Edge:
    """The newest hours of a live series, newest first, as one snapshot of the database has them."""

    hours: Sequence[EdgeHour]

    def dirty_us(self) -> int | None:
        """The first of them whose candles are not made yet of what it holds; None where all are."""
        dirty = [one.hour_us for one in self.hours if not (one.intraday and one.daily)]
        return min(dirty, default=None)


async def edge(connection: Connection, series: Series) -> Edge:
    """The newest hours of a live series."""
    found = await rows(connection, f"chart_edge_{series.kind}", {"series": series.name})
    return Edge([EdgeHour(*row) for row in found])


async def candles(connection: Connection, series: Series, timeframe: Timeframe, span: Span) -> Candles:
    """The stored candles that begin in a span, oldest first."""
    parameters = {
        "series": series.name,
        "timeframe": timeframe,
        "start_at": from_us(span.from_us),
        "end_at": from_us(span.to_us),
        "rows": _MORE,
    }
    (row,) = await rows(connection, f"candles_{series.kind}", parameters)
    return nothing(series.kind) if row[0] is None else as_candles(series.kind, row)


def nothing(kind: Kind) -> Candles:
    none = np.empty(0, dtype=np.int64)
    return Candles(none, dict.fromkeys(CANDLE_COLUMNS[kind], none))


async def candles_at_edge(
    connection: Connection, series: Series, timeframe: Timeframe, span: Span, now: Edge
) -> Candles:
    """Like `candles`, where the newest hours may hold more than their candles were made of.

    What a live view shows must be exactly what is stored up to a position of the topic: until the candles
    follow, which takes a second, they are made here.
    """
    dirty_us = now.dirty_us()
    if dirty_us is None:
        return await candles(connection, series, timeframe, span)
    start_us, end_us = span
    day = trading_day(series.asset_class, series.venue)
    first_us = dirty_us if timeframe in INTRADAY_US else day.start(timeframe, dirty_us)
    stored = await candles(connection, series, timeframe, Span(start_us, min(end_us, first_us)))
    if first_us >= end_us:
        return stored
    minutes = [
        minute_candles(hour_us, hour) for hour_us, hour in await _hours(connection, series, dirty_us, end_us)
    ]
    made = roll_up(joined(series.kind, minutes), min_level(timeframe), day)
    if timeframe not in INTRADAY_US:
        before = await candles(connection, series, Timeframe.H1, Span(first_us, dirty_us))
        made = roll_up(joined(series.kind, [before, made]), timeframe, day)
    inside = (made.ts >= start_us) & (made.ts < end_us)
    made = Candles(made.ts[inside], {name: values[inside] for name, values in made.columns.items()})
    return joined(series.kind, [stored, made])


def min_level(timeframe: Timeframe) -> Timeframe:
    """Itself, or hours, of which the coarser ones are made."""
    return timeframe if timeframe in INTRADAY_US else Timeframe.H1


def joined(kind: Kind, parts: Sequence[Candles]) -> Candles:
    """Candles one after the other."""
    filled = [one for one in parts if len(one)]
    if not filled:
        return nothing(kind)
    return Candles(
        np.concatenate([one.ts for one in filled]),
        {name: np.concatenate([one.columns[name] for one in filled]) for name in filled[0].columns},
    )


async def count_ticks(connection: Connection, series: Series, start_us: int, end_us: int) -> int:
    """How many ticks of a span are stored."""
    parameters = {"series": series.name, "start_at": from_us(start_us), "end_at": from_us(end_us)}
    ((count,),) = await rows(connection, f"chart_count_{series.kind}", parameters)
    return int(count)


async def ticks(
    connection: Connection, series: Series, start_us: int, end_us: int
) -> list[tuple[int, Ticks]]:
    """The stored ticks of a span, by hour."""
    if series.kind is Kind.TRADES:
        return [
            (hour_us, _inside(hour_us, hour, start_us, end_us))
            for hour_us, hour in await _hours(connection, series, start_us, end_us)
        ]
    parameters = {"series": series.name, "start_at": from_us(start_us), "end_at": from_us(end_us)}
    return [
        (hour, Quotes(*columns)) for hour, *columns in await rows(connection, "quotes_between", parameters)
    ]


def _inside(hour_us: int, hour: Ticks, start_us: int, end_us: int) -> Ticks:
    us: Column = hour.us + hour_us
    inside = (us >= start_us) & (us < end_us)
    return type(hour)(*(column[inside] for column in hour.columns()))


async def _hours(
    connection: Connection, series: Series, start_us: int, end_us: int
) -> list[tuple[int, Ticks]]:
    """The stored hours that overlap a span, whole."""
    parameters = {
        "series": series.name,
        "start_at": from_us(floor_hour(start_us)),
        "end_at": from_us(end_us),
    }
    make = Quotes if series.kind is Kind.QUOTES else Trades
    found = await rows(connection, f"hours_between_{series.kind}", parameters)
    return [(row[0], make(*row[8:])) for row in found]
