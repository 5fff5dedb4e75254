"""The checker against the simulated venue: hours as they come out, and each way to misbehave."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from candlewick.dukascopy import availability
from candlewick.dukascopy.availability_messages import Request, State
from candlewick.dukascopy.checker import check
from candlewick.settings import Settings
from candlewick.times import HOUR_US, parse_time
from simulators.dukascopy.testing import SYNTHETIC, RunningVenue, running

MONDAY = parse_time("2019-02-04")
NOW = "2019-02-04T12:02:00Z"
REQUEST = Request(("EUR/USD",), MONDAY, MONDAY + 24 * HOUR_US, deadline_s=20)


@pytest.fixture(scope="module")
def simulated() -> Iterator[RunningVenue]:
    with running(SYNTHETIC, "--now", NOW, "--delay", "5") as venue:
        yield venue


@pytest.fixture
def venue(simulated: RunningVenue, monkeypatch: pytest.MonkeyPatch) -> RunningVenue:
    """Without faults, its clock at two minutes past noon, and ours with it."""
    monkeypatch.setattr("candlewick.dukascopy.checker.now_us", lambda: parse_time(NOW))
    return simulated.set_faults().set_clock(NOW)


@pytest.fixture
def settings(venue: RunningVenue, tmp_path: Path) -> Settings:
    return Settings(
        _env_file=None,  # type: ignore[call-arg]
        home=tmp_path,
        dukascopy_url=venue.bi5_url,
        dukascopy_json_url=venue.json_url,
        dukascopy_rate=0,
    )


@pytest.mark.parametrize("in_order", [False, True])
def test_hours_are_out_when_the_venue_has_published_them(
    settings: Settings,
    venue: RunningVenue,
    monkeypatch: pytest.MonkeyPatch,
    in_order: bool,  # noqa: FBT001
) -> None:
    request = replace(REQUEST, in_order=in_order)
    before = check(settings, request)
    # The hour to noon is over, but comes out five minutes later.
    assert before.hours_in("eurusd", State.OUT) == [MONDAY + hour * HOUR_US for hour in range(11)]
    later = "2019-02-04T12:06:00Z"
    venue.set_clock(later)
    monkeypatch.setattr("candlewick.dukascopy.checker.now_us", lambda: parse_time(later))
    after = check(settings, request)
    assert after.hours_in("eurusd", State.OUT) == [MONDAY + hour * HOUR_US for hour in range(12)]
    assert after.requests == (1 if in_order else 12)


@pytest.mark.parametrize(
    "fault",
    [
        "unavailable",
        "throttle",
        "throttle:retry-after=5",
        "forbidden",
        "accepted",
        "reset",
        "html",
        "hang:seconds=30",
    ],
)
def test_no_fault_looks_like_an_hour_that_is_not_out(
    settings: Settings, venue: RunningVenue, monkeypatch: pytest.MonkeyPatch, fault: str
) -> None:
    venue.set_faults(fault)
    monkeypatch.setattr(availability, "_REQUEST_TIMEOUT_S", 0.5)
    response = check(settings, replace(REQUEST, deadline_s=5))
    over = [each for each in response.hours if each.hour_us < MONDAY + 11 * HOUR_US]
    assert {each.state for each in over} == {State.UNKNOWN}
    assert all(each.reason for each in over)


def test_one_host_down_leaves_the_other(settings: Settings, venue: RunningVenue) -> None:
    venue.set_faults("unavailable:family=hour")
    response = check(settings, REQUEST)
    assert response.hours_in("eurusd", State.OUT) == [MONDAY + hour * HOUR_US for hour in range(11)]
    # That the JSON feed lacks the last hour does not say that the files' host does.
    assert response.hours_in("eurusd", State.UNKNOWN) == [MONDAY + 11 * HOUR_US]


def test_an_empty_file_is_said_to_be_empty(settings: Settings, venue: RunningVenue) -> None:
    venue.set_faults("empty:path=EURUSD/2019/01/04/05h_ticks.bi5")
    response = check(settings, REQUEST)
    assert response.hours_in("eurusd", State.EMPTY) == [MONDAY + 5 * HOUR_US]
    assert len(response.hours_in("eurusd", State.OUT)) == 10
