"""The packaged table and weeks against the venue's own lists, where these are at hand."""

import csv
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from candlewick.calendars import calendar
from candlewick.instruments import all_instruments, find
from candlewick.times import DAY_US, MINUTE_US, iso, parse_time

Row = dict[str, str]
WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")

# Its listed week is its neighbours' written down in winter time; what it is in summer is not known.
NOT_AS_LISTED = {"abbsesek": "unknown"}


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    lists = Path(__file__).parents[3] / "shared" / "reference" / "dukascopy_instruments.csv"
    if not lists.is_file():
        pytest.skip("the venue's lists (../shared/reference) are not here")
    with lists.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def minute_of_week(weekday: str, clock: str) -> int:
    hour, minute = clock.split(":")
    return WEEKDAYS.index(weekday) * 1440 + int(hour) * 60 + int(minute)


def listed_closed(row: Row) -> tuple[str, set[int]]:
    """Zone and closed local minutes of the week, as listed: both ends inclusive."""
    closed: set[int] = set()
    zone = ""
    for span in row["weekly_closed_2025"].split("; "):
        first_day, first, _, last_day, last, zone = span.split()
        closed |= set(range(minute_of_week(first_day, first), minute_of_week(last_day, last) + 1))
    for span in filter(None, row["daily_closed_2025"].split("; ")):
        first, _, last, zone = span.split()
        for weekday in WEEKDAYS:
            closed |= set(range(minute_of_week(weekday, first), minute_of_week(weekday, last) + 1))
    return zone, closed


@pytest.mark.parametrize(
    "week", ["2025-01-12", "2025-03-09", "2025-03-30", "2025-06-15", "2025-10-26", "2025-11-02"]
)
def test_weeks_are_as_listed_to_the_minute(rows: list[Row], week: str) -> None:
    start = parse_time(week) - DAY_US
    seen = set()
    for row in rows:
        name = find(row["id"]).calendar
        listed = (name, row["weekly_closed_2025"], row["daily_closed_2025"])
        if not row["weekly_closed_2025"] or row["id"] in NOT_AS_LISTED or listed in seen:
            continue
        seen.add(listed)
        zone, closed = listed_closed(row)
        info = ZoneInfo(zone)
        expected = set()
        for us in range(start, start + 3 * DAY_US, MINUTE_US):
            local = datetime.fromtimestamp(us // 1_000_000, info)
            if local.weekday() * 1440 + local.hour * 60 + local.minute not in closed:
                expected.add(us)
        sessions = calendar(name).sessions(start, start + 3 * DAY_US)
        assert {us for opens, closes in sessions for us in range(opens, closes, MINUTE_US)} == expected, row[
            "name"
        ]
    assert len(seen) >= 40


def test_instruments_without_a_listed_week_never_lose_an_hour_by_a_guess(rows: list[Row]) -> None:
    guessed = {row["id"]: find(row["id"]).calendar for row in rows if not row["weekly_closed_2025"]}
    assert set(guessed.values()) == {
        "forex",
        "metals",
        "crypto",
        "us-stocks",
        "uk-stocks",
        "europe-stocks",
        "switzerland-stocks",
        "sweden-stocks",
        "unknown",
    }
    for symbol in guessed:
        instrument = find(symbol)
        first = instrument.first_tick_us
        if first is not None:
            assert calendar(instrument.calendar).is_open(first // (60 * MINUTE_US) * 60 * MINUTE_US), symbol


def test_names_scales_and_starts_are_those_of_the_lists(rows: list[Row]) -> None:
    assert {row["id"] for row in rows} == {instrument.symbol for instrument in all_instruments()}
    for row in rows:
        instrument = find(row["id"])
        assert (instrument.name, instrument.description) == (row["name"], row["description"])
        assert instrument.bi5_symbol == row["bi5_symbol"]
        assert (instrument.jetta_code or "") == row["jetta_code"]
        factor = "" if instrument.price_scale is None else str(10**instrument.price_scale)
        assert factor == row["decimal_factor"]
        assert instrument.scale_vouched == (row["decimal_source"] == "both")
        starts = [row[name] for name in ("tick_start", "tick_start_2026", "tick_start_2025")]
        known = min(
            (parse_time(start) for start in starts if start and start[:10] != "2000-01-01"), default=None
        )
        assert instrument.first_tick_us == known, (row["name"], known and iso(known))
