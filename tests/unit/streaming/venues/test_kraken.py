"""Kraken's adapter: every recorded frame is read, and every number is exactly the one that was sent."""

import asyncio
import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from candlewick.instruments import AssetClass, Kind, Series
from candlewick.live.events import Channel, Event, Origin, Quote, Ticker, Trade, decode, encode
from candlewick.times import iso
from candlewick.venues.symbols import kraken_pair as rest_pair
from candlewick.venues.symbols import kraken_spelling as spelling
from streaming.live.venue import (
    Acknowledged,
    BadFrameError,
    Events,
    Feed,
    Heard,
    Inexact,
    Item,
    Refused,
    RestError,
    Status,
    Unknown,
)
from streaming.venues import kraken
from streaming.venues.kraken import Kraken, rest_trade
from tests.scripted_venue import Scripted, ScriptedVenue


def series(symbol: str, kind: Kind = Kind.TRADES) -> Series:
    return Series("kraken", symbol, kind, AssetClass.CRYPTO, 5, 8, "crypto")


@pytest.fixture
def adapter() -> Kraken:
    made = Kraken("ws://127.0.0.1:1/v2", "http://127.0.0.1:1")
    made.use([series("btcusd"), series("ethusd", Kind.QUOTES)])
    return made


def events(items: list[Item], channel: Channel) -> list[Event]:
    return [
        event
        for item in items
        if isinstance(item, Events) and item.channel is channel
        for event in item.events
    ]


def recorded(folder: Path) -> list[bytes]:
    lines = [
        line for file in sorted(folder.rglob("*.ndjson")) for line in file.read_bytes().splitlines() if line
    ]
    captured = json.loads((folder / "mhadiamiri/captured_raw_text.json").read_bytes())
    frames = next(value for value in captured.values() if isinstance(value, list))
    return lines + [(frame if isinstance(frame, str) else json.dumps(frame)).encode() for frame in frames]


def test_every_recorded_frame_is_read(adapter: Kraken, fixtures: Path) -> None:
    frames = recorded(fixtures / "kraken_ws_v2")
    found: list[Item] = []
    for frame in frames:
        found += adapter.read(frame, 1)
    assert len(frames) > 2000
    assert sum(isinstance(item, Heard) for item in found) > 100
    assert {item.text for item in found if isinstance(item, Status)} == {"online", "maintenance"}
    assert len(events(found, Channel.TRADES)) == 5
    assert len(events(found, Channel.QUOTES)) == len(events(found, Channel.TICKER)) >= 3
    # Channels that were not subscribed to are of no documented kind here, and do no harm.
    assert {item.text for item in found if isinstance(item, Unknown)} >= {"book", "ohlc"}


def test_recorded_trades_are_exact(adapter: Kraken, fixtures: Path) -> None:
    for frame in recorded(fixtures / "kraken_ws_v2"):
        sent = json.loads(frame, parse_float=Decimal)
        if not isinstance(sent, dict) or sent.get("channel") != "trade" or "data" not in sent:
            continue
        wanted = [
            (row["trade_id"], row["price"], row["qty"], {"buy": 1, "sell": -1}[row["side"]])
            for row in sent["data"]
            if row["symbol"] == "BTC/USD"
        ]
        got = [
            (event.trade_id, Decimal(event.price).scaleb(-5), Decimal(event.quantity).scaleb(-8), event.side)
            for event in events(adapter.read(frame, 1), Channel.TRADES)
            if isinstance(event, Trade)
        ]
        assert got == wanted


def test_a_frame_may_hold_several_trades_and_symbols(adapter: Kraken) -> None:
    adapter.use([series("btcusd"), series("dogeusd")])
    row = {
        "side": "buy",
        "price": 1.5,
        "qty": 0.01,
        "ord_type": "market",
        "timestamp": "2026-08-20T14:03:12.004511Z",
    }
    frame = msgspec.json.encode(
        {
            "channel": "trade",
            "type": "update",
            "data": [
                {"symbol": symbol, "trade_id": trade_id, **row}
                for symbol, trade_id in [("BTC/USD", 1), ("DOGE/USD", 5), ("BTC/USD", 2), ("SOL/USD", 9)]
            ],
        }
    )
    found = {
        item.symbol: [e.trade_id for e in item.events]
        for item in adapter.read(frame, 7)
        if isinstance(item, Events)
    }  # type: ignore[union-attr]
    assert found == {"btcusd": [1, 2], "dogeusd": [5]}


def test_a_snapshot_is_told_from_updates(adapter: Kraken) -> None:
    frame = (
        b'{"channel":"trade","type":"snapshot","data":[{"symbol":"BTC/USD","side":"sell","price":62310.1,'
        b'"qty":0.01250000,"ord_type":"market","trade_id":98120441,"timestamp":"2026-08-20T14:03:12.004511Z"}]}'
    )
    (item,) = adapter.read(frame, 7)
    assert isinstance(item, Events)
    assert item.snapshot
    (trade,) = item.events
    assert trade == Trade(1787234592004511000, 7, 98120441, 6231010000, 1250000, -1, 5, 8, Origin.SNAPSHOT)
    assert decode(Channel.TRADES, encode(trade)) == trade


