"""What Dagster's runs cover: which days of which series are under way, and which failed of late."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date, timedelta

import dagster as dg

from candlewick.instruments import Series
from candlewick.pipeline import (
    BY_HAND,
    PARTITION_TAG,
    RANGE_END_TAG,
    RANGE_START_TAG,
    REASON_TAG,
    SERIES_TAG,
    series_of,
)
from candlewick.times import to_us
from pipeline_defs.history.wanted import DayRuns

UNFINISHED = [
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
_FINISHED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
_LOOK_BACK = 500

RunsByDay = dict[tuple[str, date], DayRuns]


def runs_by_day(instance: dg.DagsterInstance) -> RunsByDay:
    """For each (series, day) that a recent run covers: is one under way, and how many failed in a row.

    A run of the sensor's that was cancelled counts as one that failed: its key was used, and its days are
    still wanted. One that a person asked for is no longer wanted.
    """
    found: RunsByDay = {}
    for record in instance.get_run_records(dg.RunsFilter(statuses=UNFINISHED)):
        for key in _covers(record.dagster_run):
            found[key] = DayRuns(active=True)
    settled = set(found)
    for record in instance.get_run_records(dg.RunsFilter(statuses=_FINISHED), limit=_LOOK_BACK):
        if _was_given_up(record.dagster_run):
            continue
        failed = record.dagster_run.status is not dg.DagsterRunStatus.SUCCESS
        for key in _covers(record.dagster_run):
            if key in settled:
                continue
            if not failed:
                settled.add(key)
                continue
            newest = found.get(key)
            if newest is None:
                failed_us = to_us(record.update_timestamp)
                found[key] = DayRuns(failures=1, failed_us=failed_us, newest=record.dagster_run.run_id)
            else:
                found[key] = replace(newest, failures=newest.failures + 1)
    return found


def failed_days(by_day: RunsByDay, series: Series) -> list[date]:
    """The days of a series whose newest run failed."""
    return [day for (name, day), found in by_day.items() if name == series.name and found.failures]


def _was_given_up(run: dg.DagsterRun) -> bool:
    return run.status is dg.DagsterRunStatus.CANCELED and run.tags.get(REASON_TAG) == BY_HAND


def _covers(run: dg.DagsterRun) -> Iterator[tuple[str, date]]:
    days = list(_days(run))
    selected = {series_of(list(key.path)) for key in run.asset_selection or ()}
    for series in {*selected, run.tags.get(SERIES_TAG)} - {None}:
        yield from ((str(series), day) for day in days)


def _days(run: dg.DagsterRun) -> Iterable[date]:
    first = run.tags.get(RANGE_START_TAG) or run.tags.get(PARTITION_TAG)
    last = run.tags.get(RANGE_END_TAG) or first
    if first is None or last is None:
        return
    day = date.fromisoformat(first)
    while day <= date.fromisoformat(last):
        yield day
        day += timedelta(days=1)
