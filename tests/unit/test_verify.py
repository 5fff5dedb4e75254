"""Stored minutes against the venue's own candles."""

from datetime import date

import numpy as np

from candlewick.candles import Candles
from candlewick.dukascopy.venue_candles import Level, Side, VenueCandles
from candlewick.times import DAY_US, MINUTE_US, day_us
from candlewick.verify import side_differences

START_US = day_us(date(2019, 2, 4))


def stored(*, close: int = 4, volume: int, ticks: int) -> Candles:
    prices = {"open": 2, "high": 5, "low": 1, "close": close}
    columns = {f"{side}_{name}": [value] for side in ("bid", "ask") for name, value in prices.items()}
    columns |= {"bid_volume": [volume], "ask_volume": [volume], "ticks": [ticks]}
    return Candles(np.array([START_US]), {name: np.array(column) for name, column in columns.items()})


def at_the_venue(*, minute: int = 0, millions: float) -> VenueCandles:
    return VenueCandles(
        Level.MINUTE, START_US, START_US + DAY_US, us=np.array([START_US + minute * MINUTE_US]),
        open=np.array([2]), high=np.array([5]), low=np.array([1]), close=np.array([4]),
        volume=np.array([millions], dtype=np.float32), filled=False,
    )  # fmt: skip


def test_equal_minutes_have_no_difference() -> None:
    for side in Side:
        assert (
            side_differences(side, stored(volume=661_480_000, ticks=300), at_the_venue(millions=661.48)) == []
        )


def test_a_price_that_differs_is_named_with_both_values() -> None:
    found = side_differences(Side.BID, stored(close=3, volume=1_000_000, ticks=1), at_the_venue(millions=1))
    assert len(found) == 1
    assert found[0].endswith("BID: close 3 here, 4 there")


def test_a_single_quote_too_few_shows_in_the_volume() -> None:
    lacking = stored(volume=661_480_000 - 10_000, ticks=300)
    found = side_differences(Side.ASK, lacking, at_the_venue(millions=661.48))
    assert len(found) == 1
    assert "ASK: volume 661.47 here, " in found[0]


def test_what_the_venue_rounds_away_of_each_volume_of_a_coin_is_allowed_for() -> None:
    """A hundred quotes of 1.48 units, each of which the tick file has as 1."""
    venue = at_the_venue(millions=148e-6)
    assert side_differences(Side.BID, stored(volume=100, ticks=100), venue) == []
    assert side_differences(Side.BID, stored(volume=97, ticks=97), venue) != []


def test_minutes_that_one_of_both_lacks_are_named() -> None:
    found = side_differences(Side.BID, stored(volume=1_000_000, ticks=1), at_the_venue(minute=1, millions=1))
    assert [line.partition(": ")[2] for line in found] == [
        "the venue has a candle, here is none",
        "a candle here, none at the venue",
    ]
