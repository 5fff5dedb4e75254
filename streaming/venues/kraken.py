"""Kraken Spot, WebSocket v2: trades, and quotes and tickers by one `ticker` subscription on `bbo`.

Sources: Kraken's API documentation, WebSocket v2 (`trade`, `ticker`, `status`, `heartbeat`, `ping`) and REST
(`Trades`, `Ticker`); recorded frames that prove the mapping are named in docs/adding-a-venue.md. Numbers are
bare JSON numbers; nothing of a price or a quantity is ever rounded.
"""

import time
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

import msgspec

from candlewick.instruments import Kind, Series
from candlewick.live.events import Channel, Event, Origin, Quote, Ticker, Trade
from candlewick.live.numbers import InexactError, has_long_number, scaled, scaled_pair, time_ns
from candlewick.venues.symbols import KRAKEN as NAME
from candlewick.venues.symbols import kraken_pair as rest_pair
from candlewick.venues.symbols import kraken_spelling as spelling
from streaming.live.rest import Rest
from streaming.live.venue import (
    Acknowledged,
    BadFrameError,
    Connection,
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
from streaming.live.websocket import open_websocket

_TRADE = "trade"
_TICKER = "ticker"

# An attribute of an enumeration costs as much as reading a number.
_STREAM: Final = Origin.STREAM.value
_SNAPSHOT: Final = Origin.SNAPSHOT.value
_TRADES: Final = Channel.TRADES
_QUOTES: Final = Channel.QUOTES
_TICKERS: Final = Channel.TICKER

_SIDES: Final = {"buy": 1, "sell": -1, "b": 1, "s": -1}
_PAGE = 1000


class _WireTrade(msgspec.Struct, gc=False):
    symbol: str
    side: str
    price: float
    qty: float
    trade_id: int
    timestamp: str


class _WireTicker(msgspec.Struct, gc=False):
    symbol: str
    bid: float
    bid_qty: float
    ask: float
    ask_qty: float
    last: float | None = None
    volume: float | None = None
    vwap: float | None = None
    low: float | None = None
    high: float | None = None
    change: float | None = None
    timestamp: str | None = None


class _Trades(msgspec.Struct, gc=False):
    type: str
    data: list[_WireTrade]


class _Tickers(msgspec.Struct, gc=False):
    type: str
    data: list[_WireTicker]


def _exact(of: type[msgspec.Struct]) -> Any:  # noqa: ANN401 (a class made here)
    """The same structure with `Decimal` in place of floats, for frames with numbers of many digits."""
    fields: list[Any] = []
    for field in msgspec.structs.fields(of):
        exact = {float: Decimal, float | None: Decimal | None}.get(field.type, field.type)
        fields.append((field.name, exact) if field.required else (field.name, exact, field.default))
    return msgspec.defstruct(f"{of.__name__}Exact", fields)


class _Result(msgspec.Struct):
    channel: str | None = None
    symbol: str | None = None


class _SystemStatus(msgspec.Struct):
    system: str


class _Message(msgspec.Struct):
    """Anything that is no event: acknowledgements, heartbeats, statuses, answers to a ping."""

    channel: str | None = None
    type: str | None = None
    method: str | None = None
    success: bool | None = None
    error: str | None = None
    symbol: str | None = None
    result: msgspec.Raw = msgspec.Raw()
    data: msgspec.Raw = msgspec.Raw()
    req_id: int | None = None
    time_out: str | None = None


_trades = msgspec.json.Decoder(_Trades)
_tickers = msgspec.json.Decoder(_Tickers)
_trades_exact: msgspec.json.Decoder[Any] = msgspec.json.Decoder(
    msgspec.defstruct("_TradesExact", [("type", str), ("data", list[_exact(_WireTrade)])])  # type: ignore[misc]
)
_tickers_exact: msgspec.json.Decoder[Any] = msgspec.json.Decoder(
    msgspec.defstruct("_TickersExact", [("type", str), ("data", list[_exact(_WireTicker)])])  # type: ignore[misc]
)
_messages = msgspec.json.Decoder(_Message)
_results = msgspec.json.Decoder(_Result)
_statuses = msgspec.json.Decoder(list[_SystemStatus])


class Kraken:
    """The adapter."""

    name = NAME
    unconfigured = ""
    snapshot_is_old = False
    resubscribes_one = True
    silent_s = 6.0
    # The venue refuses an address for ten minutes after about 150 attempts in ten minutes.
    connect_burst = 20
    connect_interval_s = 6.0
    ping_s: float | None = 2.0
    settles_s = 1.0

    def __init__(self, ws_url: str, rest_url: str, clock: Callable[[], int] = time.time_ns) -> None:
        self._ws_url = ws_url
        # A call a second for each pair is safe; a local venue may be asked as often as one likes.
        local = "//127.0.0.1:" in rest_url or "//localhost:" in rest_url
        self._rest = Rest(rest_url, burst=3, interval_s=0.1 if local else 1.0, headers={})
        self._clock = clock
        self._series: dict[str, Series] = {}
        self._requests: dict[int, Sequence[Feed]] = {}
        self._request = 0

    def use(self, series: Collection[Series]) -> None:
        self._series = {spelling(one.symbol): one for one in series}

    def feeds(self, series: Series) -> tuple[Feed, ...]:
        return (Feed(_TRADE if series.kind is Kind.TRADES else _TICKER, series.symbol),)

    async def connect(self, symbols: Sequence[str]) -> Connection:
        del symbols
        self._requests.clear()
        return await open_websocket(self._ws_url)

    # Requests

    def subscribe(self, feeds: Sequence[Feed]) -> list[bytes]:
        return [
            self._ask("subscribe", name, [feed for feed in feeds if feed.name == name])
            for name in dict.fromkeys(feed.name for feed in feeds)
        ]

    def unsubscribe(self, feeds: Sequence[Feed]) -> list[bytes]:
        return [
            self._ask("unsubscribe", name, [feed for feed in feeds if feed.name == name])
            for name in dict.fromkeys(feed.name for feed in feeds)
        ]

    def ping(self) -> bytes:
        self._request += 1
        return msgspec.json.encode({"method": "ping", "req_id": self._request})

    def _ask(self, method: str, name: str, feeds: Sequence[Feed]) -> bytes:
        self._request += 1
        self._requests[self._request] = feeds
        parameters: dict[str, object] = {
            "channel": name,
            "symbol": [spelling(feed.symbol) for feed in feeds],
        }
        if name == _TICKER:
            parameters["event_trigger"] = "bbo"
        if method == "subscribe":
            parameters["snapshot"] = True
        return msgspec.json.encode({"method": method, "params": parameters, "req_id": self._request})

    # Frames

    def read(self, frame: bytes, receive_ns: int) -> list[Item]:
        try:
            if frame[:18] == b'{"channel":"trade"':
                return self._trades(frame, receive_ns)
            if frame[:19] == b'{"channel":"ticker"':
                return self._tickers(frame, receive_ns)
            return self._other(frame, receive_ns)
        except (msgspec.MsgspecError, ValueError, KeyError) as error:
            raise BadFrameError(f"{type(error).__name__}: {error}") from None

    def _trades(self, frame: bytes, receive_ns: int) -> list[Item]:
        message = (_trades_exact if has_long_number(frame) else _trades).decode(frame)
        snapshot = message.type == "snapshot"
        origin = _SNAPSHOT if snapshot else _STREAM
        items: list[Item] = []
        found: dict[str, list[Event]] = {}
        for wire in message.data:
            series = self._series.get(wire.symbol)
            if series is None:
                continue
            symbol, price_scale, volume_scale = series.symbol, series.price_scale, series.volume_scale
            exchange_ns = time_ns(wire.timestamp)
            try:
                price, quantity = scaled_pair(wire.price, wire.qty, price_scale, volume_scale)
            except InexactError as error:
                reason = f"trade {wire.trade_id}: {error}"
                items.append(Inexact(_TRADES, symbol, exchange_ns, reason, wire.trade_id))
                continue
            trade = Trade(
                exchange_ns,
                receive_ns,
                wire.trade_id,
                price,
                quantity,
                _SIDES[wire.side],
                price_scale,
                volume_scale,
                origin,
            )
            if symbol in found:
                found[symbol].append(trade)
            else:
                found[symbol] = [trade]
                items.append(Events(_TRADES, symbol, found[symbol], snapshot))
        return items

    def _tickers(self, frame: bytes, receive_ns: int) -> list[Item]:
        message = (_tickers_exact if has_long_number(frame) else _tickers).decode(frame)
        snapshot = message.type == "snapshot"
        origin = _SNAPSHOT if snapshot else _STREAM
        items: list[Item] = []
        for wire in message.data:
            series = self._series.get(wire.symbol)
            if series is None:
                continue
            symbol, price_scale, volume_scale = series.symbol, series.price_scale, series.volume_scale
            # Older answers have no time; then it is known by when it was received.
            exchange_ns = receive_ns if wire.timestamp is None else time_ns(wire.timestamp)
            try:
                bid, ask = scaled_pair(wire.bid, wire.ask, price_scale, price_scale)
                bid_volume, ask_volume = scaled_pair(wire.bid_qty, wire.ask_qty, volume_scale, volume_scale)
            except InexactError as error:
                items.append(Inexact(_QUOTES, symbol, exchange_ns, str(error)))
                continue
            last, vwap = _statistics(wire.last, wire.vwap, price_scale, price_scale)
            low, high = _range(wire.low, wire.high, price_scale, price_scale)
            change, volume = _statistics(wire.change, wire.volume, price_scale, volume_scale)
            quote = Quote(
                exchange_ns, receive_ns, bid, ask, bid_volume, ask_volume, price_scale, volume_scale, origin
            )
            ticker = Ticker(
                exchange_ns,
                receive_ns,
                bid,
                ask,
                bid_volume,
                ask_volume,
                last,
                volume,
                vwap,
                low,
                high,
                change,
                price_scale,
                volume_scale,
            )
            items.append(Events(_QUOTES, symbol, (quote,), snapshot))
            items.append(Events(_TICKERS, symbol, (ticker,), snapshot))
        return items

    def _other(self, frame: bytes, receive_ns: int) -> list[Item]:
        message = _messages.decode(frame)
        if message.channel == "heartbeat":
            return [Heard(None)]
        if message.channel == _TRADE:
            return self._trades(frame, receive_ns)
        if message.channel == _TICKER:
            return self._tickers(frame, receive_ns)
        return self._about_the_connection(message, receive_ns)

    def _about_the_connection(self, message: _Message, receive_ns: int) -> list[Item]:
        if message.channel == "status":
            system = _statuses.decode(message.data)[0].system
            return [Status(system, trading=system == "online")]
        match message.method:
            case "pong":
                return [Heard(time_ns(message.time_out) if message.time_out else None, is_answer=True)]
            case "subscribe":
                return self._answer(message, receive_ns)
            case "unsubscribe":
                return []
        return [Unknown(message.error or message.channel or message.method or "a message without a kind")]

    def _answer(self, message: _Message, receive_ns: int) -> list[Item]:
        venue_ns = time_ns(message.time_out) if message.time_out else receive_ns
        symbol = message.symbol
        if message.success:
            symbol = _results.decode(message.result).symbol
        asked = self._requests.get(message.req_id or 0, ())
        # A refusal of the whole request names no symbol: it is one of each.
        feeds = [feed for feed in asked if symbol is None or spelling(feed.symbol) == symbol]
        if message.success:
            return [Acknowledged(feed, venue_ns) for feed in feeds]
        reason = message.error or "refused without a reason"
        if reason == "Already subscribed":
            return [Acknowledged(feed, venue_ns) for feed in feeds]
        return [Refused(feed, reason) for feed in feeds] or [Unknown(reason)]

    # REST

    async def newest_trade(self, symbol: str) -> Trade | None:
        rows, _ = await self._page(symbol, None)
        try:
            return rest_trade(rows[-1], self._wanted(symbol), self._clock()) if rows else None
        except InexactError as error:
            raise RestError(f"Trades: {error}") from None

    async def newest_quote(self, symbol: str) -> Quote | None:
        series = self._wanted(symbol)
        answer = await self._ask_rest("/0/public/Ticker", {"pair": rest_pair(symbol)})
        (facts,) = answer.values()
        # Price, whole lots, lots.
        bid, ask = facts["b"], facts["a"]
        try:
            return Quote(
                0,  # it does not say since when it is so
                self._clock(),
                scaled(bid[0], series.price_scale),
                scaled(ask[0], series.price_scale),
                scaled(bid[2], series.volume_scale),
                scaled(ask[2], series.volume_scale),
                series.price_scale,
                series.volume_scale,
                Origin.REST,
            )
        except InexactError as error:
            raise RestError(f"Ticker: {error}") from None

    async def moved(self, symbol: str, from_ns: int, to_ns: int) -> str:
        del symbol, from_ns, to_ns
        return ""

    async def trades(self, symbol: str, since_ns: int) -> AsyncIterator[list[Trade]]:
        # Whether a trade exactly at `since` is given is not documented: one nanosecond earlier it is.
        since = since_ns - 1
        while True:
            series = self._wanted(symbol)
            rows, last = await self._page(symbol, since)
            now_ns, trades = self._clock(), []
            for row in rows:
                # What the series' scales cannot hold is left out here, too.
                with suppress(InexactError):
                    trades.append(rest_trade(row, series, now_ns))
            if trades:
                yield trades
            if len(rows) < _PAGE or last <= since:
                return
            since = last - 1

    def _wanted(self, symbol: str) -> Series:
        try:
            return self._series[spelling(symbol)]
        except KeyError:
            raise RestError(f"{symbol} is not wanted any more") from None

    async def _page(self, symbol: str, since: int | None) -> tuple[list[Sequence[Any]], int]:
        """Rows of trades in order, and where the next page begins."""
        parameters = {"pair": rest_pair(symbol), "count": str(_PAGE)}
        if since is not None:
            parameters["since"] = str(since)
        answer = await self._ask_rest("/0/public/Trades", parameters)
        last = int(answer.pop("last"))
        (rows,) = answer.values()
        return rows, last

    async def _ask_rest(self, path: str, parameters: Mapping[str, str]) -> dict[str, Any]:
        _, body = await self._rest.get(path, parameters)
        try:
            # Times are floats of seconds; as Decimal they keep the digits that were sent.
            answer = msgspec.json.decode(body, type=_Answer)
        except msgspec.MsgspecError as error:
            raise RestError(f"{path}: not an answer of the API: {error}") from None
        if answer.error or answer.result is None:
            raise RestError(f"{path}: {', '.join(answer.error) or 'no result'}", _patience(answer.error))
        return answer.result


class _Answer(msgspec.Struct):
    error: list[str]
    result: dict[str, Any] | None = None


def rest_trade(row: Sequence[Any], series: Series, receive_ns: int) -> Trade:
    """A row of REST's `Trades`; its time is a float of seconds, exact to less than a microsecond: rounded.

    Raises:
        InexactError: a number does not fit the series' scales.
    """
    price, quantity, seconds, side, _, _, trade_id = row[:7]
    return Trade(
        round(Decimal(repr(seconds)) * 1_000_000) * 1000,
        receive_ns,
        trade_id,
        scaled(str(price), series.price_scale),
        scaled(str(quantity), series.volume_scale),
        _SIDES[side],
        series.price_scale,
        series.volume_scale,
        Origin.REST,
    )


def _patience(errors: Sequence[str]) -> float:
    for error in errors:
        if error.startswith("EService:Throttled: "):
            until = error.removeprefix("EService:Throttled: ")
            return max(1.0, float(until) - time.time()) if until.isdigit() else 5.0
        if "Too many requests" in error or "Rate limit" in error or "lockout" in error:
            return 5.0
    return 0.0


def _statistics(
    first: float | None, second: float | None, scale: int, second_scale: int
) -> tuple[int | None, int | None]:
    if first is not None and second is not None:
        try:
            return scaled_pair(first, second, scale, second_scale)
        except InexactError:
            pass
    return _statistic(first, scale), _statistic(second, second_scale)


def _statistic(value: float | None, scale: int) -> int | None:
    """A figure of the last 24 hours; None where it is absent or has more decimals than the series."""
    try:
        return None if value is None else scaled(value, scale)
    except InexactError:
        return None


# The day's low and high are the same in almost every ticker.
_range = lru_cache(maxsize=1024)(_statistics)
