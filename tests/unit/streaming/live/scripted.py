"""A venue and a broker that do at once what a test says, under the real connections, sessions and streams.

What is the protocol's business is left out: a frame is the number of the items that it stands for.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from typing import Any, cast

import _pulsar  # type: ignore[import-not-found]

from candlewick.instruments import AssetClass, Kind, Series
from candlewick.live import continuity, events
from candlewick.live.continuity import Continuity, Saying
from candlewick.live.events import Channel, Event, Quote, Trade
from streaming.live.connections import Connections
from streaming.live.ledger import QuoteLedger, TradeLedger
from streaming.live.metrics import Metrics
from streaming.live.outbox import Outbox
from streaming.live.quiet import Quiet
from streaming.live.stream import Stream
from streaming.live.venue import (
    Acknowledged,
    BadFrameError,
    ClosedError,
    ConnectError,
    Events,
    Feed,
    Heard,
    Item,
    Refused,
)
from tests.event_loop import eventually

NAME = "scripted"
FIRST_ID = 100


def series(symbol: str, kind: Kind = Kind.TRADES) -> Series:
    return Series(NAME, symbol, kind, AssetClass.CRYPTO, 2, 0, "crypto")


class ScriptedConnection:
    """Answers what is subscribed to; all else comes by `say`.

    Attributes:
        sent: what was sent on it, a line each.
        read: how many frames were read.
    """

    def __init__(self, venue: "ScriptedVenue", symbols: Sequence[str]) -> None:
        self.opening: Sequence[Item] = ()
        self.symbols = symbols
        self.sent: list[str] = []
        self.read = 0
        self.closed = False
        self._venue = venue
        self._frames: asyncio.Queue[bytes | ClosedError] = asyncio.Queue()

    def say(self, *items: Item | BadFrameError) -> None:
        self._frames.put_nowait(self._venue.frame(items))

    def drop(self) -> None:
        self._frames.put_nowait(ClosedError("dropped", "the peer is gone"))

    async def receive(self) -> bytes:
        frame = await self._frames.get()
        if isinstance(frame, ClosedError):
            self.closed = True
            raise frame
        self.read += 1
        return frame

    async def send(self, frame: bytes) -> None:
        if self.closed:
            raise ClosedError("closed", "sent on a closed connection")
        self.sent.append(frame.decode())
        verb, _, feed = frame.decode().partition(" ")
        if verb == "subscribe":
            self.say(self._venue.answer(Feed(*feed.split(":"))))

    async def close(self) -> None:
        if not self.closed:
            self.closed = True
            self._frames.put_nowait(ClosedError("closed", "closed by us"))


class ScriptedVenue:
    """Its market is what `trade` and `quote` have made; REST knows all of it.

    Attributes:
        market: what it has, by symbol.
        connections: every connection that was opened, the last one is the present.
        refusal: what an attempt to connect is answered with.
        refused: symbols whose subscription is refused.
        rest_fails: why REST does not answer.
        asked: how often REST was asked for the newest.
    """

    name = NAME
    unconfigured = ""
    snapshot_is_old = True
    connect_interval_s = 0.01
    connect_burst = 100
    ping_s: float | None = None
    settles_s = 0.0

    def __init__(self, *, resubscribes_one: bool = True, silent_s: float = 60.0) -> None:
        self.resubscribes_one = resubscribes_one
        self.silent_s = silent_s
        self.connections: list[ScriptedConnection] = []
        self.refusal: ConnectError | None = None
        self.refused: set[str] = set()
        self.rest_fails: Exception | None = None
        self.asked = 0
        self.market: dict[str, list[Any]] = defaultdict(list)
        self._script: list[Sequence[Item | BadFrameError]] = []

    @property
    def connection(self) -> ScriptedConnection:
        return self.connections[-1]

    def trade(self, symbol: str) -> Events:
        """The next trade of a symbol; whether a connection brings it, the test decides."""
        now = time.time_ns()
        last = self.market[symbol][-1] if self.market[symbol] else None
        trade_id = last.trade_id + 1 if last else FIRST_ID + 1
        trade = Trade(now, now, trade_id, 100, 1, 1, price_scale=2, volume_scale=0)
        self.market[symbol].append(trade)
        return Events(Channel.TRADES, symbol, [trade])

    def quote(self, symbol: str) -> Events:
        """The next quote of a symbol, a cent above the last one."""
        now = time.time_ns()
        bid = self.market[symbol][-1].bid + 1 if self.market[symbol] else 100
        quote = Quote(now, now, bid, bid + 1, 1, 1, price_scale=2, volume_scale=0)
        self.market[symbol].append(quote)
        return Events(Channel.QUOTES, symbol, [quote])

    def frame(self, items: Sequence[Item | BadFrameError]) -> bytes:
        self._script.append(items)
        return str(len(self._script) - 1).encode()

    def answer(self, feed: Feed) -> Item:
        if feed.symbol in self.refused:
            return Refused(feed, "unknown symbol")
        return Acknowledged(feed, time.time_ns())

    # What an adapter gives

    def use(self, wanted: Collection[Series]) -> None:
        raise AssertionError("asked by the worker alone")

    def feeds(self, one: Series) -> tuple[Feed, ...]:
        return (Feed(one.kind.value, one.symbol),)

    async def connect(self, symbols: Sequence[str]) -> ScriptedConnection:
        if self.refusal:
            raise self.refusal
        connection = ScriptedConnection(self, symbols)
        if not self.resubscribes_one:
            feeds = [Feed(Kind.QUOTES.value, symbol) for symbol in symbols]
            connection.opening = [self.answer(feed) for feed in feeds]
        self.connections.append(connection)
        return connection

    def subscribe(self, feeds: Sequence[Feed]) -> list[bytes] | None:
        if not self.resubscribes_one:
            return None
        return [f"subscribe {feed.name}:{feed.symbol}".encode() for feed in feeds]

    def unsubscribe(self, feeds: Sequence[Feed]) -> list[bytes]:
        if not self.resubscribes_one:
            return []
        return [f"unsubscribe {feed.name}:{feed.symbol}".encode() for feed in feeds]

    def ping(self) -> bytes:
        return b"ping"

    def read(self, frame: bytes, receive_ns: int) -> list[Item]:
        items: list[Item] = []
        for item in self._script[int(frame)]:
            if isinstance(item, BadFrameError):
                raise item
            items.append(item)
        return items

    async def newest_trade(self, symbol: str) -> Trade | None:
        return cast("Trade | None", self._newest(symbol))

    async def newest_quote(self, symbol: str) -> Quote | None:
        return cast("Quote | None", self._newest(symbol))

    async def moved(self, symbol: str, from_ns: int, to_ns: int) -> str:
        return ""

    async def trades(self, symbol: str, since_ns: int) -> AsyncIterator[list[Trade]]:
        if self.rest_fails:
            raise self.rest_fails
        yield [trade for trade in self.market[symbol] if trade.exchange_ns >= since_ns]

    def _newest(self, symbol: str) -> Event | None:
        self.asked += 1
        if self.rest_fails:
            raise self.rest_fails
        return self.market[symbol][-1] if self.market[symbol] else None


class ScriptedProducer:
    """Acknowledges at once, unless it `holds` or has `ended`."""

    def __init__(self) -> None:
        self.payloads: list[bytes] = []
        self.holds = False
        self.ended = False
        self._held: list[Callable[..., None]] = []

    def send_async(self, payload: bytes, done: Callable[..., None]) -> None:
        if self.ended:
            done(_pulsar.Result.AlreadyClosed, None)
            return
        self.payloads.append(payload)
        self._held.append(done)
        if not self.holds:
            self.release()

    def release(self) -> None:
        self.holds = False
        held, self._held = self._held, []
        for done in held:
            done(_pulsar.Result.Ok, _pulsar.MessageId(-1, 1, len(self.payloads), -1))

    def close(self) -> None:
        self.ended = True


class Topics:
    """The topics of one series, whoever publishes there, and the stream that does just now."""

    def __init__(self, one: Series, metrics: Metrics) -> None:
        self.series = one
        self._metrics = metrics
        self._live: list[ScriptedProducer] = []
        self._records: list[ScriptedProducer] = []

    @property
    def producer(self) -> ScriptedProducer:
        return self._live[-1]

    @property
    def records_producer(self) -> ScriptedProducer:
        return self._records[-1]

    def open(self, *, fastest_s: float) -> Stream:
        """A stream that goes on from what is published; `fastest_s`: how long it may be quiet."""
        self._live.append(ScriptedProducer())
        self._records.append(ScriptedProducer())
        past = self.events
        known_ns = past[-1].exchange_ns if past else time.time_ns()
        ledger: TradeLedger | QuoteLedger
        if self.series.kind is Kind.TRADES:
            ledger = TradeLedger(self.ids[-1] if past else FIRST_ID, known_ns)
        else:
            ledger = QuoteLedger(cast("Quote", past[-1]) if past else None, known_ns, by_time=True)
        ledger.resume_from(known_ns, None)
        stream = Stream(
            self.series,
            ledger,
            self._metrics.series(self.series.name),
            live=Outbox("live", cast("Any", self._live[-1])),
            records=Outbox("continuity", cast("Any", self._records[-1])),
            ticker=None,
        )
        stream.quiet = Quiet(time.monotonic(), fastest_s=fastest_s, slowest_s=fastest_s)
        return stream

    @property
    def events(self) -> list[Event]:
        channel = Channel(self.series.kind.value)
        return [events.decode(channel, payload) for one in self._live for payload in one.payloads]

    @property
    def ids(self) -> list[int]:
        return [cast("Trade", event).trade_id for event in self.events]

    @property
    def bids(self) -> list[int]:
        return [cast("Quote", event).bid for event in self.events]

    @property
    def records(self) -> list[Continuity]:
        return [continuity.decode(payload) for one in self._records for payload in one.payloads]

    def unsaid(self, market: Sequence[Quote]) -> list[int]:
        """Bids of quotes that the venue had, and that are neither published nor in a gap."""
        published, gaps = set(self.bids), [record for record in self.records if record.kind == Saying.GAP]
        return [
            quote.bid
            for quote in market
            if quote.bid not in published
            and not any(gap.from_ns <= quote.exchange_ns < gap.to_ns for gap in gaps)
        ]

    def said(self, kind: str) -> list[str]:
        return [record.reason for record in self.records if record.kind == kind]


class Bench:
    """`topics` by symbol, `streams` by name; `idle`: how often nothing was to be connected."""

    def __init__(self, venue: ScriptedVenue, wanted: Sequence[Series], fastest_s: float) -> None:
        self.venue = venue
        self.topics: dict[str, Topics] = {}
        self.streams: dict[str, Stream] = {}
        self.idle = 0
        self._metrics = Metrics(NAME)
        for one in wanted:
            self.add(one, fastest_s)
        self.connections = Connections(venue, self.streams, self._metrics)

    def add(self, one: Series, fastest_s: float) -> None:
        """A series that is wanted from now on, or again; it goes on from what its topic has."""
        topics = self.topics.setdefault(one.symbol, Topics(one, self._metrics))
        self.streams[one.name] = topics.open(fastest_s=fastest_s)

    def may_connect(self) -> bool:
        self.idle += not self.streams
        return bool(self.streams)

    async def connected(self, number: int = 1) -> ScriptedConnection:
        """The connection of this number, once each series is subscribed to on it, or refused."""

        def answered() -> bool:
            session = self.connections.session
            if len(self.venue.connections) < number or session is None:
                return False
            done = {*session.subscriptions.active(), *(feed for feed, _ in session.refusals())}
            return done >= {feed for one in self.streams.values() for feed in self.venue.feeds(one.series)}

        await eventually(f"connection {number} is subscribed to all", answered)
        return self.venue.connections[number - 1]


@asynccontextmanager
async def running(venue: ScriptedVenue, *wanted: Series, fastest_s: float = 60.0) -> AsyncIterator[Bench]:
    """A venue that is kept connected inside the block."""
    bench = Bench(venue, wanted, fastest_s)
    keeping = asyncio.create_task(bench.connections.keep(bench.may_connect))
    try:
        yield bench
    finally:
        ended = (
            [keeping] if bench.connections.session is None else [keeping, bench.connections.session.start()]
        )
        # What has failed before is shown.
        failed = keeping.done()
        for task in ended:
            task.cancel()
        await asyncio.gather(*ended, return_exceptions=not failed)


def alive() -> Heard:
    return Heard(time.time_ns())
