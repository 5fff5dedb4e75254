"""Trading weeks: worked cases of both clock changes, breaks, and an oracle that looks at every minute."""

from datetime import UTC, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from candlewick.calendars import Calendar, calendar, calendar_names
from candlewick.errors import CandlewickError
from candlewick.instruments import all_instruments
from candlewick.times import DAY_US, HOUR_US, MINUTE_US, floor_hour, iso, parse_time, to_us

WEEK_US = 7 * DAY_US


def utc(*parts: int) -> int:
    return to_us(datetime(*parts, tzinfo=UTC))  # type: ignore[arg-type, misc]


def shown(sessions: list[tuple[int, int]]) -> list[tuple[str, str]]:
    return [(iso(opens), iso(closes)) for opens, closes in sessions]


# (Friday close, Sunday open) in UTC, either side of both US clock changes and away from them.
WEEKENDS = [
    ("2026-03-06T22:00:00Z", "2026-03-08T21:00:00Z", 47),
    ("2026-10-30T21:00:00Z", "2026-11-01T22:00:00Z", 49),
    ("2026-03-27T21:00:00Z", "2026-03-29T21:00:00Z", 48),  # the EU changes, New York does not
    ("2026-08-21T21:00:00Z", "2026-08-23T21:00:00Z", 48),
    ("2026-01-09T22:00:00Z", "2026-01-11T22:00:00Z", 48),
    ("2019-03-08T22:00:00Z", "2019-03-10T21:00:00Z", 47),
    ("2006-03-31T22:00:00Z", "2006-04-02T21:00:00Z", 47),  # before 2007 the US changed in April
]


@pytest.mark.parametrize(("closes", "opens", "gap"), WEEKENDS)
def test_the_fx_weekend_is_as_long_as_new_yorks_clock_makes_it(closes: str, opens: str, gap: int) -> None:
    close_us, open_us = parse_time(closes), parse_time(opens)
    sessions = calendar("forex").sessions(close_us - 2 * HOUR_US, open_us + 2 * HOUR_US)
    assert sessions == [(close_us - 2 * HOUR_US, close_us), (open_us, open_us + 2 * HOUR_US)]
    assert (open_us - close_us) // HOUR_US == gap


@pytest.mark.parametrize("year", range(2003, 2031))
def test_every_fx_week_is_120_hours(year: int) -> None:
    sessions = calendar("forex").sessions(utc(year, 1, 1), utc(year + 1, 1, 1))
    whole = sessions[1:-1]
    assert len(whole) in (50, 51)
    assert {closes - opens for opens, closes in whole} == {120 * HOUR_US}


