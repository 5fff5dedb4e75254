"""OANDA's adapter: recorded lines, blocks of lines, closed markets, and secrets that stay secret."""

import asyncio
import json
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from candlewick.instruments import AssetClass, Kind, Series
from candlewick.live.events import Event, Quote
from candlewick.venues.symbols import oanda_spelling as spelling
from streaming.live.venue import (
    BadFrameError,
    ConnectError,
    Events,
    Feed,
    Heard,
    Item,
    RestError,
    Resting,
    Unknown,
)
from streaming.venues.oanda import Oanda
from tests.scripted_venue import Scripted, ScriptedVenue


def series(symbol: str, scale: int = 5) -> Series:
    return Series("oanda", symbol, Kind.QUOTES, AssetClass.FOREX, scale, 0, "fx")


def make(*symbols: str) -> Oanda:
    made = Oanda("http://127.0.0.1:1", "http://127.0.0.1:1", "a-token-of-mine", "101-001-7777777-001")
    made.use([series(symbol, 3 if symbol.endswith("jpy") else 5) for symbol in symbols])
    made._without_price = set(symbols)
    return made


def quotes(items: list[Item]) -> list[Event]:
    return [event for item in items if isinstance(item, Events) for event in item.events]


def line(**changes: object) -> bytes:
    price = {
        "type": "PRICE",
        "time": "2026-08-20T14:03:12.682119462Z",
        "bids": [{"price": "1.08410", "liquidity": 1000000}, {"price": "1.08409", "liquidity": 2000000}],
        "asks": [{"price": "1.08423", "liquidity": 1000000}, {"price": "1.08424", "liquidity": 2000000}],
        "closeoutBid": "1.08405",
        "closeoutAsk": "1.08428",
        "status": "tradeable",
        "tradeable": True,
        "instrument": "EUR_USD",
    }
    return json.dumps({**price, **changes}).encode()


def test_every_recorded_line_is_read_and_exact(fixtures: Path) -> None:
    adapter = make("eurusd", "eurjpy", "usdjpy", "audusd", "audjpy")
    found = sent = 0
    for file in sorted((fixtures / "oanda_stream").glob("*.ndjson")):
        for text in file.read_bytes().splitlines():
            items = adapter.read(text, 1)
            raw = json.loads(text)
            if raw.get("type") != "PRICE" or not raw.get("bids"):
                continue
            sent += 1
            for quote in quotes(items):
                assert isinstance(quote, Quote)
                found += 1
                assert Decimal(quote.bid).scaleb(-quote.price_scale) == max(
                    Decimal(b["price"]) for b in raw["bids"]
                )
                assert Decimal(quote.ask).scaleb(-quote.price_scale) == min(
                    Decimal(a["price"]) for a in raw["asks"]
                )
    assert found > 3
    assert sent >= found


def test_first_prices_are_the_state() -> None:
    adapter = make("eurusd", "usdjpy")
    items = adapter.read(line() + b"\n" + line(time="2026-08-20T14:03:13Z"), 5)
    assert [item.snapshot for item in items if isinstance(item, Events)] == [True, False]
    (first, second) = quotes(items)
    assert isinstance(first, Quote)
    assert first.exchange_ns == 1787234592682119462
    assert (first.bid, first.ask, first.bid_volume, first.ask_volume) == (108410, 108423, 1000000, 1000000)
    assert second.exchange_ns == 1787234593 * 10**9


def test_the_best_price_need_not_be_the_first() -> None:
    adapter = make("eurusd")
    bids = [{"price": "1.08400", "liquidity": 5}, {"price": "1.08410", "liquidity": 7}]
    (quote,) = quotes(adapter.read(line(bids=bids), 5))
    assert isinstance(quote, Quote)
    assert (quote.bid, quote.bid_volume) == (108410, 7)


def test_a_closed_market_is_no_quote_and_an_empty_side_is_none_either() -> None:
    adapter = make("eurusd")
    closed = adapter.read(line(tradeable=False, status="non-tradeable"), 5)
    assert closed[-1] == Resting("eurusd", 1787234592682119462)
    assert adapter.read(line(bids=[]), 5) == [Heard(None)]


def test_heartbeats_have_the_venues_clock() -> None:
    adapter = make()
    assert adapter.read(b'{"type":"HEARTBEAT","time":"2026-08-20T14:03:15.129811067Z"}', 5) == [
        Heard(1787234595129811067)
    ]
    assert adapter.read(b'{"type":"SURPRISE"}', 5) == [Unknown("SURPRISE")]


@pytest.mark.parametrize(
    "frame", [b"{", line()[:50], b"[]", line(bids=7), line(time="now"), line(bids=[{"price": 1}])]
)
def test_a_line_that_cannot_be_read_says_so(frame: bytes) -> None:
    with pytest.raises(BadFrameError):
        make("eurusd").read(frame, 1)


@given(st.binary(max_size=200))
def test_hostile_bytes_are_refused_or_unknown(frame: bytes) -> None:
    try:
        make("eurusd").read(frame, 1)
    except BadFrameError:
        return


def test_a_new_symbol_takes_a_new_connection_and_one_that_leaves_takes_none() -> None:
    adapter = make("eurusd")
    assert adapter.subscribe([Feed("pricing", "usdjpy")]) is None
    assert adapter.unsubscribe([Feed("pricing", "eurusd")]) == []


def test_without_token_it_says_what_to_set() -> None:
    assert "CANDLEWICK_OANDA_TOKEN" in Oanda("http://x", "http://x", None, None).unconfigured
    assert make().unconfigured == ""


def test_no_error_shows_token_or_account() -> None:
    async def ask() -> list[str]:
        adapter = make("eurusd")
        shown = []
        try:
            await adapter.connect(["eurusd"])
        except ConnectError as error:
            shown.append(repr(error))
        try:
            await adapter.newest_quote("eurusd")
        except RestError as error:
            shown.append(repr(error))
        return shown

    shown = asyncio.run(ask())
    assert len(shown) == 2
    assert not any("a-token-of-mine" in text or "7777777" in text for text in shown)


def test_symbols() -> None:
    assert [spelling(symbol) for symbol in ("eurusd", "xauusd", "spx500usd")] == [
        "EUR_USD",
        "XAU_USD",
        "SPX500_USD",
    ]


def test_the_newest_price_is_one_that_can_be_traded_and_that_the_series_can_hold() -> None:
    shown = json.loads(line())
    with ScriptedVenue() as venue:
        venue.otherwise = lambda _path: Scripted(200, json.dumps({"prices": [shown]}).encode())
        adapter = Oanda(venue.url, venue.url, "a-token-of-mine", "101-001-7777777-001")
        adapter.use([series("eurusd")])
        quote = asyncio.run(adapter.newest_quote("eurusd"))
        (streamed,) = quotes(make("eurusd").read(line(), 1))
        assert isinstance(streamed, Quote)
        assert quote is not None
        assert (quote.bid, quote.ask, quote.exchange_ns) == (streamed.bid, streamed.ask, streamed.exchange_ns)
        shown["tradeable"] = False
        assert asyncio.run(adapter.newest_quote("eurusd")) is None
        shown["tradeable"] = True
        adapter.use([series("eurusd", scale=1)])
        with pytest.raises(RestError, match="more than 1 decimals"):
            asyncio.run(adapter.newest_quote("eurusd"))
        adapter.use([])
        with pytest.raises(RestError, match="not wanted any more"):
            asyncio.run(adapter.newest_quote("eurusd"))
