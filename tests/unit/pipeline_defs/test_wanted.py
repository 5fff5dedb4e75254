"""The sensor's decisions: which days are asked for, and why the others are not."""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from candlewick.pipeline import DAYS_IN_A_RUN
from candlewick.times import DAY_US, HOUR_US, MINUTE_US, day_us
from pipeline_defs.history import wanted
from pipeline_defs.history.wanted import NO_RUNS, Answers, Asked, DayRuns, DayStatus, Leave, Want

SERIES = "dukascopy:eurusd:quotes"
DAY = date(2026, 11, 3)
HOURS = [day_us(DAY) + hour * HOUR_US for hour in range(24)]
NOON = HOURS[12] + 5 * MINUTE_US
NEXT_WEEK = day_us(DAY) + 7 * DAY_US


def status(*, ended: int = 12, missing: range = range(0), asked: Asked | None = None) -> DayStatus:
    return DayStatus(DAY, frozenset(HOURS[:ended]), frozenset(HOURS[hour] for hour in missing), asked)


def decide(
    known: DayStatus, *, runs: DayRuns = NO_RUNS, answers: Answers | None = None, now_us: int = NOON
) -> Want | Leave:
    return wanted.decide(SERIES, known, runs, answers or Answers(), now_us)


def out(*hours: int) -> Answers:
    return Answers(out=frozenset(HOURS[hour] for hour in hours))


def test_a_day_under_way_is_never_asked_for_a_second_time() -> None:
    known = status(missing=range(12))

    verdict = decide(known, runs=DayRuns(active=True), answers=out(*range(12)))

    assert verdict == Leave(DAY, "a run for it is under way")


def test_a_day_of_which_no_hour_is_over_is_left() -> None:
    assert isinstance(decide(status(ended=0)), Leave)


def test_a_day_is_asked_for_once_an_hour_is_out() -> None:
    known = status(missing=range(12))

    assert isinstance(decide(known), Leave)
    verdict = decide(known, answers=out(0))

    assert isinstance(verdict, Want)
    assert verdict.reason == "1 of its hours are out"
    assert not verdict.recheck


def test_a_day_is_asked_for_again_only_when_more_hours_are_out() -> None:
    asked = Asked(HOURS[11] + 10 * MINUTE_US, hours_out=11, due_us=HOURS[13])
    known = status(missing=range(11, 12), asked=asked)

    assert isinstance(decide(known), Leave)
    assert isinstance(decide(known, answers=out(11)), Want)


def test_an_hour_that_is_out_but_too_young_is_not_asked_for_at_every_tick() -> None:
    """The venue had 12 hours out when it was asked; the last is here, but still pending."""
    asked = Asked(HOURS[12] + 2 * MINUTE_US, hours_out=12, due_us=HOURS[13] + 2 * MINUTE_US)
    known = status(missing=range(11, 12), asked=asked)

    verdict = decide(known, answers=out(11))

    assert isinstance(verdict, Leave)
    assert "no more of its hours are out" in verdict.reason
    assert isinstance(decide(known, answers=out(11), now_us=HOURS[13] + 2 * MINUTE_US), Want)


def test_what_the_checker_does_not_know_is_asked_for_after_a_while() -> None:
    """A checker that fails never stops ingestion."""
    known = status(missing=range(12))
    silent = Answers(unknown=frozenset(HOURS[:12]))

    early = decide(replace(known, missing=frozenset(HOURS[11:12])), answers=silent)
    late = decide(known, answers=silent, now_us=HOURS[12] + wanted.TAKEN_FOR_OUT_US)

    assert isinstance(early, Leave)
    assert "the checker has no answer" in early.reason
    assert isinstance(late, Want)


def test_a_day_long_over_that_was_never_asked_for_needs_no_checker() -> None:
    known = status(ended=24, missing=range(24))

    assert wanted.hours_in_question(known, NEXT_WEEK) == frozenset()
    assert decide(known, now_us=NEXT_WEEK) == Want(DAY, "never asked for", "first")


def test_a_day_long_over_with_holes_waits_for_its_turn() -> None:
    asked = Asked(NEXT_WEEK - HOUR_US, hours_out=23, due_us=NEXT_WEEK + HOUR_US)
    known = status(ended=24, missing=range(3, 4), asked=asked)

    assert isinstance(decide(known, now_us=NEXT_WEEK), Leave)
    verdict = decide(known, now_us=NEXT_WEEK + HOUR_US)
    assert isinstance(verdict, Want)
    assert not verdict.recheck