def test_one_ticker_gives_a_quote_and_a_ticker(adapter: Kraken) -> None:
    frame = (
        b'{"channel":"ticker","type":"update","data":[{"symbol":"ETH/USD","bid":62310.0,"bid_qty":0.40000000,'
        b'"ask":62310.1,"ask_qty":0.75000000,"last":62310.1,"volume":1843.20517730,"vwap":61987.4,"low":61020.0,'
        b'"high":62890.0,"change":-845.3,"change_pct":1.38,"timestamp":"2026-08-20T14:03:11.482913Z"}]}'
    )
    items = adapter.read(frame, 7)
    (quote,) = events(items, Channel.QUOTES)
    (ticker,) = events(items, Channel.TICKER)
    assert isinstance(quote, Quote)
    assert isinstance(ticker, Ticker)
    assert (quote.bid, quote.ask, quote.bid_volume, quote.ask_volume) == (
        6231000000,
        6231010000,
        40000000,
        75000000,
    )
    assert (ticker.last, ticker.volume, ticker.change) == (6231010000, 184320517730, -84530000)
    assert decode(Channel.TICKER, encode(ticker)) == ticker


prices = st.decimals("0.00001", "999999999", places=5)
quantities = st.decimals("0.00000001", "9999999", places=8)


@given(prices, quantities)
def test_prices_and_quantities_are_exactly_what_was_sent(price: Decimal, quantity: Decimal) -> None:
    made = Kraken("ws://127.0.0.1:1/v2", "http://127.0.0.1:1")
    made.use([series("btcusd")])
    frame = (
        f'{{"channel":"trade","type":"update","data":[{{"symbol":"BTC/USD","side":"buy","price":{price},'
        f'"qty":{quantity},"ord_type":"limit","trade_id":1,"timestamp":"2026-08-20T14:03:12Z"}}]}}'
    )
    (event,) = events(made.read(frame.encode(), 1), Channel.TRADES)
    assert isinstance(event, Trade)
    assert Decimal(event.price).scaleb(-5) == price
    assert Decimal(event.quantity).scaleb(-8) == quantity


def test_a_number_that_the_scale_cannot_hold_is_told_and_not_rounded(adapter: Kraken) -> None:
    frame = (
        b'{"channel":"trade","type":"update","data":[{"symbol":"BTC/USD","side":"buy","price":1.1234567,'
        b'"qty":1,"ord_type":"limit","trade_id":5,"timestamp":"2026-08-20T14:03:12Z"}]}'
    )
    (item,) = adapter.read(frame, 1)
    assert isinstance(item, Inexact)
    assert "trade 5" in item.reason
    assert iso(item.exchange_ns // 1000) == "2026-08-20T14:03:12Z"


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"{",
        b"not json",
        b'{"channel":"trade","type":"update"}',
        b'{"channel":"trade","type":"update","data":[{"symbol":"BTC/USD"}]}',
        b'{"channel":"trade","type":"update","data":{"symbol":"BTC/USD"}}',
        b'{"channel":"ticker","type":"update","data":[{"symbol":"ETH/USD","bid":"x","ask":1,"bid_qty":1,"ask_qty":1}]}',
        b'{"channel":"trade","type":"update","data":[{"symbol":"BTC/USD","side":"up","price":1,"qty":1,'
        b'"trade_id":1,"timestamp":"2026-08-20T14:03:12Z"}]}',
        b'{"channel":"trade","type":"update","data":[{"symbol":"BTC/USD","side":"buy","price":1,"qty":1,'
        b'"trade_id":1,"timestamp":"yesterday"}]}',
    ],
)
def test_a_frame_that_cannot_be_read_says_so(adapter: Kraken, frame: bytes) -> None:
    with pytest.raises(BadFrameError):
        adapter.read(frame, 1)


@given(st.binary(max_size=200))
def test_hostile_bytes_are_refused_or_unknown(frame: bytes) -> None:
    made = Kraken("ws://127.0.0.1:1/v2", "http://127.0.0.1:1")
    try:
        made.read(frame, 1)
    except BadFrameError:
        return


