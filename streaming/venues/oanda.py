"""OANDA v20, pricing stream: quotes, one JSON object a line over an endless HTTP answer.

Sources: OANDA's v20 documentation (pricing, streaming, instrument candles) and recorded lines named in
docs/adding-a-venue.md. The stream gives at most four prices a second for each instrument, and there is no
history of them: what was missed stays a gap. Token and account are secret: no error, log or address that is
shown has them.
"""

import time
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from candlewick.instruments import Series
from candlewick.live.events import Channel, Origin, Quote, Trade
from candlewick.live.numbers import InexactError, scaled, time_ns
from candlewick.times import iso
from candlewick.venues.symbols import OANDA as NAME
from candlewick.venues.symbols import oanda_spelling as spelling
from streaming.live.lines import open_lines
from streaming.live.rest import Rest
from streaming.live.venue import (
    Acknowledged,
    BadFrameError,
    ConnectError,
    Connection,
    Events,
    Feed,
    Heard,
    Inexact,
    Item,
    Refused,
    RestError,
    Resting,
    Unknown,
)

_PRICING = "pricing"
_CANDLE_NS = 5_000_000_000
_MOST_CANDLES = 5000


class _Bucket(msgspec.Struct, gc=False):
    price: str
    liquidity: float


class _Line(msgspec.Struct, gc=False):
    """A line of the stream: `PRICE`, `HEARTBEAT`, or what is documented nowhere."""

    type: str
    time: str = ""
    instrument: str = ""
    bids: list[_Bucket] = []
    asks: list[_Bucket] = []
    tradeable: bool = True


class _Price(msgspec.Struct):
    instrument: str
    time: str
    bids: list[_Bucket]
    asks: list[_Bucket]
    tradeable: bool = True


class _Prices(msgspec.Struct):
    prices: list[_Price]


class _Name(msgspec.Struct):
    name: str


class _Instruments(msgspec.Struct):
    instruments: list[_Name]


class _CandleSide(msgspec.Struct):
    o: str
    h: str
    l: str  # noqa: E741  (the venue's name)
    c: str


class _Candle(msgspec.Struct):
    time: str
    volume: int
    bid: _CandleSide
    ask: _CandleSide


class _Candles(msgspec.Struct):
    candles: list[_Candle]


_lines = msgspec.json.Decoder(_Line)


