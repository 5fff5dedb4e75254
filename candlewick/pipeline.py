"""Names by which the pipeline is reached from outside Dagster: asset keys, pools and run tags.

`pipeline_defs` builds its assets with these names and the command line asks for runs by them, so
that neither imports the other.
"""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from enum import StrEnum
from functools import lru_cache

from candlewick.calendars import calendar
from candlewick.instruments import Series, UnknownInstrumentError, find
from candlewick.times import DAY_US, day_us, us_day

LOCATION = "candlewick"
REPOSITORY = "__repository__"
ASSET_JOB = "__ASSET_JOB"

FETCH_POOL = "dukascopy"
REFRESH_POOL = "candles"

SERIES_TAG = "candlewick/series"
REASON_TAG = "candlewick/reason"
BY_HAND = "asked for by hand"
"""The reason of a run that a person asked for, not the sensor."""

# "false": hours that are final are not asked for again.
RECHECK_TAG = "candlewick/recheck"
PARTITION_TAG = "dagster/partition"
RANGE_START_TAG = "dagster/asset_partition_range_start"
RANGE_END_TAG = "dagster/asset_partition_range_end"
PRIORITY_TAG = "dagster/priority"

# Dukascopy's oldest ticks; a series whose first one is not known can be asked for from here on.
EARLIEST_DAY = date(2003, 5, 4)

# A run holds a month, so that a run's start-up and its events are shared by many days.
DAYS_IN_A_RUN = 31


class Stage(StrEnum):
    """The assets of a series, each made from the one before."""

    RAW = "raw"
    PUBLISHED = "published"
    LANDED = "landed"
    CANDLES_INTRADAY = "candles_intraday"
    CANDLES_DAILY = "candles_daily"


def asset_path(series: Series, stage: Stage) -> list[str]:
    """The asset key of one stage of a series."""
    return [series.venue, series.symbol, series.kind.value, stage.value]


def venue_path(venue: str) -> list[str]:
    """The asset key of a live venue."""
    return [venue, "venue"]


def sink_path(name: str) -> list[str]:
    """The asset key of a sink; a name of keys has no hyphen."""
    return ["sink", name.replace("-", "_")]


def restart_path(name: str) -> list[str]:
    """The asset key of the button that starts a worker or a sink anew."""
    return ["restart", name.replace("-", "_")]


def series_of(path: list[str]) -> str | None:
    """The series that an asset key belongs to; None for an asset of another domain."""
    if len(path) == 4 and path[3] in set(Stage):
        return ":".join(path[:3])
    return None


def partition_key(day: date) -> str:
    return day.isoformat()


def range_tags(first: date, last: date) -> dict[str, str]:
    """Tags that make a run cover the days from `first` to `last`, both included."""
    return {RANGE_START_TAG: partition_key(first), RANGE_END_TAG: partition_key(last)}


def first_day(series: Series) -> date:
    """The UTC day of a series' first tick, where its partitions begin."""
    try:
        first_us = find(series.symbol).first_tick_us
    except UnknownInstrumentError:
        return EARLIEST_DAY
    return EARLIEST_DAY if first_us is None else us_day(first_us)


@lru_cache
def closed_weekdays(calendar_name: str) -> frozenset[int]:
    """Weekdays, 0 Monday to 6 Sunday, no UTC hour of which the calendar has open, in summer or winter."""
    week = calendar(calendar_name)
    mondays = (date(2024, 1, 1), date(2024, 7, 1))
    days = [monday + timedelta(days=offset) for monday in mondays for offset in range(7)]
    opened = {day.weekday() for day in days if week.open_hours(day_us(day), day_us(day) + DAY_US)}
    return frozenset(range(7)) - opened


def partition_days(series: Series, first: date, last: date) -> list[date]:
    """The days from `first` to `last`, both included, that the assets of a series have partitions for."""
    closed = closed_weekdays(series.calendar)
    days = [first + timedelta(days=offset) for offset in range((last - first).days + 1)]
    begin = first_day(series)
    return [day for day in days if day >= begin and day.weekday() not in closed]


def months(days: Sequence[date]) -> Iterator[list[date]]:
    """Days in order, cut where a month ends: what one run takes."""
    month: list[date] = []
    for day in days:
        if month and (day.year, day.month) != (month[0].year, month[0].month):
            yield month
            month = []
        month.append(day)
    if month:
        yield month


def days_between(first: date, last: date) -> list[date]:
    """The days from `first` to `last`, both included."""
    return [first + timedelta(days=offset) for offset in range((last - first).days + 1)]