@pytest.mark.parametrize("year", range(2024, 2031))
def test_the_clock_changes_are_those_of_the_law(year: int) -> None:
    """Weekend gaps of 47 and 49 hours, once a year each, and 48 otherwise."""
    sessions = calendar("forex").sessions(utc(year, 1, 1), utc(year + 1, 1, 1))
    gaps = [(opens - closes) // HOUR_US for (_, closes), (opens, _) in pairwise(sessions)]
    assert gaps.count(47) == 1
    assert gaps.count(49) == 1
    assert set(gaps) == {47, 48, 49}


def test_metals_pause_for_an_hour_each_day() -> None:
    sessions = calendar("metals").sessions(utc(2026, 8, 16), utc(2026, 8, 23))
    assert shown(sessions) == [
        ("2026-08-16T22:00:00Z", "2026-08-17T21:00:00Z"),
        ("2026-08-17T22:00:00Z", "2026-08-18T21:00:00Z"),
        ("2026-08-18T22:00:00Z", "2026-08-19T21:00:00Z"),
        ("2026-08-19T22:00:00Z", "2026-08-20T21:00:00Z"),
        ("2026-08-20T22:00:00Z", "2026-08-21T21:00:00Z"),
    ]
    assert not calendar("metals").is_open(utc(2026, 8, 18, 21))
    assert calendar("metals").is_open(utc(2026, 8, 18, 22))


def test_us_stocks_open_at_half_past_and_the_whole_hour_counts() -> None:
    stocks = calendar("us-stocks")
    assert shown(stocks.sessions(utc(2026, 8, 19), utc(2026, 8, 20))) == [
        ("2026-08-19T13:30:00Z", "2026-08-19T20:00:00Z")
    ]
    assert stocks.open_hours(utc(2026, 8, 19), utc(2026, 8, 20)) == [
        utc(2026, 8, 19, hour) for hour in range(13, 20)
    ]
    assert not stocks.is_open(utc(2026, 8, 19, 20))
    # Standard time: an hour later by UTC.
    assert shown(stocks.sessions(utc(2026, 1, 14), utc(2026, 1, 15))) == [
        ("2026-01-14T14:30:00Z", "2026-01-14T21:00:00Z")
    ]


def test_europe_moves_by_an_hour_against_new_york_in_the_weeks_between_the_changes() -> None:
    def opening(name: str, day: int) -> str:
        opens, _ = calendar(name).sessions(utc(2026, 3, day), utc(2026, 3, day + 1))[0]
        return iso(opens)[11:16]

    assert (opening("europe-stocks", 4), opening("us-stocks", 4)) == ("08:00", "14:30")
    assert (opening("europe-stocks", 18), opening("us-stocks", 18)) == ("08:00", "13:30")
    assert (opening("europe-stocks", 30), opening("us-stocks", 30)) == ("07:00", "13:30")


def test_lunch_breaks_and_midnights() -> None:
    assert shown(calendar("japan-stocks").sessions(utc(2026, 8, 19), utc(2026, 8, 20))) == [
        ("2026-08-19T00:00:00Z", "2026-08-19T02:30:00Z"),
        ("2026-08-19T03:30:00Z", "2026-08-19T06:00:00Z"),
    ]
    # Both sides of the break share no hour with it whole: 02 and 03 are partly open.
    assert calendar("japan-stocks").open_hours(utc(2026, 8, 19), utc(2026, 8, 20)) == [
        utc(2026, 8, 19, hour) for hour in range(6)
    ]
    # A night session runs over midnight and over the end of the local week's Friday.
    assert shown(calendar("hkg-idx").sessions(utc(2026, 8, 21), utc(2026, 8, 24))) == [
        ("2026-08-21T01:15:00Z", "2026-08-21T04:00:00Z"),
        ("2026-08-21T05:00:00Z", "2026-08-21T08:30:00Z"),
        ("2026-08-21T09:15:00Z", "2026-08-21T17:00:00Z"),
    ]


@pytest.mark.parametrize("name", ["crypto", "unknown"])
def test_some_never_close(name: str) -> None:
    start, end = utc(2019, 12, 31, 5), utc(2021, 1, 2, 7)
    assert calendar(name).sessions(start, end) == [(start, end)]
    assert len(calendar(name).open_hours(start, end)) == (end - start) // HOUR_US


def test_bounds_cut_sessions_and_an_empty_span_has_none() -> None:
    noon = utc(2026, 8, 19, 12)
    forex = calendar("forex")
    assert forex.sessions(noon + 1, noon + 2) == [(noon + 1, noon + 2)]
    assert forex.open_hours(noon + 1, noon + 2) == [noon]
    assert forex.sessions(noon, noon) == []
    assert forex.sessions(noon, noon - HOUR_US) == []
    assert forex.open_hours(noon, noon) == []


def test_an_unknown_calendar_is_named_with_those_there_are() -> None:
    with pytest.raises(CandlewickError, match=r"no calendar 'fx'.*forex"):
        calendar("fx")


def test_every_instrument_has_a_calendar_and_every_calendar_an_instrument() -> None:
    assert {instrument.calendar for instrument in all_instruments()} == set(calendar_names())


@pytest.mark.parametrize("name", calendar_names())
def test_every_calendar_can_be_read_and_is_used_as_its_zone_says(name: str) -> None:
    found = calendar(name)
    ZoneInfo(found.zone)
    assert found.spans
    assert all(first < last for first, last in found.spans)
    assert all(last < first for (_, last), (first, _) in pairwise(found.spans))


def open_minutes(name: str, start_us: int, end_us: int) -> set[int]:
    """The slow oracle: each minute of UTC, by its own local weekday and wall clock."""
    found = calendar(name)
    zone = ZoneInfo(found.zone)
    minutes = set()
    for us in range(start_us, end_us, MINUTE_US):
        local = datetime.fromtimestamp(us // 1_000_000, zone)
        of_week = local.weekday() * 1440 + local.hour * 60 + local.minute
        if any(first <= of_week < last for first, last in found.spans):
            minutes.add(us)
    return minutes


def agrees_with_the_oracle(found: Calendar, start_us: int, end_us: int) -> None:
    expected = open_minutes(found.name, start_us, end_us)
    sessions = found.sessions(start_us, end_us)
    assert {us for opens, closes in sessions for us in range(opens, closes, MINUTE_US)} == expected
    assert all(opens < closes for opens, closes in sessions)
    assert all(closes < opens for (_, closes), (opens, _) in pairwise(sessions))
    assert found.open_hours(start_us, end_us) == sorted({floor_hour(us) for us in expected})
    for hour in range(floor_hour(start_us), end_us, 7 * HOUR_US):
        assert found.is_open(hour) == bool(open_minutes(found.name, hour, hour + HOUR_US))


minutes_since_1990 = st.integers(utc(1990, 1, 1) // MINUTE_US, utc(2037, 1, 1) // MINUTE_US)


@settings(max_examples=150)
@given(st.sampled_from(calendar_names()), minutes_since_1990, st.integers(1, 3 * 24 * 60))
def test_any_span_agrees_with_a_look_at_every_minute(name: str, start: int, minutes: int) -> None:
    start_us = start * MINUTE_US
    agrees_with_the_oracle(calendar(name), start_us, start_us + minutes * MINUTE_US)


CHANGES = ["2026-03-08", "2026-11-01", "2026-03-29", "2026-10-25", "2025-04-06", "2025-10-05", "2022-10-30"]


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("name", calendar_names())
def test_the_days_around_clock_changes_agree_too(name: str, change: str) -> None:
    middle = parse_time(change)
    agrees_with_the_oracle(calendar(name), middle - DAY_US, middle + 2 * DAY_US)


@settings(max_examples=50)
@given(st.sampled_from(calendar_names()), minutes_since_1990, st.integers(1, 200), st.integers(1, 200))
def test_two_halves_make_the_whole(name: str, start: int, first: int, second: int) -> None:
    """Sessions do not depend on where the question begins; those that touch the cut become one."""
    found = calendar(name)
    start_us = start * MINUTE_US
    cut, end_us = start_us + first * HOUR_US, start_us + (first + second) * HOUR_US
    left, right = found.sessions(start_us, cut), found.sessions(cut, end_us)
    if left and right and left[-1][1] == right[0][0]:
        left[-1] = (left[-1][0], right.pop(0)[1])
    assert left + right == found.sessions(start_us, end_us)


def test_a_clock_change_inside_a_session_moves_only_what_comes_after() -> None:
    """Week patterns whose zone changes its clock while open: 25 and 23 hours in a local day."""
    always = Calendar("made", "Europe/London", "all Sunday", ((6 * 1440, 7 * 1440),))
    (autumn,) = always.sessions(utc(2026, 10, 24), utc(2026, 10, 27))
    (spring,) = always.sessions(utc(2026, 3, 28), utc(2026, 3, 31))
    assert (autumn[1] - autumn[0]) // HOUR_US == 25
    assert (spring[1] - spring[0]) // HOUR_US == 23
