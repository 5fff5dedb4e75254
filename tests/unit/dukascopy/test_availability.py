"""What each answer of the venue is worth, in how many requests, and in what time."""

import threading
import time
from collections.abc import Callable, Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from candlewick.calendars import calendar
from candlewick.dukascopy.availability import (
    Feeds,
    HttpAnswer,
    NoAnswerError,
    Paced,
    bi5_url,
    check,
    json_url,
)
from candlewick.dukascopy.availability_messages import Request, Response, State
from candlewick.instruments import find
from candlewick.times import HOUR_US, MINUTE_US, hours_between, iso, parse_time

FEEDS = Feeds("https://bi5.test/datafeed", "https://json.test/v1")
BI5_ONLY = Feeds(FEEDS.bi5_url)
MONDAY = parse_time("2019-02-04")
NOON = MONDAY + 12 * HOUR_US
DATE = "Mon, 04 Feb 2019 12:00:00 GMT"


def answered(status: int, size: int | None = None, *, body: int = 0, **headers: str) -> HttpAnswer:
    told = {name.replace("_", "-"): value for name, value in headers.items()}
    if size is not None:
        told["content-length"] = str(size)
    return HttpAnswer(status, {"date": DATE, **told}, body)


class Venue:
    """An `Http` that answers by a rule and remembers what it was asked."""

    def __init__(self, rule: Callable[[str, str], HttpAnswer]) -> None:
        self.asked: list[tuple[str, str]] = []
        self.headers: list[Mapping[str, str]] = []
        self._rule = rule
        self._lock = threading.Lock()

    def __call__(self, method: str, url: str, headers: Mapping[str, str], timeout_s: float) -> HttpAnswer:
        assert timeout_s > 0
        with self._lock:
            self.asked.append((method, url))
            self.headers.append(headers)
        return self._rule(method, url)


def published(until_us: int, symbol: str = "EURUSD", size: int = 34_567) -> Callable[[str, str], HttpAnswer]:
    """A bi5 host on which every hour before `until_us` is out; the JSON feed says likewise."""
    instrument = find(symbol)
    out = set()
    for hour in hours_between(MONDAY, until_us):
        out |= {
            bi5_url(FEEDS.bi5_url, instrument, hour),
            json_url(FEEDS.json_url, str(instrument.jetta_code), hour),
        }

    def rule(method: str, url: str) -> HttpAnswer:
        return answered(200, size) if url in out else answered(404)

    return rule


def always(answer: HttpAnswer) -> Callable[[str, str], HttpAnswer]:
    return lambda method, url: answer


def one_hour(rule: Callable[[str, str], HttpAnswer], feeds: Feeds = BI5_ONLY) -> tuple[Response, Venue]:
    venue = Venue(rule)
    request = Request(("EUR/USD",), MONDAY, MONDAY + HOUR_US)
    return check(request, feeds, venue, now_us=NOON), venue


def test_a_day_in_the_making() -> None:
    venue = Venue(published(MONDAY + 10 * HOUR_US))
    request = Request(("EUR/USD",), MONDAY, MONDAY + 24 * HOUR_US)
    response = check(request, FEEDS, venue, now_us=NOON + 5 * MINUTE_US)
    assert response.hours_in("eurusd", State.OUT) == [MONDAY + hour * HOUR_US for hour in range(10)]
    assert response.hours_in("eurusd", State.NOT_YET) == [MONDAY + hour * HOUR_US for hour in range(10, 24)]
    reasons = {each.hour_us: each.reason for each in response.hours}
    assert reasons[MONDAY + 11 * HOUR_US] == "not published"
    assert reasons[NOON] == "the hour is not over"
    # Ten that are out, two that both hosts are asked for, and none that is not over.
    assert response.requests == len(venue.asked) == 14
    assert {method for method, _ in venue.asked} == {"HEAD"}
    evidence = response.hours[3].evidence[0]
    assert (evidence.status, evidence.size, evidence.date) == (200, 34_567, DATE)
    assert evidence.url == "https://bi5.test/datafeed/EURUSD/2019/01/04/03h_ticks.bi5"


