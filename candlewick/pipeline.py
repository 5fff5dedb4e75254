"""Names by which the pipeline is reached from outside Dagster: asset keys, pools and run tags.

`pipeline_defs` builds its assets with these names and the command line asks for runs by them, so
that neither imports the other.
"""

from datetime import date
from enum import StrEnum

from candlewick.instruments import Series

LOCATION = "candlewick"
REPOSITORY = "__repository__"
ASSET_JOB = "__ASSET_JOB"

FETCH_POOL = "dukascopy"
REFRESH_POOL = "candles"

SERIES_TAG = "candlewick/series"
REASON_TAG = "candlewick/reason"
# "false": hours that are final are not asked for again.
RECHECK_TAG = "candlewick/recheck"
PARTITION_TAG = "dagster/partition"
RANGE_START_TAG = "dagster/asset_partition_range_start"
RANGE_END_TAG = "dagster/asset_partition_range_end"
PRIORITY_TAG = "dagster/priority"

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
