"""What a candle is: the numpy reference against plain Python, and trading days against the calendar."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from candlewick.candles import (
    INTRADAY_US,
    Level,
    Timeframe,
    TradingDay,
    all_candles,
    minute_candles,
    trading_day,
)
from candlewick.hours import Quotes, Trades
from candlewick.instruments import AssetClass
from candlewick.times import DAY_US, HOUR_US, MINUTE_US, from_us, parse_time, to_us

FX = trading_day(AssetClass.FOREX, "dukascopy")
CRYPTO = trading_day(AssetClass.CRYPTO, "kraken")
INDEX = trading_day(AssetClass.INDEX, "dukascopy")
NEW_YORK = ZoneInfo("America/New_York")

moments = st.integers(to_us(datetime(2005, 1, 1, tzinfo=UTC)), to_us(datetime(2035, 1, 1, tzinfo=UTC)))
days = st.sampled_from([FX, CRYPTO, INDEX])


def column(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int64)


@pytest.mark.parametrize(
    ("asset_class", "venue", "day"),
    [
        (AssetClass.FOREX, "dukascopy", TradingDay("America/New_York", 17, 6)),
        (AssetClass.METAL, "oanda", TradingDay("America/New_York", 17, 6)),
        (AssetClass.FOREX, "kraken", TradingDay("UTC", 0, 6)),
        (AssetClass.CRYPTO, "dukascopy", TradingDay("UTC", 0, 0)),
        (AssetClass.EQUITY, "dukascopy", TradingDay("UTC", 0, 6)),
    ],
)
def test_trading_days_by_class_and_venue(asset_class: AssetClass, venue: str, day: TradingDay) -> None:
    assert trading_day(asset_class, venue) == day


@pytest.mark.parametrize(
    ("moment", "timeframe", "start"),
    [
        # A Wednesday in summer and one in winter.
        ("2026-08-19T20:59:59Z", Timeframe.D1, "2026-08-18T21:00:00Z"),
        ("2026-08-19T21:00:00Z", Timeframe.D1, "2026-08-19T21:00:00Z"),
        ("2026-01-14T21:59:59Z", Timeframe.D1, "2026-01-13T22:00:00Z"),
        ("2026-01-14T22:00:00Z", Timeframe.H4, "2026-01-14T22:00:00Z"),
        # The clocks go forward on Sunday 2026-03-08: Saturday's trading day has 23 hours.
        ("2026-03-08T20:59:59Z", Timeframe.D1, "2026-03-07T22:00:00Z"),
        ("2026-03-08T20:59:59Z", Timeframe.H4, "2026-03-08T18:00:00Z"),
        ("2026-03-08T21:00:00Z", Timeframe.D1, "2026-03-08T21:00:00Z"),
        ("2026-03-08T21:00:00Z", Timeframe.H4, "2026-03-08T21:00:00Z"),
        ("2026-03-08T20:59:59Z", Timeframe.W1, "2026-03-01T22:00:00Z"),
        ("2026-03-08T21:00:00Z", Timeframe.W1, "2026-03-08T21:00:00Z"),
        # And back on Sunday 2026-11-01: 25 hours, the last four-hour candle holds one.
        ("2026-11-01T21:30:00Z", Timeframe.D1, "2026-10-31T21:00:00Z"),
        ("2026-11-01T21:30:00Z", Timeframe.H4, "2026-11-01T21:00:00Z"),
        ("2026-11-01T22:00:00Z", Timeframe.D1, "2026-11-01T22:00:00Z"),
        ("2026-11-01T22:00:00Z", Timeframe.W1, "2026-11-01T22:00:00Z"),
        ("2026-11-06T21:59:59Z", Timeframe.W1, "2026-11-01T22:00:00Z"),
    ],
)
def test_new_york_days_over_clock_changes(moment: str, timeframe: Timeframe, start: str) -> None:
    assert FX.start(timeframe, parse_time(moment)) == parse_time(start)


@pytest.mark.parametrize(("day", "start"), [(CRYPTO, "2026-11-16"), (INDEX, "2026-11-22")])
def test_weeks_elsewhere(day: TradingDay, start: str) -> None:
    assert day.start(Timeframe.W1, parse_time("2026-11-22T23:59:59Z")) == parse_time(start)


@given(days, moments, st.sampled_from(Level.DAILY.timeframes))
def test_a_start_is_the_start_of_itself_and_not_after(day: TradingDay, us: int, timeframe: Timeframe) -> None:
    start = day.start(timeframe, us)
    longest = {Timeframe.H4: 4 * HOUR_US, Timeframe.D1: 25 * HOUR_US, Timeframe.W1: 7 * DAY_US + HOUR_US}
    assert us - longest[timeframe] < start <= us
    assert start % HOUR_US == 0
    assert day.start(timeframe, start) == start


@given(moments)
def test_new_york_days_begin_at_17_and_weeks_on_sunday(us: int) -> None:
    assert from_us(FX.start(Timeframe.D1, us)).astimezone(NEW_YORK).hour == 17
    week = from_us(FX.start(Timeframe.W1, us)).astimezone(NEW_YORK)
    assert (week.weekday(), week.hour) == (6, 17)


@given(days, moments)
def test_levels_nest(day: TradingDay, us: int) -> None:
    """What rolls up from the timeframe below lies in one candle of the one above."""
    quarter = day.start(Timeframe.H4, us)
    assert day.start(Timeframe.D1, quarter) == day.start(Timeframe.D1, us)
    assert day.start(Timeframe.W1, day.start(Timeframe.D1, us)) == day.start(Timeframe.W1, us)


quote = st.tuples(
    st.integers(0, HOUR_US - 1), st.integers(1, 10**6), st.integers(1, 10**6), *[st.integers(0, 2**62)] * 2
)


@given(st.lists(quote, max_size=40))
def test_minutes_are_what_plain_python_makes_of_them(rows: list[tuple[int, int, int, int, int]]) -> None:
    """Also of times that fall, and of volumes whose sum no 64-bit integer holds."""
    ticks = Quotes(*(column(*(row[i] for row in rows)) for i in range(5)))
    hour = parse_time("2026-01-05T10:00:00Z")
    made = minute_candles(hour, ticks)
    assert made.ts.tolist() == sorted({hour + row[0] // MINUTE_US * MINUTE_US for row in rows})
    for i, ts in enumerate(made.ts.tolist()):
        group = [row for row in rows if hour + row[0] // MINUTE_US * MINUTE_US == ts]
        bids, asks = [row[1] for row in group], [row[2] for row in group]
        assert [int(values[i]) for values in made.columns.values()] == [
            *(bids[0], max(bids), min(bids), bids[-1]),
            *(asks[0], max(asks), min(asks), asks[-1]),
            *(sum(row[3] for row in group), sum(row[4] for row in group), len(group)),
        ]


def test_trades_count_what_takers_bought() -> None:
    trades = Trades(column(0, 1, 2), column(7, 8, 9), column(5, 9, 4), column(10, 20, 40), column(1, -1, 1))
    made = minute_candles(0, trades)
    assert {name: values.tolist() for name, values in made.columns.items()} == {
        "open": [5],
        "high": [9],
        "low": [4],
        "close": [4],
        "volume": [70],
        "buy_volume": [50],
        "trades": [3],
    }


@given(st.lists(st.integers(0, 6 * HOUR_US - 1), min_size=1, max_size=60), days)
def test_every_timeframe_holds_every_tick(times: list[int], day: TradingDay) -> None:
    times.sort()
    start = parse_time("2026-03-08T18:00:00Z")
    hours = []
    for hour in range(6):
        us = column(*(us - hour * HOUR_US for us in times if us // HOUR_US == hour))
        hours.append((start + hour * HOUR_US, Quotes(us, us + 1, us + 2, us, us)))
    for timeframe, made in all_candles(hours, day).items():
        assert made.columns["ticks"].sum() == len(times)
        assert made.columns["bid_volume"].sum() == sum(us % HOUR_US for us in times)
        assert made.columns["bid_open"][0] == times[0] % HOUR_US + 1
        assert made.columns["ask_close"][-1] == times[-1] % HOUR_US + 2
        assert (np.diff(made.ts) > 0).all()
        if timeframe in INTRADAY_US:
            assert not (made.ts % INTRADAY_US[timeframe]).any()