def test_a_complete_day_is_asked_for_corrections_when_that_is_due() -> None:
    asked = Asked(NEXT_WEEK - HOUR_US, hours_out=24, due_us=NEXT_WEEK)
    known = status(ended=24, asked=asked)

    assert isinstance(decide(known, now_us=NEXT_WEEK - 1), Leave)
    verdict = decide(known, now_us=NEXT_WEEK)
    assert isinstance(verdict, Want)
    assert verdict.recheck


def test_a_complete_day_that_is_due_no_more_is_left() -> None:
    known = status(ended=24, asked=Asked(NEXT_WEEK, 24, None))

    assert decide(known, now_us=NEXT_WEEK + 100 * DAY_US) == Leave(DAY, "complete")


def test_a_day_whose_run_failed_is_asked_for_later_each_time() -> None:
    known = status(ended=24, missing=range(24))

    first = DayRuns(failures=1, failed_us=NEXT_WEEK, newest="a")
    assert isinstance(decide(known, runs=first, now_us=NEXT_WEEK + MINUTE_US // 2), Leave)
    assert isinstance(decide(known, runs=first, now_us=NEXT_WEEK + 2 * MINUTE_US), Want)

    fifth = DayRuns(failures=5, failed_us=NEXT_WEEK, newest="e")
    assert isinstance(decide(known, runs=fifth, now_us=NEXT_WEEK + 2 * MINUTE_US), Leave)
    assert isinstance(decide(known, runs=fifth, now_us=NEXT_WEEK + DAY_US), Want)


def test_every_attempt_has_a_key_of_its_own() -> None:
    """Dagster never launches a run key twice, not even after a failure."""
    known = status(ended=24, missing=range(24))
    keys = set()
    for failures in range(5):
        runs = DayRuns(failures=failures, failed_us=0, newest=f"run {failures}") if failures else NO_RUNS
        want = decide(known, runs=runs, now_us=NEXT_WEEK)
        assert isinstance(want, Want)
        keys |= {request.key for request in wanted.requests(SERIES, [DAY], [want])}

    assert len(keys) == 5


def test_asking_again_after_an_answer_has_another_key() -> None:
    keys = set()
    for hour in (3, 4, 5):
        asked = Asked(HOURS[hour], hours_out=hour, due_us=None)
        want = decide(status(missing=range(hour, 12), asked=asked), answers=out(hour))
        assert isinstance(want, Want)
        keys |= {request.key for request in wanted.requests(SERIES, [DAY], [want])}

    assert len(keys) == 3


def test_neighbouring_days_share_a_run_across_a_weekend() -> None:
    friday, sunday, tuesday = date(2026, 11, 6), date(2026, 11, 8), date(2026, 11, 10)
    days = [friday, sunday, date(2026, 11, 9), tuesday]
    wants = [Want(day, "never asked for", "first") for day in (friday, sunday, tuesday)]

    found = wanted.requests(SERIES, days, wants)

    assert [(request.first, request.last) for request in found] == [(friday, sunday), (tuesday, tuesday)]


def test_corrections_are_not_asked_for_together_with_missing_days() -> None:
    days = [DAY, DAY + timedelta(days=1)]
    wants = [Want(days[0], "corrections", "due", recheck=True), Want(days[1], "never asked for", "first")]

    assert [request.recheck for request in wanted.requests(SERIES, days, wants)] == [True, False]


@given(picked=st.sets(st.integers(0, 99), max_size=100))
def test_requests_cover_each_wanted_day_once_and_no_other(picked: set[int]) -> None:
    days = [DAY + timedelta(days=offset) for offset in range(100)]
    wants = [Want(days[place], "never asked for", "first") for place in picked]

    found = wanted.requests(SERIES, days, wants)

    covered = [day for request in found for day in days if request.first <= day <= request.last]
    assert sorted(covered) == sorted(want.day for want in wants)
    assert all((request.last - request.first).days < DAYS_IN_A_RUN for request in found)


@pytest.mark.parametrize(("days", "text"), [(1, "2026-11-03: complete"), (2, "2 days from 2026-11-03 to")])
def test_skips_are_explained(days: int, text: str) -> None:
    leaves = [Leave(DAY + timedelta(days=offset), "complete") for offset in range(days)]

    assert text in wanted.explain({SERIES: leaves})
