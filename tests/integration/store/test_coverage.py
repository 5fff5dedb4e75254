"""Coverage: what is there of each hour, what is not, and why."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
import typer

from candlewick.commands.coverage import coverage as coverage_command
from candlewick.hours import Gap, HourState, Quotes
from candlewick.instruments import AssetClass, Kind, Series
from candlewick.store import CoverageRow, UnknownSeriesError
from candlewick.times import DAY_US, HOUR_US, MINUTE_US, iso, parse_time, us_day

from .landing import BTCUSD, EURUSD, Landing

LIVE_QUOTES = Series("oanda", "eurusd", Kind.QUOTES, AssetClass.FOREX, 5, 0, "forex")

FRIDAY = parse_time("2026-03-06")
CLOSE = parse_time("2026-03-06T22:00:00Z")
OPEN = parse_time("2026-03-08T21:00:00Z")
MONDAY = parse_time("2026-03-09")
LATER = parse_time("2026-04-01")


@dataclass(frozen=True)
class Trouble:
    hour_us: int
    state: HourState
    reason: str


@pytest.fixture
def week(landing: Landing) -> Landing:
    """A calendar that knows one weekend and the days around it."""
    sessions = [(FRIDAY - 3 * DAY_US, CLOSE), (OPEN, OPEN + 5 * DAY_US)]
    landing.store.write_sessions(EURUSD.calendar, sessions, known=(FRIDAY - 3 * DAY_US, OPEN + 5 * DAY_US))
    return landing


def row(landing: Landing, hour_us: int, as_of_us: int = LATER) -> CoverageRow:
    [found] = landing.store.coverage(EURUSD.name, hour_us, hour_us + HOUR_US, as_of_us=as_of_us)
    assert found.hour_us == hour_us
    return found


def test_hours_without_a_row_follow_the_weekly_session(week: Landing) -> None:
    rows = week.store.coverage(EURUSD.name, FRIDAY, MONDAY, as_of_us=LATER)
    assert [row.hour_us for row in rows] == list(range(FRIDAY, MONDAY, HOUR_US))
    closed = [row.hour_us for row in rows if row.state is HourState.CLOSED]
    assert closed == list(range(CLOSE, OPEN, HOUR_US))
    for row in rows:
        inside = row.hour_us not in closed
        assert row.hole is inside
        assert (row.state, row.reason) == (
            (HourState.PENDING, "never asked") if inside else (HourState.CLOSED, "outside the weekly session")
        )


def test_hours_before_the_first_tick_are_closed(week: Landing) -> None:
    week.store.add_series(EURUSD, first_tick_us=FRIDAY + 3 * HOUR_US + MINUTE_US)
    rows = week.store.coverage(EURUSD.name, FRIDAY, FRIDAY + 5 * HOUR_US, as_of_us=LATER)
    assert [(row.state, row.reason, row.hole) for row in rows] == [
        *[(HourState.CLOSED, "before the first tick", False)] * 3,
        *[(HourState.PENDING, "never asked", True)] * 2,
    ]


def test_an_hour_that_a_session_only_touches_is_open(week: Landing) -> None:
    week.store.write_sessions(
        EURUSD.calendar,
        [(FRIDAY, FRIDAY + MINUTE_US), (FRIDAY + 3 * HOUR_US - 1, FRIDAY + 4 * HOUR_US)],
        known=(FRIDAY, FRIDAY + DAY_US),
    )
    rows = week.store.coverage(EURUSD.name, FRIDAY, FRIDAY + 6 * HOUR_US, as_of_us=LATER)
    assert [row.state is HourState.CLOSED for row in rows] == [False, True, False, False, True, True]


def test_what_the_calendar_does_not_know_is_not_closed(week: Landing) -> None:
    assert row(week, FRIDAY - 30 * DAY_US).reason == "never asked"
    assert row(week, OPEN + 6 * DAY_US).reason == "never asked"


def test_without_a_calendar_nothing_is_closed(landing: Landing) -> None:
    assert row(landing, CLOSE + HOUR_US).reason == "never asked"


def test_hours_that_have_not_begun_are_no_holes(week: Landing) -> None:
    now = FRIDAY + 10 * HOUR_US + MINUTE_US
    rows = week.store.coverage(EURUSD.name, FRIDAY, FRIDAY + DAY_US, as_of_us=now)
    assert [row.hole for row in rows] == [True] * 11 + [False] * 13
    assert {row.reason for row in rows[11:22]} == {"not begun"}
    assert {row.state for row in rows[22:]} == {HourState.CLOSED}
    assert not row(week, FRIDAY, as_of_us=FRIDAY).hole
    assert row(week, FRIDAY, as_of_us=FRIDAY + 1).hole


def test_rows_beat_the_calendar(week: Landing, some_quotes: Callable[..., Quotes]) -> None:
    week.land(week.hour(EURUSD, CLOSE + HOUR_US, some_quotes(7)))
    found = row(week, CLOSE + HOUR_US)
    assert (found.state, found.ticks, found.hole, found.reason) == (HourState.DATA, 7, False, None)


def test_closed_and_pending_rows(week: Landing, some_quotes: Callable[..., Quotes]) -> None:
    week.land(week.hour(EURUSD, FRIDAY, state=HourState.CLOSED))
    week.land(week.hour(EURUSD, FRIDAY + HOUR_US, some_quotes(5), HourState.PENDING))
    assert (row(week, FRIDAY).state, row(week, FRIDAY).hole) == (HourState.CLOSED, False)
    found = row(week, FRIDAY + HOUR_US)
    assert (found.state, found.hole, found.ticks) == (HourState.PENDING, True, 5)
    assert found.reason == "not complete yet"
    assert row(week, FRIDAY + HOUR_US, as_of_us=FRIDAY + HOUR_US + MINUTE_US).reason == "running"


def test_gaps_are_holes_with_exact_bounds(week: Landing, some_quotes: Callable[..., Quotes]) -> None:
    gaps = (Gap(FRIDAY + 5, FRIDAY + 6), Gap(FRIDAY + HOUR_US - 1, FRIDAY + HOUR_US))
    week.land(week.hour(EURUSD, FRIDAY, some_quotes(5), gaps=gaps))
    found = row(week, FRIDAY)
    assert (found.state, found.hole, found.gaps) == (HourState.DATA, True, gaps)


def test_problems_name_the_reason_and_count(week: Landing) -> None:
    for attempt in (1, 2):
        week.store.note_problems(
            EURUSD.name, [Trouble(FRIDAY, HourState.FAILED, "truncated: 3 of 9 bytes")], tried_us=attempt
        )
    found = row(week, FRIDAY)
    assert (found.state, found.reason, found.hole) == (HourState.FAILED, "truncated: 3 of 9 bytes", True)
    assert (found.problem, found.attempts, found.last_try_us) == (HourState.FAILED, 2, 2)
    week.store.clear_problems(EURUSD.name, [FRIDAY])
    assert row(week, FRIDAY).reason == "never asked"


def test_a_failed_recheck_is_shown_beside_its_data(week: Landing, some_quotes: Callable[..., Quotes]) -> None:
    week.land(week.hour(EURUSD, FRIDAY, some_quotes(5)))
    week.store.note_problems(EURUSD.name, [Trouble(FRIDAY, HourState.FAILED, "not-lzma")], tried_us=9)
    found = row(week, FRIDAY)
    assert (found.state, found.hole, found.ticks) == (HourState.DATA, False, 5)
    assert (found.problem, found.problem_reason) == (HourState.FAILED, "not-lzma")


def test_a_failure_shows_over_a_pending_row(week: Landing, some_quotes: Callable[..., Quotes]) -> None:
    week.land(week.hour(EURUSD, FRIDAY, some_quotes(5), HourState.PENDING))
    week.store.note_problems(EURUSD.name, [Trouble(FRIDAY, HourState.FAILED, "not-lzma")], tried_us=9)
    found = row(week, FRIDAY)
    assert (found.state, found.reason, found.ticks) == (HourState.FAILED, "not-lzma", 5)


def test_a_days_request_replaces_its_problems(week: Landing) -> None:
    day = us_day(FRIDAY)
    hours = [FRIDAY, FRIDAY + HOUR_US, FRIDAY + 2 * HOUR_US]

    def ask(asked_us: int, failing: list[int], recheck_us: int | None) -> None:
        week.store.note_request(
            EURUSD.name,
            day,
            asked_us=asked_us,
            transport="json",
            hours_out=3,
            recheck_us=recheck_us,
            failures=1,
            problems=[Trouble(hour, HourState.FAILED, "timed-out") for hour in failing],
        )

    week.store.note_problems(EURUSD.name, [Trouble(FRIDAY - HOUR_US, HourState.PENDING, "young")], tried_us=1)
    ask(5, hours, None)
    ask(6, hours[1:2], 99)
    states = [row(week, hour).state for hour in hours]
    assert states == [HourState.PENDING, HourState.FAILED, HourState.PENDING]
    assert row(week, hours[1]).attempts == 2
    assert row(week, FRIDAY - HOUR_US).reason == "young"
    request = week.store.day_request(EURUSD.name, day)
    assert request is not None
    assert (request.asked_us, request.recheck_us, request.transport) == (6, 99, "json")
    assert week.store.day_request(EURUSD.name, us_day(FRIDAY - DAY_US)) is None


def test_a_span_takes_every_hour_that_it_overlaps(week: Landing) -> None:
    start = FRIDAY + HOUR_US + MINUTE_US
    rows = week.store.coverage(EURUSD.name, start, start + HOUR_US, as_of_us=LATER)
    assert [row.hour_us for row in rows] == [FRIDAY + HOUR_US, FRIDAY + 2 * HOUR_US]


def test_an_unknown_series_is_named(landing: Landing) -> None:
    with pytest.raises(UnknownSeriesError, match="oanda:nix:quotes"):
        landing.store.coverage("oanda:nix:quotes", FRIDAY, MONDAY)


@pytest.mark.parametrize("series", [BTCUSD, LIVE_QUOTES], ids=lambda series: series.name)
def test_a_gap_of_a_live_series_is_shown_and_makes_the_command_fail(
    series: Series, week: Landing, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    week.store.add_series(series)
    gap = Gap(FRIDAY + HOUR_US + 5, FRIDAY + HOUR_US + 90_000_000)
    for number, gaps in enumerate([(), (gap,), ()]):
        week.land(week.hour(series, FRIDAY + number * HOUR_US, gaps=gaps))
    monkeypatch.setenv("CANDLEWICK_DATABASE_URL", week.url)

    def code(first: int, last: int, *, as_json: bool = False) -> int:
        try:
            coverage_command(
                series.name,
                start=iso(FRIDAY + first * HOUR_US),
                end=iso(FRIDAY + last * HOUR_US),
                as_json=as_json,
            )
        except typer.Exit as ended:
            return ended.exit_code
        return 0

    assert code(0, 1) == code(2, 3) == 0
    capsys.readouterr()
    assert code(0, 3) == 1
    shown = capsys.readouterr().out
    assert f"{series.name}: incomplete; hours: 3 data; 0 ticks" in shown
    assert "2026-03-06T01:00:00.000005Z .. 2026-03-06T01:01:30.000000Z  gap" in shown

    # Filled, it is gone: the hour is published anew without it.
    week.land(week.hour(series, FRIDAY + HOUR_US))
    assert code(0, 3) == 0
