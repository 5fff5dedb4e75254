"""Days: one partition per UTC day on which a series' venue can be open."""

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

import dagster as dg

from candlewick.calendars import calendar
from candlewick.times import DAY_US, day_us

# Cron counts weekdays from Sunday.
_CRON_WEEKDAYS = 7
_A_WEEK_IN_WINTER = date(2024, 1, 1)
_A_WEEK_IN_SUMMER = date(2024, 7, 1)


@lru_cache
def closed_weekdays(calendar_name: str) -> tuple[int, ...]:
    """Weekdays, 0 Monday to 6 Sunday, no UTC hour of which the calendar ever has open."""
    week = calendar(calendar_name)

    def opens(day: date) -> bool:
        return bool(week.open_hours(day_us(day), day_us(day) + DAY_US))

    return tuple(
        weekday
        for weekday in range(7)
        if not any(
            opens(monday + timedelta(days=weekday)) for monday in (_A_WEEK_IN_WINTER, _A_WEEK_IN_SUMMER)
        )
    )


def day_partitions(calendar_name: str, first_day: date) -> dg.DailyPartitionsDefinition:
    """The days from the first on, today included: it fills as its hours come out.

    Excluded weekdays keep the window of the day before at 24 hours, which a cron schedule would not.
    """
    return dg.DailyPartitionsDefinition(
        start_date=datetime(first_day.year, first_day.month, first_day.day, tzinfo=UTC),
        timezone="UTC",
        end_offset=1,
        exclusions=[f"0 0 * * {(weekday + 1) % _CRON_WEEKDAYS}" for weekday in closed_weekdays(calendar_name)]
        or None,
    )