def test_answers_are_one_for_each_symbol(adapter: Kraken) -> None:
    (request,) = adapter.subscribe([Feed("trade", "btcusd"), Feed("trade", "ethusd")])
    asked = json.loads(request)
    assert asked["params"] == {"channel": "trade", "symbol": ["BTC/USD", "ETH/USD"], "snapshot": True}
    good = {
        "method": "subscribe",
        "req_id": asked["req_id"],
        "result": {"channel": "trade", "snapshot": True, "symbol": "BTC/USD"},
        "success": True,
        "time_in": "2026-08-20T14:03:10.118204Z",
        "time_out": "2026-08-20T14:03:10.118251Z",
    }
    bad = {
        "method": "subscribe",
        "req_id": asked["req_id"],
        "error": "Currency pair not supported ETH/USD",
        "symbol": "ETH/USD",
        "success": False,
    }
    assert adapter.read(msgspec.json.encode(good), 1) == [
        Acknowledged(Feed("trade", "btcusd"), 1787234590118251000)
    ]
    assert adapter.read(msgspec.json.encode(bad), 1) == [
        Refused(Feed("trade", "ethusd"), "Currency pair not supported ETH/USD")
    ]


def test_a_refusal_without_a_symbol_is_one_of_the_whole_request(adapter: Kraken) -> None:
    (request,) = adapter.subscribe([Feed("ticker", "btcusd"), Feed("ticker", "ethusd")])
    assert json.loads(request)["params"]["event_trigger"] == "bbo"
    answer = {
        "method": "subscribe",
        "req_id": json.loads(request)["req_id"],
        "success": False,
        "error": "Exceeded msg rate",
    }
    found = adapter.read(msgspec.json.encode(answer), 1)
    assert [item.feed.symbol for item in found if isinstance(item, Refused)] == ["btcusd", "ethusd"]


def test_the_answer_to_a_ping_has_the_venues_clock(adapter: Kraken) -> None:
    frame = b'{"method":"pong","req_id":1,"time_out":"2024-05-20T11:08:49.272940Z"}'
    assert adapter.read(frame, 1) == [Heard(1716203329272940000, is_answer=True)]
    assert adapter.read(b'{"channel":"heartbeat"}', 1) == [Heard(None)]


def test_symbols() -> None:
    assert [spelling(symbol) for symbol in ("btcusd", "usdtusd", "btcusdt", "ethbtc", "dogeeur")] == [
        "BTC/USD",
        "USDT/USD",
        "BTC/USDT",
        "ETH/BTC",
        "DOGE/EUR",
    ]
    assert [rest_pair(symbol) for symbol in ("btcusd", "dogeusd", "ethusd")] == ["XBTUSD", "XDGUSD", "ETHUSD"]
    with pytest.raises(ValueError, match="quote currency"):
        spelling("abcxyz")


def test_rest_rows_of_a_recording(fixtures: Path) -> None:
    answer = json.loads((fixtures / "kraken_rest/nautilus/http_trades.json").read_bytes())["result"]
    rows = next(value for key, value in answer.items() if key != "last")
    trades = [rest_trade(row, series("btcusdt"), 1) for row in rows]
    assert [trade.trade_id for trade in trades] == list(range(10218208, 10219208))
    assert all(trade.exchange_ns % 1000 == 0 for trade in trades)
    assert trades[0].price == 10543360000
    assert trades[0].exchange_ns == 1762795433971744000  # 1762795433.9717445, half to even
    for trade, row in zip(trades, rows, strict=True):
        assert Decimal(trade.price).scaleb(-5) == Decimal(row[0])
        assert Decimal(trade.quantity).scaleb(-8) == Decimal(row[1])


def test_patience_is_what_the_venue_asks_for() -> None:
    assert kraken._patience(["EGeneral:Too many requests"]) == 5.0
    assert kraken._patience(["EService:Throttled: 1"]) == 1.0
    assert kraken._patience(["EQuery:Unknown asset pair"]) == 0.0


def test_a_price_that_the_series_cannot_hold_is_left_out_of_pages_and_is_no_state() -> None:
    rows = [
        ["100.1", "0.1", 1762795433.97, "b", "l", "", 7],
        ["100.123", "0.1", 1762795434.97, "b", "l", "", 8],
    ]
    ticker = {"b": ["100.123", "1", "0.1"], "a": ["100.2", "1", "0.1"]}
    answers = {
        "/0/public/Trades": {"XXBTZUSD": rows, "last": "1762795434970000000"},
        "/0/public/Ticker": {"XXBTZUSD": ticker},
    }
    with ScriptedVenue() as venue:
        venue.otherwise = lambda path: Scripted(
            200, json.dumps({"error": [], "result": answers[path.partition("?")[0]]}).encode()
        )
        adapter = Kraken("ws://127.0.0.1:1", venue.url)
        adapter.use([replace(series("btcusd"), price_scale=1)])

        async def ids() -> list[int]:
            return [trade.trade_id async for page in adapter.trades("btcusd", 5) for trade in page]

        assert asyncio.run(ids()) == [7]
        with pytest.raises(RestError, match=r"100\.123 has more than 1 decimals"):
            asyncio.run(adapter.newest_trade("btcusd"))
        with pytest.raises(RestError, match=r"100\.123 has more than 1 decimals"):
            asyncio.run(adapter.newest_quote("btcusd"))
        adapter.use([])
        with pytest.raises(RestError, match="not wanted any more"):
            asyncio.run(adapter.newest_trade("btcusd"))