def test_addresses_count_months_as_each_host_does() -> None:
    december = parse_time("2018-12-31T07:00")
    assert bi5_url("b", find("eurusd"), december) == "b/EURUSD/2018/11/31/07h_ticks.bi5"
    assert json_url("j", "EUR-USD", december) == "j/ticks/EUR-USD/2018/12/31/7"


def test_the_weekend_is_closed_and_not_asked_for() -> None:
    saturday = parse_time("2019-02-02")
    venue = Venue(always(answered(404)))
    request = Request(("eurusd", "btcusd"), saturday, saturday + 24 * HOUR_US)
    response = check(request, BI5_ONLY, venue, now_us=NOON)
    assert len(response.hours_in("eurusd", State.CLOSED)) == 24
    assert len(response.hours_in("btcusd", State.NOT_YET)) == 24
    assert all("/BTCUSD/" in url for _, url in venue.asked)
    assert response.hours[0].reason == "outside the weekly session (forex)"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (answered(429), "throttled, answered 429"),
        (answered(403), "throttled, answered 403"),
        (answered(503), "throttled, answered 503"),
        (answered(202, 0), "throttled, answered 202"),
        (answered(500), "answered 500"),
        (answered(301), "answered 301"),
        (answered(400), "answered 400"),
        (answered(200, 5_000, content_type="text/html; charset=utf-8"), "a web page"),
        (answered(200, 7), "too few"),
    ],
)
def test_what_is_no_proper_answer_is_unknown(answer: HttpAnswer, words: str) -> None:
    response, _ = one_hour(always(answer))
    (hour,) = response.hours
    assert hour.state is State.UNKNOWN
    assert words in hour.reason
    assert hour.evidence[0].status == answer.status


def test_no_answer_is_unknown_even_where_the_other_host_has_none() -> None:
    def rule(method: str, url: str) -> HttpAnswer:
        if "bi5.test" in url:
            raise NoAnswerError("ReadTimeout")
        return answered(404)

    response, _ = one_hour(rule, FEEDS)
    (hour,) = response.hours
    assert hour.state is State.UNKNOWN
    assert hour.reason == "bi5-hour: no answer: ReadTimeout"
    assert [each.status for each in hour.evidence] == [None, 404]


def test_either_host_may_be_the_one_that_has_it() -> None:
    def rule(method: str, url: str) -> HttpAnswer:
        if "bi5.test" in url:
            raise NoAnswerError("ConnectTimeout")
        return answered(200, 90_000)

    response, _ = one_hour(rule, FEEDS)
    assert response.hours[0].state is State.OUT
    response, _ = one_hour(lambda _, url: answered(404 if "bi5.test" in url else 400), FEEDS)
    assert response.hours[0].state is State.NOT_YET


def test_the_json_feed_without_a_body_is_no_answer() -> None:
    response, _ = one_hour(lambda _, url: answered(404) if "bi5.test" in url else answered(200, 0), FEEDS)
    assert response.hours[0].state is State.UNKNOWN


@pytest.mark.parametrize("refusal", [405, 501])
def test_a_host_that_refuses_head_is_asked_for_one_byte(refusal: int) -> None:
    def rule(method: str, url: str) -> HttpAnswer:
        return (
            answered(refusal)
            if method == "HEAD"
            else answered(206, 1, content_range="bytes 0-0/34567", body=1)
        )

    response, venue = one_hour(rule)
    assert response.hours[0].state is State.OUT
    assert response.hours[0].evidence[0].size == 34_567
    assert [method for method, _ in venue.asked] == ["HEAD", "GET"]
    assert venue.headers[1]["Range"] == "bytes=0-0"


