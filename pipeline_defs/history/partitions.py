"""Days: one partition per UTC day on which a series' venue can be open."""

from datetime import UTC, date, datetime

import dagster as dg

from candlewick.pipeline import closed_weekdays

# Cron counts weekdays from Sunday, `weekday()` from Monday.
_CRON_WEEKDAYS = 7


def day_partitions(calendar_name: str, first_day: date) -> dg.DailyPartitionsDefinition:
    """The days from the first on, today included: it fills as its hours come out.

    Excluded weekdays keep the window of the day before at 24 hours, which a cron schedule would not.
    """
    excluded = [
        f"0 0 * * {(weekday + 1) % _CRON_WEEKDAYS}" for weekday in sorted(closed_weekdays(calendar_name))
    ]
    return dg.DailyPartitionsDefinition(
        start_date=datetime(first_day.year, first_day.month, first_day.day, tzinfo=UTC),
        timezone="UTC",
        end_offset=1,
        exclusions=excluded or None,
    )
