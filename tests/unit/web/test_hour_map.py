"""What is known of each hour, and the stretches that a chart draws."""

import numpy as np

from candlewick.hours import Column
from candlewick.times import HOUR_US
from web.hour_map import CLOSED, DATA, PENDING, Facts, Missing, Problem, Span, build

NOW = 100 * HOUR_US + HOUR_US // 2


def ints(*values: int) -> Column:
    return np.array(values, dtype=np.int64)


def hours(*numbers: int) -> Column:
    return ints(*(number * HOUR_US for number in numbers))


def facts(**given: object) -> Facts:
    values = {
        "hours": hours(90, 91, 92, 95, 100),
        "codes": ints(DATA, CLOSED, DATA, PENDING, PENDING),
        "ticks": ints(5, 0, 7, 2, 1),
        **given,
    }
    return Facts(**values)  # type: ignore[arg-type]


def test_counts_and_bounds() -> None:
    found = build(facts(), NOW)
    assert found.counts() == {"data": 2, "closed": 1, "pending": 8, "failed": 0}
    assert (found.first_us, found.last_us, found.final_us) == (90 * HOUR_US, 100 * HOUR_US, 93 * HOUR_US)
    assert found.ticks_in(90 * HOUR_US, 101 * HOUR_US) == 15
    assert found.ticks_in(90 * HOUR_US + 1, 93 * HOUR_US - 1) == 0


def test_missing_hours_are_told_with_their_reasons_and_the_running_one_is_not() -> None:
    problems = [Problem(93 * HOUR_US, "failed", "truncated"), Problem(92 * HOUR_US, "failed", "a re-check")]
    found = build(facts(problems=problems), NOW).missing(90 * HOUR_US, NOW, near_us=0)
    assert found == [
        Missing(93 * HOUR_US, 94 * HOUR_US, "failed", "truncated"),
        Missing(94 * HOUR_US, 95 * HOUR_US, "pending", "never asked"),
        Missing(95 * HOUR_US, 96 * HOUR_US, "pending", "not complete yet"),
        Missing(96 * HOUR_US, 100 * HOUR_US, "pending", "never asked"),
    ]


def test_near_stretches_of_one_reason_are_one() -> None:
    one = facts(hours=hours(90, 92, 94), codes=ints(1, 1, 1), ticks=ints(1, 1, 1))
    found = build(one, 95 * HOUR_US)
    assert len(found.missing(90 * HOUR_US, 95 * HOUR_US, near_us=0)) == 2
    assert found.missing(90 * HOUR_US, 95 * HOUR_US, near_us=HOUR_US) == [
        Missing(91 * HOUR_US, 94 * HOUR_US, "pending", "never asked")
    ]


def test_sessions_close_what_nobody_knows_and_ticks_beat_them() -> None:
    sessions = hours(80), ints(94 * HOUR_US + 1)
    found = build(facts(sessions=sessions), NOW)
    assert found.closed(0, NOW, least_us=0) == [
        Span(91 * HOUR_US, 92 * HOUR_US),
        Span(96 * HOUR_US, 100 * HOUR_US),
    ]
    assert [one.from_us // HOUR_US for one in found.missing(90 * HOUR_US, NOW, near_us=0)] == [93, 95]
    assert found.closed(0, NOW, least_us=2 * HOUR_US) == [Span(96 * HOUR_US, 100 * HOUR_US)]


def test_before_the_first_tick_all_is_closed() -> None:
    problems = [Problem(88 * HOUR_US, "pending", "not-published")]
    found = build(facts(first_tick_us=90 * HOUR_US + 5, problems=problems), NOW)
    assert found.start_us == 88 * HOUR_US
    assert [state for _, state, _, _ in found.hours(88 * HOUR_US, 91 * HOUR_US)] == [
        "pending",
        "closed",
        "data",
    ]


def test_before_all_that_is_known_nobody_has_asked() -> None:
    found = build(facts(first_tick_us=20 * HOUR_US + 5), NOW)
    assert found.missing(0, 91 * HOUR_US, near_us=0) == [
        Missing(20 * HOUR_US, 90 * HOUR_US, "pending", "never asked")
    ]
    assert found.missing(50 * HOUR_US, 60 * HOUR_US, near_us=0) == [
        Missing(50 * HOUR_US, 60 * HOUR_US, "pending", "never asked")
    ]
    assert found.missing(0, 20 * HOUR_US, near_us=0) == []


def test_nothing_known() -> None:
    found = build(Facts(ints(), ints(), ints()), NOW)
    assert (found.first_us, found.final_us) == (None, None)
    assert found.missing(0, 2**50, near_us=0) == [Missing(0, 100 * HOUR_US, "pending", "never asked")]
    assert found.counts(0, 50 * HOUR_US) == {"data": 0, "closed": 0, "pending": 0, "failed": 0}


def test_gaps_are_cut_to_the_span() -> None:
    found = build(facts(gaps=[Span(90 * HOUR_US, 90 * HOUR_US + 10)]), NOW)
    assert found.gaps_in(90 * HOUR_US + 3, NOW) == [Span(90 * HOUR_US + 3, 90 * HOUR_US + 10)]
    assert found.gaps_in(91 * HOUR_US, NOW) == []