@pytest.mark.parametrize(
    ("get", "state"),
    [
        (answered(416, content_range="bytes */0"), State.EMPTY),
        (answered(200, 0), State.EMPTY),
        (answered(200), State.EMPTY),
        (answered(206, 1, content_range="bytes 0-0/34567", body=1), State.OUT),
        (answered(200, 34_567, body=1024), State.OUT),
        (answered(200, body=1024), State.OUT),
        (answered(206, 1, content_range="bytes 0-0/*", body=1), State.UNKNOWN),
        (answered(416), State.UNKNOWN),
        (answered(503), State.UNKNOWN),
        (answered(404), State.NOT_YET),
    ],
)
@pytest.mark.parametrize("head", [answered(200, 0), answered(200)], ids=["size 0", "no size"])
def test_an_hour_without_a_byte_is_empty_only_by_a_second_look(
    head: HttpAnswer, get: HttpAnswer, state: State
) -> None:
    response, venue = one_hour(lambda method, _: head if method == "HEAD" else get)
    assert response.hours[0].state is state
    assert [method for method, _ in venue.asked] == ["HEAD", "GET"]


def test_a_host_that_fails_three_times_in_a_row_is_left_alone() -> None:
    venue = Venue(always(answered(429)))
    request = Request(("EUR/USD",), MONDAY, MONDAY + 10 * HOUR_US, concurrency=1)
    response = check(request, BI5_ONLY, venue, now_us=NOON)
    assert len(venue.asked) == 3
    assert len(response.hours_in("eurusd", State.UNKNOWN)) == 10
    # The youngest hour was asked for first.
    assert venue.asked[0][1].endswith("/09h_ticks.bi5")
    assert "not asked after 3 failures in a row" in response.hours[0].reason


def test_failures_between_answers_do_not_add_up() -> None:
    def rule(method: str, url: str) -> HttpAnswer:
        return answered(503) if int(url[-13:-11]) % 3 else answered(200, 34_567)

    request = Request(("EUR/USD",), MONDAY, MONDAY + 12 * HOUR_US, concurrency=1)
    venue = Venue(rule)
    response = check(request, BI5_ONLY, venue, now_us=NOON)
    assert response.counts() == {"out": 4, "empty": 0, "not-yet": 0, "closed": 0, "unknown": 8}
    assert len(venue.asked) == 12


def test_in_order_stops_at_the_youngest_hour_that_is_out() -> None:
    venue = Venue(published(MONDAY + 10 * HOUR_US))
    request = Request(("EUR/USD",), MONDAY, MONDAY + 24 * HOUR_US, in_order=True)
    response = check(request, BI5_ONLY, venue, now_us=NOON)
    assert [url[-13:-11] for _, url in venue.asked] == ["11", "10", "09"]
    assert response.hours_in("eurusd", State.OUT) == [MONDAY + hour * HOUR_US for hour in range(10)]
    assert response.hours_in("eurusd", State.NOT_YET) == [MONDAY + hour * HOUR_US for hour in range(10, 24)]
    assert response.hours[0].reason == "taken to be out, since the later hour 2019-02-04T09:00:00Z is"
    assert response.hours[0].evidence == ()


def test_in_order_takes_nothing_for_granted_from_a_failure() -> None:
    def rule(method: str, url: str) -> HttpAnswer:
        return answered(503) if url.endswith("11h_ticks.bi5") else answered(404)

    request = Request(("EUR/USD",), MONDAY + 9 * HOUR_US, MONDAY + 12 * HOUR_US, in_order=True)
    response = check(request, BI5_ONLY, Venue(rule), now_us=NOON)
    assert [each.state for each in response.hours] == [State.NOT_YET, State.NOT_YET, State.UNKNOWN]


def test_before_the_first_tick_the_reason_says_so() -> None:
    early = parse_time("2003-05-02T12:00")
    request = Request(("EUR/USD",), early, early + HOUR_US)
    response = check(request, BI5_ONLY, Venue(always(answered(404))), now_us=NOON)
    assert response.hours[0].reason == "not published; its first known tick is of 2003-05-04T19:00:00Z"


