"""What the simulator writes by the venue's facts the platform's own decoders read, over each transport alike.

The two sides share no code, so a mistake of either shows here.
"""

from datetime import date

import numpy as np
import pytest

from candlewick.dukascopy import bi5, day_object, jetta, venue_candles
from candlewick.hours import Quotes, content_hash
from candlewick.times import DAY_US, HOUR_US, day_us
from simulators.dukascopy import listings
from simulators.dukascopy.answers import Content
from simulators.dukascopy.day_styles import DayStyle
from simulators.dukascopy.market import Market
from simulators.dukascopy.paths import (
    CandleFile,
    DayFile,
    HourFile,
    JsonCandles,
    JsonTicks,
    Resolution,
    Resource,
    Side,
)

DAY = date(2024, 3, 5)
START = day_us(DAY)
SYMBOLS = ["EURUSD", "USDJPY", "XAUUSD", "BTCUSD", "AAPLUSUSD", "USA500IDXUSD", "USDCZK"]


def body(market: Market, resource: Resource) -> bytes:
    answer = market.answer(resource, START + 60 * DAY_US)
    assert isinstance(answer, Content), f"{resource}: {answer}"
    return answer.body


def hashed(quotes: Quotes) -> bytes:
    return content_hash(5, 6, quotes)


@pytest.mark.parametrize("symbol", SYMBOLS)
@pytest.mark.parametrize("style", [DayStyle.WHOLE, DayStyle.STREAMS])
def test_three_transports_are_one_hour(symbol: str, style: DayStyle) -> None:
    market = Market(ticks_a_day=3_000, day_style=style)
    instrument = listings.by_symbol(symbol)
    assert instrument is not None
    assert instrument.jetta_code is not None
    day = day_object.decode_day(body(market, DayFile(symbol, START)), START)
    assert sum(len(quotes) for quotes in day.values()) > 1_000
    for hour in range(START, START + DAY_US, HOUR_US):
        from_file = bi5.decode_hour(body(market, HourFile(symbol, hour)))
        from_json = jetta.decode_hour(
            body(market, JsonTicks(instrument.jetta_code, hour)), hour, listings.scale(instrument)
        )
        assert hashed(from_file) == hashed(from_json) == hashed(day.get(hour, Quotes()))


@pytest.mark.parametrize("symbol", ["EURUSD", "BTCUSD"])
@pytest.mark.parametrize("side", Side)
def test_candle_files_and_payloads_are_the_same_candles(symbol: str, side: Side) -> None:
    market = Market(ticks_a_day=3_000)
    instrument = listings.by_symbol(symbol)
    assert instrument is not None
    assert instrument.jetta_code is not None
    from_file = venue_candles.decode_bi5(
        body(market, CandleFile(symbol, side, Resolution.MINUTE, START)), venue_candles.Level.MINUTE, DAY
    )
    from_json = venue_candles.decode_json(
        body(market, JsonCandles(instrument.jetta_code, side, Resolution.MINUTE, START)),
        venue_candles.Level.MINUTE,
        DAY,
        listings.scale(instrument),
    )
    traded = from_file.volume > 0
    for name in ("open", "high", "low", "close"):
        assert getattr(from_file, name)[traded].tolist() == getattr(from_json, name).tolist()
    assert np.float32(from_file.volume[traded]).tolist() == np.float32(from_json.volume).tolist()
