"""Both families' URLs, and that nothing else is one."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from candlewick.times import DAY_US, HOUR_US, parse_time
from simulators.dukascopy import paths
from simulators.dukascopy.paths import (
    CandleFile,
    DayFile,
    HourFile,
    Instruments,
    JsonCandles,
    JsonTicks,
    Resolution,
    Side,
    parse,
)

FEBRUARY_4 = parse_time("2019-02-04")


@pytest.mark.parametrize("prefix", ["", "/", "datafeed/", "/datafeed/"])
def test_bi5_months_count_from_zero(prefix: str) -> None:
    assert parse(f"{prefix}EURUSD/2019/01/04/10h_ticks.bi5") == HourFile("EURUSD", FEBRUARY_4 + 10 * HOUR_US)
    assert parse(f"{prefix}EURUSD/2019/01/04_ticks.bi5") == DayFile("EURUSD", FEBRUARY_4)


def test_candle_files() -> None:
    assert parse("A1/2019/01/04/ASK_candles_min_1.bi5") == CandleFile(
        "A1", Side.ASK, Resolution.MINUTE, FEBRUARY_4
    )
    assert parse("A1/2019/11/BID_candles_hour_1.bi5") == CandleFile(
        "A1", Side.BID, Resolution.HOUR, parse_time("2019-12-01")
    )
    assert parse("A1/2019/BID_candles_day_1.bi5") == CandleFile(
        "A1", Side.BID, Resolution.DAY, parse_time("2019-01-01")
    )


def test_json_months_count_from_one() -> None:
    assert parse("v1/ticks/EUR-USD/2019/2/4/10") == JsonTicks("EUR-USD", FEBRUARY_4 + 10 * HOUR_US)
    assert parse("v1/candles/minute/AAPL.US-USD/ASK/2019/2/4") == JsonCandles(
        "AAPL.US-USD", Side.ASK, Resolution.MINUTE, FEBRUARY_4
    )
    assert parse("v1/candles/hour/EUR-USD/BID/2019/2") == JsonCandles(
        "EUR-USD", Side.BID, Resolution.HOUR, parse_time("2019-02-01")
    )
    assert parse("v1/instruments") == Instruments(None)
    assert parse("v1/instruments/USA500.IDX-USD") == Instruments("USA500.IDX-USD")


def test_the_running_period_is_asked_for_by_a_moment() -> None:
    assert parse("v1/ticks/EUR-USD", "1000") == JsonTicks("EUR-USD", None, 1_000_000)
    assert parse("v1/candles/day/EUR-USD/BID", "0") == JsonCandles(
        "EUR-USD", Side.BID, Resolution.DAY, None, 0
    )


@pytest.mark.parametrize(
    "path",
    [
        "",
        "EURUSD",
        "eurusd/2019/01/04/10h_ticks.bi5",
        "EURUSD/2019/12/04/10h_ticks.bi5",
        "EURUSD/2019/01/30/10h_ticks.bi5",
        "EURUSD/2019/01/04/24h_ticks.bi5",
        "EURUSD/2019/1/04/10h_ticks.bi5",
        "EURUSD/2019/01/04/10h_ticks.bi5/",
        "../EURUSD/2019/01/04/10h_ticks.bi5",
        "EURUSD/../EURUSD/2019/01/04/10h_ticks.bi5",
        "EURUSD/2019/01/04/..",
        "/etc/passwd",
        "EURUSD\0/2019/01/04/10h_ticks.bi5",
        "EURUSD/2019/01/٠٤/10h_ticks.bi5",
        "v1/ticks/EUR-USD/2019/0/4/10",
        "v1/ticks/EUR-USD/2019/02/4/10",
        "v1/ticks/EURUSD/2019/2/4/10",
        "v1/ticks/EUR-USD",
        "v1/candles/week/EUR-USD/BID/2019",
        "v1/candles/day/EUR-USD/MID/2019",
        "ticks/EUR-USD/2019/2/4/10",
    ],
)
def test_anything_else_is_no_resource(path: str) -> None:
    assert parse(path) is None


@given(st.integers(0, 80 * 366 * 24), st.sampled_from(["EURUSD", "0005HKHKD", "USA500IDXUSD"]))
def test_paths_are_parsed_as_they_are_written(hours: int, symbol: str) -> None:
    hour_us = hours * HOUR_US
    day_us = hour_us // DAY_US * DAY_US
    assert parse(paths.hour_path(symbol, hour_us)) == HourFile(symbol, hour_us)
    assert parse(paths.day_path(symbol, day_us)) == DayFile(symbol, day_us)
    for resolution in Resolution:
        start_us, end_us = resolution.period(hour_us)
        file = CandleFile(symbol, Side.ASK, resolution, start_us)
        assert parse(paths.candle_path(file)) == file
        assert start_us <= hour_us < end_us
        assert resolution.period(end_us - 1)[0] == start_us