def test_a_venue_that_hangs_is_left_behind_at_the_deadline() -> None:
    released = threading.Event()

    def rule(method: str, url: str) -> HttpAnswer:
        released.wait(30)
        raise NoAnswerError("hung")

    request = Request(("EUR/USD",), MONDAY, MONDAY + 12 * HOUR_US, deadline_s=0.3)
    started = time.monotonic()
    try:
        response = check(request, FEEDS, Venue(rule), now_us=NOON)
        assert time.monotonic() - started < 15
    finally:
        released.set()
    assert len(response.hours_in("eurusd", State.UNKNOWN)) == 12
    assert {each.reason for each in response.hours} == {"no answer before the deadline"}


def test_a_fault_in_the_client_is_raised_and_not_taken_for_silence() -> None:
    def rule(method: str, url: str) -> HttpAnswer:
        raise KeyError("a bug")

    with pytest.raises(KeyError, match="a bug"):
        one_hour(rule)


def test_no_more_requests_run_at_a_time_than_asked_for() -> None:
    running, most = 0, 0
    lock = threading.Lock()
    all_in = threading.Barrier(3, timeout=10)

    def rule(method: str, url: str) -> HttpAnswer:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        all_in.wait()
        with lock:
            running -= 1
        return answered(200, 34_567)

    request = Request(("EUR/USD",), MONDAY, MONDAY + 12 * HOUR_US, concurrency=3)
    response = check(request, BI5_ONLY, Venue(rule), now_us=NOON)
    assert len(response.hours_in("eurusd", State.OUT)) == 12
    assert most == 3


def test_pacing_spaces_requests_and_refuses_a_turn_after_the_deadline() -> None:
    def rule(method: str, url: str) -> HttpAnswer:
        return answered(200, 34_567)

    paced = Paced(Venue(rule), 0.05)
    request = Request(("EUR/USD",), MONDAY, MONDAY + 4 * HOUR_US)
    started = time.monotonic()
    assert check(request, BI5_ONLY, paced, now_us=NOON).counts()["out"] == 4
    assert time.monotonic() - started >= 3 * 0.05
    slow = Paced(Venue(rule), 60.0)
    slow("HEAD", "u", {}, 1.0)
    with pytest.raises(NoAnswerError, match="turn"):
        slow("HEAD", "u", {}, 1.0)


answers = st.sampled_from(
    [answered(200, 34_567), answered(200, 0), answered(404), answered(429), answered(503), answered(200, 3)]
)


@settings(max_examples=100)
@given(st.dictionaries(st.integers(0, 23), answers), st.integers(0, 30), st.booleans(), st.integers(1, 4))
def test_every_hour_is_answered_once_and_never_not_yet_without_the_venues_word(
    by_hour: dict[int, HttpAnswer],
    now: int,
    in_order: bool,  # noqa: FBT001
    concurrency: int,
) -> None:
    sunday = MONDAY - 24 * HOUR_US

    def rule(method: str, url: str) -> HttpAnswer:
        return by_hour.get(int(url[-13:-11]), answered(404))

    request = Request(("EUR/USD",), sunday, MONDAY + 24 * HOUR_US, in_order=in_order, concurrency=concurrency)
    now_us = sunday + 18 * HOUR_US + now * HOUR_US
    response = check(request, BI5_ONLY, Venue(rule), now_us=now_us)
    assert [each.hour_us for each in response.hours] == list(hours_between(request.start_us, request.end_us))
    for each in response.hours:
        if not calendar("forex").is_open(each.hour_us):
            assert each.state is State.CLOSED
        elif each.state is State.NOT_YET and each.evidence:
            assert [said.status for said in each.evidence] == [404], iso(each.hour_us)
        elif each.state is State.NOT_YET:
            assert each.hour_us + HOUR_US > now_us
        elif each.state is State.OUT and not each.evidence:
            assert in_order