class Oanda:
    """The adapter."""

    name = NAME
    snapshot_is_old = True
    resubscribes_one = False
    # Prices and heartbeats, one of which comes every 5 s; the venue's own advice.
    silent_s = 10.0
    # At most two new connections a second.
    connect_burst = 2
    connect_interval_s = 0.6
    ping_s: float | None = None
    settles_s = 1.0

    def __init__(self, stream_url: str, rest_url: str, token: str | None, account: str | None) -> None:
        self._stream_url = stream_url
        self._token = (token or "").strip()
        self._account = (account or "").strip()
        self.unconfigured = ""
        if not self._token or not self._account:
            self.unconfigured = "set CANDLEWICK_OANDA_TOKEN and CANDLEWICK_OANDA_ACCOUNT"
        headers = {"Authorization": f"Bearer {self._token}", "Accept-Datetime-Format": "RFC3339"}
        self._headers = headers
        self._rest = Rest(rest_url, burst=20, interval_s=0.02, headers=headers)
        self._series: dict[str, Series] = {}
        self._without_price: set[str] = set()

    def use(self, series: Collection[Series]) -> None:
        self._series = {spelling(one.symbol): one for one in series}

    def feeds(self, series: Series) -> tuple[Feed, ...]:
        return (Feed(_PRICING, series.symbol),)

    async def connect(self, symbols: Sequence[str]) -> Connection:
        refused: tuple[str, ...] = ()
        try:
            connection = await self._open(symbols)
        except ConnectError as error:
            if error.cause != "http 400":
                raise _explained(error) from None
            # One name that the venue does not know, and it refuses all.
            refused = await self._unknown(symbols)
            symbols = [symbol for symbol in symbols if symbol not in refused]
            if not refused or not symbols:
                raise _explained(error) from None
            connection = await self._open(symbols)
        self._without_price = set(symbols)
        now_ns = time.time_ns()
        connection.opening = [
            *(Acknowledged(Feed(_PRICING, symbol), now_ns) for symbol in symbols),
            *(Refused(Feed(_PRICING, symbol), "the account has no such instrument") for symbol in refused),
        ]
        return connection

    async def _open(self, symbols: Sequence[str]) -> Connection:
        return await open_lines(
            f"{self._stream_url}/v3/accounts/{self._account}/pricing/stream",
            {"instruments": ",".join(map(spelling, symbols)), "snapshot": "true"},
            self._headers,
        )

    async def _unknown(self, symbols: Sequence[str]) -> tuple[str, ...]:
        try:
            known = await self._ask(f"/v3/accounts/{self._account}/instruments", {}, _Instruments)
        except RestError as error:
            raise ConnectError("http 400", str(error)) from None
        names = {one.name for one in known.instruments}
        return tuple(symbol for symbol in symbols if spelling(symbol) not in names)

    def subscribe(self, feeds: Sequence[Feed]) -> None:
        # Symbols are part of the address.
        del feeds

    def unsubscribe(self, feeds: Sequence[Feed]) -> list[bytes]:
        # What is not wanted is not read; the next connection leaves it out.
        del feeds
        return []

    def ping(self) -> bytes:
        raise RuntimeError("no ping is wanted: heartbeats have the venue's clock")

    def read(self, frame: bytes, receive_ns: int) -> list[Item]:
        items: list[Item] = []
        try:
            for line in frame.split(b"\n"):
                if line.strip():
                    items += self._line(_lines.decode(line), receive_ns)
        except (msgspec.MsgspecError, ValueError) as error:
            raise BadFrameError(f"{type(error).__name__}: {error}") from None
        return items

    def _line(self, line: _Line, receive_ns: int) -> list[Item]:
        if line.type == "HEARTBEAT":
            return [Heard(time_ns(line.time))]
        if line.type != "PRICE":
            return [Unknown(line.type)]
        series = self._series.get(line.instrument)
        return [] if series is None else [self._price(line, series, receive_ns)]

    def _price(self, line: _Line, series: Series, receive_ns: int) -> Item:
        symbol = series.symbol
        if not line.tradeable:
            return Resting(symbol, time_ns(line.time))
        if not line.bids or not line.asks:
            # One side is no quote, but a sign of life.
            return Heard(None)
        snapshot = symbol in self._without_price
        self._without_price.discard(symbol)
        try:
            quote = _quote(line, series, receive_ns, Origin.SNAPSHOT if snapshot else Origin.STREAM)
        except InexactError as error:
            return Inexact(Channel.QUOTES, symbol, time_ns(line.time), str(error))
        return Events(Channel.QUOTES, symbol, (quote,), snapshot)

    # REST

    async def newest_trade(self, symbol: str) -> Trade | None:
        raise RestError(f"the venue has no trades of {symbol}")

    async def newest_quote(self, symbol: str) -> Quote | None:
        path = f"/v3/accounts/{self._account}/pricing"
        answer = await self._ask(path, {"instruments": spelling(symbol)}, _Prices)
        series = self._series.get(spelling(symbol))
        if series is None:
            raise RestError(f"{symbol} is not wanted any more")
        for price in answer.prices:
            if price.instrument == spelling(symbol) and price.bids and price.asks and price.tradeable:
                try:
                    return _quote(price, series, time_ns(price.time), Origin.REST)
                except InexactError as error:
                    raise RestError(f"pricing: {error}") from None
        return None

    async def moved(self, symbol: str, from_ns: int, to_ns: int) -> str:
        # Whole candles around the gap, and no more than one answer holds.
        first = from_ns // _CANDLE_NS * _CANDLE_NS
        last = min(-(-to_ns // _CANDLE_NS) * _CANDLE_NS, first + _MOST_CANDLES * _CANDLE_NS)
        path = f"/v3/instruments/{spelling(symbol)}/candles"
        parameters = {"price": "BA", "granularity": "S5", "from": _moment(first), "to": _moment(last)}
        candles = (await self._ask(path, parameters, _Candles)).candles
        cut = f", up to {_moment(last)}" if last < to_ns else ""
        if not candles:
            return f"no price in it, by the venue's candles of 5 s{cut}"
        prices = sum(candle.volume for candle in candles)
        bids = [Decimal(price) for candle in candles for price in (candle.bid.l, candle.bid.h)]
        asks = [Decimal(price) for candle in candles for price in (candle.ask.l, candle.ask.h)]
        return (
            f"{prices} prices around it, by {len(candles)} of the venue's candles of 5 s: "
            f"bid {min(bids)} to {max(bids)}, ask {min(asks)} to {max(asks)}{cut}"
        )

    def trades(self, symbol: str, since_ns: int) -> AsyncIterator[list[Trade]]:
        raise RestError(f"the venue has no trades of {symbol} since {since_ns}")

    async def _ask(self, path: str, parameters: Mapping[str, str], of: type[Any]) -> Any:  # noqa: ANN401
        status, body = await self._rest.get(path, parameters)
        what = path.rpartition("/")[2]
        if status != 200:
            raise RestError(f"{what}: the venue answers {status}")
        try:
            return msgspec.json.decode(body, type=of)
        except msgspec.MsgspecError as error:
            raise RestError(f"{what}: not an answer of the API: {error}") from None


def _moment(ns: int) -> str:
    return iso(ns // 1000)


def _quote(price: _Line | _Price, series: Series, receive_ns: int, origin: Origin) -> Quote:
    """The best price of each side, as documented not always the first.

    Raises:
        InexactError: a number does not fit the series' scales.
    """
    bid, bid_volume = max(
        (scaled(bucket.price, series.price_scale), scaled(bucket.liquidity, series.volume_scale))
        for bucket in price.bids
    )
    ask, ask_volume = min(
        (scaled(bucket.price, series.price_scale), -scaled(bucket.liquidity, series.volume_scale))
        for bucket in price.asks
    )
    return Quote(
        time_ns(price.time),
        receive_ns,
        bid,
        ask,
        bid_volume,
        -ask_volume,
        series.price_scale,
        series.volume_scale,
        origin,
    )


def _explained(error: ConnectError) -> ConnectError:
    """With what to do about it, where a person can do something."""
    advice = {
        "http 401": "CANDLEWICK_OANDA_TOKEN is not valid here; practice and live have tokens of their own",
        "http 403": "CANDLEWICK_OANDA_ACCOUNT is not an account of this token",
        "http 400": "it refuses the list of instruments",
    }.get(error.cause)
    return error if advice is None else ConnectError(error.cause, f"{error}: {advice}", error.retry_after_s)
