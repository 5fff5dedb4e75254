"""Requests and responses as JSON: read back as they were, and refused where they are not what was asked."""

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from candlewick.dukascopy.availability_messages import (
    MAX_HOURS,
    Evidence,
    HourAnswer,
    MalformedResponseError,
    Request,
    RequestError,
    Response,
    State,
)
from candlewick.times import HOUR_US, MINUTE_US, hours_between, parse_time

MONDAY = parse_time("2019-02-04")
NOON = MONDAY + 12 * HOUR_US
DATE = "Mon, 04 Feb 2019 12:00:00 GMT"
EVENT = {"instruments": ["EUR/USD"], "from": "2019-02-04T00:00:00Z", "to": "2019-02-04T12:00:00Z"}


def test_a_request_is_read_and_written_as_json() -> None:
    request = Request.from_json(EVENT, NOON)
    assert request == Request(("EUR/USD",), MONDAY, NOON)
    assert Request.from_json(json.loads(json.dumps(request.to_json())), NOON) == request
    last = Request.from_json({"instruments": ["EUR/USD"], "last_hours": 6}, NOON + 5 * MINUTE_US)
    assert (last.start_us, last.end_us) == (NOON - 6 * HOUR_US, NOON)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"instruments": []}, "instruments"),
        ({"instruments": "EUR/USD"}, "instruments"),
        ({"instruments": [1]}, "instruments"),
        ({"instruments": ["NOSUCH"]}, "instruments"),
        ({"instruments": ["EUR"]}, "instruments"),
        ({"from": None}, "from"),
        ({"from": "yesterday"}, "from"),
        ({"from": "0001-01-01"}, "from"),
        ({"to": 5}, "to"),
        ({"to": "2019-02-04T00:00:00Z"}, "to"),
        ({"to": "9999-12-31T23:59:59Z"}, "to"),
        ({"to": "2199-12-31"}, "to"),
        ({"last_hours": 6}, "last_hours"),
        ({"in_order": "yes"}, "in_order"),
        ({"deadline_seconds": "45"}, "deadline_seconds"),
        ({"deadline_seconds": 0}, "deadline_seconds"),
        ({"deadline_seconds": float("nan")}, "deadline_seconds"),
        ({"deadline_seconds": True}, "deadline_seconds"),
        ({"concurrency": 0}, "concurrency"),
        ({"concurrency": 11}, "concurrency"),
        ({"concurrency": 2.5}, "concurrency"),
        ({"symbols": ["EUR/USD"]}, "symbols"),
    ],
)
def test_a_wrong_request_is_refused_by_the_name_of_its_field(change: dict[str, object], field: str) -> None:
    with pytest.raises(RequestError) as caught:
        Request.from_json({**EVENT, **change}, NOON)
    assert caught.value.field == field
    assert str(caught.value).startswith(f"{field}: ")


@pytest.mark.parametrize("event", [None, [], "EUR/USD", 5])
def test_what_is_no_object_is_refused(event: object) -> None:
    with pytest.raises(RequestError, match="event: must be an object"):
        Request.from_json(event, NOON)


@pytest.mark.parametrize("last", [0, -1, 1.5, True, "6", MAX_HOURS + 1])
def test_a_wrong_number_of_last_hours_is_refused(last: object) -> None:
    with pytest.raises(RequestError, match="last_hours"):
        Request.from_json({"instruments": ["EUR/USD"], "last_hours": last}, NOON)


def answer(symbol: str, hour_us: int) -> HourAnswer:
    if symbol == "eurusd" and hour_us < MONDAY - 2 * HOUR_US:
        return HourAnswer(symbol, hour_us, State.CLOSED, "outside the weekly session (forex)")
    if hour_us < MONDAY + 9 * HOUR_US:
        has_it = Evidence("bi5-hour", "HEAD", "https://bi5.test/h", 200, 34_567, DATE, DATE)
        return HourAnswer(symbol, hour_us, State.OUT, "published", (has_it,))
    if hour_us == MONDAY + 9 * HOUR_US:
        silent = Evidence("bi5-hour", "HEAD", "https://bi5.test/h", problem="no answer: ReadTimeout")
        has_none = Evidence("json-feed", "HEAD", "https://json.test/h", 404, date=DATE)
        reason = "bi5-hour: no answer: ReadTimeout"
        return HourAnswer(symbol, hour_us, State.UNKNOWN, reason, (silent, has_none))
    return HourAnswer(symbol, hour_us, State.NOT_YET, "the hour is not over")


def sample() -> tuple[Request, Response]:
    request = Request(("EUR/USD", "btcusd"), MONDAY - 3 * HOUR_US, MONDAY + 12 * HOUR_US)
    hours = tuple(
        answer(symbol, hour_us)
        for symbol in ("eurusd", "btcusd")
        for hour_us in hours_between(request.start_us, request.end_us)
    )
    return request, Response(hours, NOON, requests=30, seconds=1.25, notes=("a note",))


def test_a_response_survives_json() -> None:
    request, response = sample()
    again = Response.from_json(json.loads(json.dumps(response.to_json())), request)
    assert again == replace(response, seconds=again.seconds)


def test_a_response_to_another_request_is_malformed() -> None:
    request, response = sample()
    body = response.to_json()
    for other in (
        replace(request, end_us=request.end_us + HOUR_US),
        replace(request, start_us=request.start_us + HOUR_US),
        replace(request, instruments=("EUR/USD",)),
        replace(request, instruments=("btcusd", "EUR/USD")),
    ):
        with pytest.raises(MalformedResponseError, match="not the"):
            Response.from_json(body, other)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
PLACES = [
    "version",
    "asked_at",
    "requests",
    "seconds",
    "notes",
    "hours",
    "hour.instrument",
    "hour.hour",
    "hour.state",
    "hour.reason",
    "hour.evidence",
    "said.status",
    "said.size",
    "said.url",
    "said.problem",
    "said.date",
]


@settings(max_examples=200)
@given(st.sampled_from(PLACES), json_values, st.booleans())
def test_a_damaged_response_is_malformed_or_means_the_same(place: str, value: object, drop: bool) -> None:  # noqa: FBT001
    request, response = sample()
    body = json.loads(json.dumps(response.to_json()))
    part, _, name = place.rpartition(".")
    target = {"": body, "hour": body["hours"][5], "said": body["hours"][5]["evidence"][0]}[part]
    if drop:
        del target[name]
    else:
        target[name] = value
    try:
        read = Response.from_json(body, request)
    except MalformedResponseError:
        return
    assert [(each.symbol, each.hour_us) for each in read.hours] == [
        (each.symbol, each.hour_us) for each in response.hours
    ]
    if name != "state":
        assert [each.state for each in read.hours] == [each.state for each in response.hours]
