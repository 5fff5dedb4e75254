import pytest

from candlewick.dukascopy import judge
from candlewick.dukascopy.faults import Fault
from candlewick.dukascopy.judge import Evidence, Expectation, Finding, Found
from candlewick.hours import HourState
from candlewick.times import DAY_US, HOUR_US, MINUTE_US, parse_time

HOUR = parse_time("2019-02-04T10:00Z")
YOUNG = HOUR + HOUR_US + 59 * MINUTE_US
MATURE = HOUR + 2 * HOUR_US
NEXT_WEEK = HOUR + 9 * DAY_US

QUOTES = Found(Finding.QUOTES, "day-object")
EMPTY = Found(Finding.EMPTY, "bi5-hour")
MISSING = Found(Finding.MISSING, "json-feed", "not-published", "answered 404")
TOO_LATE = Found(Finding.MISSING, "json-feed", "too-late", "answered 400")
AWAY = Found(Finding.UNAVAILABLE, "bi5-hour", "timed-out", "no answer")
TRUNCATED = Found(Finding.REFUSED, "bi5-hour", Fault.TRUNCATED, "it ends early")
MISMATCH = Found(Finding.REFUSED, "json-feed", Fault.SCALE_MISMATCH, "3 decimals")


@pytest.mark.parametrize(
    ("now_us", "is_open", "first_tick_us", "expected"),
    [
        (HOUR - 1, True, None, Expectation.FUTURE),
        (HOUR, True, None, Expectation.RUNNING),
        (HOUR + HOUR_US - 1, True, None, Expectation.RUNNING),
        (HOUR + HOUR_US, True, None, Expectation.OUT),
        (HOUR + HOUR_US, False, None, Expectation.OUTSIDE_SESSION),
        (MATURE, True, HOUR + HOUR_US, Expectation.BEFORE_HISTORY),
        (MATURE, True, HOUR + HOUR_US - 1, Expectation.OUT),
    ],
)
def test_what_is_expected(
    now_us: int, *, is_open: bool, first_tick_us: int | None, expected: Expectation
) -> None:
    assert judge.expect(HOUR, now_us=now_us, is_open=is_open, first_tick_us=first_tick_us) is expected


UNKNOWN, NO_VOLUME, VOLUME = Evidence.UNKNOWN, Evidence.NO_VOLUME, Evidence.VOLUME


@pytest.mark.parametrize(
    ("found", "now_us", "evidence", "state", "reason"),
    [
        ([QUOTES], MATURE, UNKNOWN, HourState.DATA, ""),
        ([QUOTES], MATURE - 1, UNKNOWN, HourState.PENDING, "young"),
        ([TRUNCATED, QUOTES], MATURE, UNKNOWN, HourState.DATA, ""),
        ([EMPTY], NEXT_WEEK, NO_VOLUME, HourState.CLOSED, "no-volume"),
        ([EMPTY], YOUNG, NO_VOLUME, HourState.PENDING, "empty-unconfirmed"),
        ([EMPTY], NEXT_WEEK, VOLUME, HourState.FAILED, "empty-but-traded"),
        ([EMPTY], MATURE, UNKNOWN, HourState.PENDING, "empty-unconfirmed"),
        ([EMPTY], NEXT_WEEK, UNKNOWN, HourState.FAILED, "empty-unconfirmed"),
        ([EMPTY, MISSING], NEXT_WEEK, NO_VOLUME, HourState.CLOSED, "no-volume"),
        ([MISSING], MATURE, UNKNOWN, HourState.PENDING, "not-published"),
        ([TOO_LATE], MATURE, UNKNOWN, HourState.PENDING, "too-late"),
        ([MISSING], NEXT_WEEK, UNKNOWN, HourState.PENDING, "not-published"),
        ([MISSING], NEXT_WEEK, VOLUME, HourState.PENDING, "not-published"),
        ([MISSING], NEXT_WEEK, NO_VOLUME, HourState.CLOSED, "no-volume"),
        ([MISSING], MATURE, NO_VOLUME, HourState.PENDING, "not-published"),
        ([MISSING, AWAY], MATURE, UNKNOWN, HourState.PENDING, "not-published"),
        ([MISSING, AWAY], NEXT_WEEK, UNKNOWN, HourState.FAILED, "timed-out"),
        ([MISSING, AWAY], NEXT_WEEK, NO_VOLUME, HourState.FAILED, "timed-out"),
        ([AWAY], MATURE, UNKNOWN, HourState.FAILED, "timed-out"),
        ([MISSING, TRUNCATED], MATURE, UNKNOWN, HourState.FAILED, "truncated"),
        ([TRUNCATED, MISSING], NEXT_WEEK, UNKNOWN, HourState.FAILED, "truncated"),
        ([MISMATCH, QUOTES], MATURE, UNKNOWN, HourState.FAILED, "scale-mismatch"),
        ([], MATURE, UNKNOWN, HourState.PENDING, "not-asked"),
    ],
)
def test_judgements(
    found: list[Found], now_us: int, evidence: Evidence, state: HourState, reason: str
) -> None:
    judgement = judge.judge(HOUR, found, now_us=now_us, evidence=evidence)
    assert (judgement.state, judgement.reason.partition(":")[0]) == (state, reason)


def test_a_reason_tells_what_every_transport_said() -> None:
    judgement = judge.judge(HOUR, [MISSING, TRUNCATED], now_us=MATURE, evidence=UNKNOWN)
    assert judgement.reason == "truncated: bi5-hour: it ends early; json-feed: answered 404"
