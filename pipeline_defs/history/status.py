"""What is known of the days that may be wanted: read from the store for the sensor."""

from collections.abc import Iterable
from datetime import date, timedelta

from candlewick.calendars import calendar
from candlewick.hours import FINAL_STATES
from candlewick.instruments import Series
from candlewick.pipeline import closed_weekdays
from candlewick.rechecks import WINDOW_DAYS
from candlewick.store import Store
from candlewick.times import DAY_US, HOUR_US, day_us, us_day
from pipeline_defs.catalogue import Collected
from pipeline_defs.history.wanted import Asked, DayStatus


def days_to_look_at(store: Store, one: Collected, failed: Iterable[date], at_us: int) -> list[DayStatus]:
    """The status of every day that the sensor has to decide about, in order.

    These are the last seven days and today; earlier days since the series is collected that were never
    asked for (the platform was down); and earlier days whose next request is due or whose run failed.

    Args:
        failed: days that a run failed for.
    """
    series, first_day = one.series, one.first_day
    today = us_day(at_us)
    first = max(first_day, min(one.since, today - timedelta(days=WINDOW_DAYS)))
    requests = store.day_requests(series.name, first_day, today + timedelta(days=1))
    asked = {
        day: Asked(request.asked_us, request.hours_out, request.recheck_us)
        for day, request in requests.items()
    }
    window_start = max(first_day, today - timedelta(days=WINDOW_DAYS))
    overdue = {day for day, known in asked.items() if known.due_us is not None and known.due_us <= at_us}
    never = {day for day in _days(first, today) if day not in asked}
    wanted = sorted({*_days(window_start, today), *overdue, *never, *failed})
    closed = closed_weekdays(series.calendar)
    days = [day for day in wanted if day.weekday() not in closed]
    missing = _missing(store, series, days, at_us)
    return [_status(series, day, missing.get(day, frozenset()), asked.get(day), at_us) for day in days]


def _missing(store: Store, series: Series, days: list[date], at_us: int) -> dict[date, frozenset[int]]:
    """By day, the hours that are over and neither `data` nor `closed`."""
    found: dict[date, set[int]] = {}
    for start, end in _spans(days):
        for row in store.coverage(series.name, start, min(end, at_us), as_of_us=at_us):
            if row.hour_us + HOUR_US <= at_us and row.state not in FINAL_STATES:
                found.setdefault(us_day(row.hour_us), set()).add(row.hour_us)
    return {day: frozenset(hours) for day, hours in found.items()}


def _spans(days: Iterable[date]) -> list[tuple[int, int]]:
    """Days as spans of time, those that follow one another put together."""
    spans: list[tuple[int, int]] = []
    for day in days:
        start = day_us(day)
        if spans and spans[-1][1] == start:
            spans[-1] = (spans[-1][0], start + DAY_US)
        else:
            spans.append((start, start + DAY_US))
    return spans


def _status(series: Series, day: date, missing: frozenset[int], asked: Asked | None, at_us: int) -> DayStatus:
    open_hours = calendar(series.calendar).open_hours(day_us(day), day_us(day) + DAY_US)
    ended = frozenset(hour for hour in open_hours if hour + HOUR_US <= at_us)
    return DayStatus(day, ended | missing, missing, asked)


def _days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=offset) for offset in range((last - first).days + 1)]
