"""When days are asked for again."""

from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from candlewick import rechecks
from candlewick.times import DAY_US, HOUR_US, MINUTE_US, day_us

SERIES = "dukascopy:eurusd:quotes"
DAY = date(2026, 11, 2)
END_US = day_us(DAY) + DAY_US

moments = st.integers(END_US - DAY_US, END_US + 4000 * DAY_US)


@given(asked_us=moments, failures=st.integers(1, 60))
def test_a_failed_day_is_asked_again_within_a_day_and_not_at_once(asked_us: int, failures: int) -> None:
    wait = rechecks.next_ask(SERIES, DAY, asked_us, failures=failures, pending=False) - asked_us

    assert MINUTE_US <= wait <= DAY_US


def test_failures_wait_longer_each_time() -> None:
    waits = [rechecks.after_failure(SERIES, 0, failures) for failures in range(1, 9)]

    # The later half of 2, 4, 8 minutes ...: spans that only touch.
    assert waits == sorted(waits)
    assert waits[0] < 2 * MINUTE_US <= waits[2]


def test_failures_of_different_series_are_not_asked_again_at_once() -> None:
    due = {rechecks.after_failure(f"dukascopy:{name}:quotes", 0, 5) for name in ("a", "b", "c", "d")}

    assert len(due) == 4


@given(asked_us=moments)
def test_a_pending_day_is_asked_again_later_the_older_it_is(asked_us: int) -> None:
    wait = rechecks.while_pending(DAY, asked_us) - asked_us

    assert HOUR_US <= wait <= 30 * DAY_US
    assert wait <= max(HOUR_US, (asked_us - END_US) // 8)


def test_a_complete_day_is_asked_for_corrections_three_times_and_then_never() -> None:
    due: list[int] = []
    asked_us = END_US
    while (following := rechecks.next_ask(SERIES, DAY, asked_us, failures=0, pending=False)) is not None:
        due.append(following)
        asked_us = following

    ages = [(at - END_US) // DAY_US for at in due]
    assert ages == [1, 3, 7]
    assert all((at - END_US) % DAY_US < HOUR_US for at in due)


def test_a_day_long_past_is_not_asked_for_corrections() -> None:
    assert rechecks.next_ask(SERIES, DAY, END_US + 8 * DAY_US, failures=0, pending=False) is None
