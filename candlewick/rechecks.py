"""When a day is asked for again: after a failure, while it is incomplete, and for corrections.

The venue corrects what it has published (about one symbol-day in 10,000 of the major pairs and up to
3.5 % of crypto's), nearly always within days; so a complete day of the last week is asked for again
on a schedule, and then left alone.
"""

import hashlib
from datetime import date

from candlewick.times import DAY_US, HOUR_US, MINUTE_US, day_us

WINDOW_DAYS = 7
CORRECTION_AGES_US = (1 * DAY_US, 3 * DAY_US, 7 * DAY_US)
_FAILED_FIRST_US = 2 * MINUTE_US
_FAILED_MOST_US = DAY_US
_PENDING_LEAST_US = HOUR_US
_PENDING_MOST_US = 30 * DAY_US


def _share(key: str, attempt: int) -> float:
    """A number in [0, 1) that is always the same for the same question: jitter that tests can know."""
    digest = hashlib.sha256(f"{key} {attempt}".encode()).digest()
    return int.from_bytes(digest[:4], "big") / 2**32


def after_failure(key: str, asked_us: int, attempts: int) -> int:
    """When to ask again for what failed; `attempts` counts the failures in a row, from 1.

    Two minutes doubled per attempt up to a day, the later half of each wait drawn by chance: the same for
    the same `key`, so that days that failed together are asked for together.
    """
    wait = min(_FAILED_FIRST_US << min(attempts - 1, 20), _FAILED_MOST_US)
    return asked_us + wait // 2 + int(wait / 2 * _share(key, attempts))


def while_pending(day: date, asked_us: int) -> int:
    """When to ask again for a day whose ended hours the venue has not all published.

    An eighth of the day's age, at least an hour, at most 30 days: what is late is late by hours, what
    is years old and absent hardly ever comes. (Hours that come out sooner are noticed by the sensor.)
    """
    age = asked_us - (day_us(day) + DAY_US)
    return asked_us + min(max(age // 8, _PENDING_LEAST_US), _PENDING_MOST_US)


def for_corrections(series: str, day: date, asked_us: int) -> int | None:
    """When to ask again for a complete day: one, three and seven days after its end, then never.

    Spread over the hour that follows, so that series do not all ask at midnight.
    """
    jitter = int(HOUR_US * _share(f"{series} {day}", 0))
    end_us = day_us(day) + DAY_US
    return next(
        (end_us + age + jitter for age in CORRECTION_AGES_US if end_us + age + jitter > asked_us), None
    )


def next_ask(series: str, day: date, asked_us: int, *, failures: int, pending: bool) -> int | None:
    """When a day that was asked for at `asked_us` is due again; None: never.

    Args:
        failures: how many times in a row some hour of it failed, this time included.
        pending: an hour that has ended is still not published.
    """
    if failures:
        return after_failure(series, asked_us, failures)
    if pending:
        return while_pending(day, asked_us)
    return for_corrections(series, day, asked_us)
