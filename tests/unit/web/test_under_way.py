"""Which days of a series runs wait for or work on."""

from datetime import date

from candlewick.dagster_client import ActiveRun
from candlewick.instruments import dukascopy_series, find
from web.under_way import under_way

EURUSD = dukascopy_series(find("EUR/USD"))
GBPUSD = dukascopy_series(find("GBP/USD"))
URL = "http://127.0.0.1:3000/runs"


def run(run_id: str, first: date, last: date, asked_us: int) -> ActiveRun:
    return ActiveRun(run_id, EURUSD.name, first, last, asked_us)


def test_nothing_is_under_way_of_a_series_without_runs() -> None:
    assert under_way(EURUSD, [], URL) is None
    assert under_way(GBPUSD, [run("a", date(2024, 1, 8), date(2024, 1, 9), 5)], URL) is None


def test_the_days_of_all_runs_count_once_from_the_oldest_on() -> None:
    runs = [run("b", date(2024, 1, 9), date(2024, 1, 10), 7), run("a", date(2024, 1, 8), date(2024, 1, 9), 5)]
    found = under_way(EURUSD, runs, URL)

    assert found is not None
    assert found.days == [date(2024, 1, 8), date(2024, 1, 9), date(2024, 1, 10)]
    assert found.began_us == 5
    assert found.run_ids == ["b", "a"]
    assert found.url == URL


def test_days_on_which_the_market_rests_are_none() -> None:
    # Friday to Monday: the Saturday between has no partition.
    found = under_way(EURUSD, [run("a", date(2024, 1, 5), date(2024, 1, 8), 5)], URL)

    assert found is not None
    assert date(2024, 1, 6) not in found.days
