"""The simulated venue's own encoders against these decoders, through HTTP."""

from datetime import date
from pathlib import Path

import pytest

from candlewick.archive import Archive
from candlewick.dukascopy.fetch import DayResult, fetch_day
from candlewick.dukascopy.limiter import Unpaced
from candlewick.dukascopy.venue import Venue
from candlewick.hours import HourState
from candlewick.instruments import dukascopy_series, find
from candlewick.settings import Settings
from candlewick.times import parse_time
from simulators.dukascopy.testing import SYNTHETIC, RunningVenue, running

NOW = "2026-11-20T12:00:00Z"
TUESDAY = date(2026, 11, 17)


def fetch(venue: RunningVenue, folder: Path, symbol: str, day: date, **settings: str) -> DayResult:
    addresses = {"dukascopy_url": venue.bi5_url, "dukascopy_json_url": venue.json_url, **settings}
    series = dukascopy_series(find(symbol))
    with Venue(Settings(_env_file=None, **addresses), Unpaced()) as client:  # type: ignore[arg-type, call-arg]
        return fetch_day(series, day, venue=client, archive=Archive(str(folder)), now_us=parse_time(NOW))


@pytest.mark.parametrize("symbol", ["eurusd", "btcusd", "xauusd"])
def test_every_way_gives_the_same_day(tmp_path: Path, symbol: str) -> None:
    days = {}
    for put_together in ("whole", "streams", "hours"):
        with running(SYNTHETIC, "--now", NOW, "--day-objects", put_together) as venue:
            days[put_together] = fetch(venue, tmp_path / put_together, symbol, TUESDAY)
    with running(SYNTHETIC, "--now", NOW) as venue:
        venue.set_faults("not-found:family=day")
        days["json"] = fetch(venue, tmp_path / "json", symbol, TUESDAY)
        days["bi5"] = fetch(venue, tmp_path / "bi5", symbol, TUESDAY, dukascopy_json_url="none")
    assert days["whole"].transport == "day-object"
    assert (days["json"].transport, days["bi5"].transport) == ("json-feed", "bi5-hour")
    contents = [{hour.hour_us: hour.hash for hour in day.hours} for day in days.values()]
    assert contents[0]
    assert all(content == contents[0] for content in contents)
    assert not any(day.problems for day in days.values())


def test_new_year_is_closed_by_evidence(tmp_path: Path) -> None:
    with running(SYNTHETIC, "--now", NOW) as venue:
        result = fetch(venue, tmp_path, "eurusd", date(2026, 1, 1))
    assert {hour.state for hour in result.hours} == {HourState.DATA, HourState.CLOSED}
    assert result.problems == []


def test_recordings_through_the_simulated_venue(tmp_path: Path, fixtures: Path) -> None:
    with running(fixtures / "dukascopy/dukascopy-node") as venue:
        result = fetch(venue, tmp_path, "eurusd", date(2019, 2, 4))
    assert (sum(len(hour.ticks) for hour in result.hours), result.problems) == (136_741, [])
