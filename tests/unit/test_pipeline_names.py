"""Names, days and months by which the pipeline is reached."""

from datetime import date, timedelta

import pytest

from candlewick import pipeline
from candlewick.instruments import dukascopy_series, find
from candlewick.pipeline import Stage

EURUSD = dukascopy_series(find("EUR/USD"))
BTCUSD = dukascopy_series(find("BTC/USD"))


def test_an_asset_key_tells_its_series() -> None:
    for stage in Stage:
        assert pipeline.series_of(pipeline.asset_path(EURUSD, stage)) == EURUSD.name


@pytest.mark.parametrize("path", [["streams", "kraken"], ["dukascopy", "eurusd", "quotes", "other"]])
def test_other_keys_belong_to_no_series(path: list[str]) -> None:
    assert pipeline.series_of(path) is None


def test_forex_has_no_saturdays_and_crypto_has_all_days() -> None:
    assert pipeline.closed_weekdays(EURUSD.calendar) == {5}
    assert pipeline.closed_weekdays(BTCUSD.calendar) == frozenset()


def test_days_begin_with_the_first_tick() -> None:
    first = pipeline.first_day(EURUSD)

    days = pipeline.partition_days(EURUSD, first - timedelta(days=30), first + timedelta(days=10))

    assert days[0] == first
    assert all(day.weekday() != 5 for day in days)


def test_days_are_cut_where_a_month_ends() -> None:
    days = pipeline.partition_days(EURUSD, date(2021, 1, 28), date(2021, 3, 2))

    months = list(pipeline.months(days))

    assert [(month[0], month[-1]) for month in months] == [
        (date(2021, 1, 28), date(2021, 1, 31)),
        (date(2021, 2, 1), date(2021, 2, 28)),
        (date(2021, 3, 1), date(2021, 3, 2)),
    ]
    assert [day for month in months for day in month] == days
