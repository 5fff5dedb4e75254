"""One connection to a venue: subscribing, reading, judging whether it lives."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Coroutine, Iterable, Sequence
from functools import partial
from typing import Any

import structlog

from candlewick.instruments import Kind
from candlewick.live.events import Channel, Ticker
from candlewick.times import now_us
from streaming.live import filling
from streaming.live.ledger import QuoteLedger, TradeLedger, by_our_clock
from streaming.live.metrics import Metrics
from streaming.live.outbox import FencedError, LostProducerError
from streaming.live.stream import Stream
from streaming.live.subscriptions import State, Subscriptions
from streaming.live.venue import (
    Acknowledged,
    BadFrameError,
    ClosedError,
    Connection,
    Events,
    Feed,
    Heard,
    Inexact,
    Item,
    Refused,
    RestError,
    Resting,
    Status,
    Unknown,
    Venue,
)

TICK_S = 0.25
SNAPSHOT_S = 3.0
"""How long the state that opens a subscription may take before REST is asked for it."""
OVERLAP_S = 0.3
"""How long two connections are read, so that nothing is lost between them."""
MUTE_AT_MOST_S = 60.0
"""How long a symbol that stays mute is left alone at most before another connection is tried."""
SECOND_LOOK_S = 1.5
"""What REST had and the stream did not may have been on its way."""
REFUSED_S = 3600.0
"""When a symbol that was refused with the opening is tried again, which takes another connection."""
FAILED_S = 10.0
"""How long work beside the flow rests that has failed as it never should."""
ASLEEP_S = 2.0
"""A tick this late means that the process was stopped: nothing can be said of the venue's silence."""

_log = structlog.get_logger(__name__)


class Session:
    """The life of one connection. `run` returns why it ended."""

    def __init__(
        self,
        venue: Venue,
        connection: Connection,
        streams: dict[str, Stream],
        metrics: Metrics,
        predecessor: "Session | None" = None,
    ) -> None:
        """`streams` by the series' name; the caller adds and removes.

        `predecessor`: a session of the same streams that goes on until this one has its first frame.
        """
        self.has_data = False
        self.trading = True
        self.status = ""
        self.subscriptions: Subscriptions[Feed] = Subscriptions()
        self._venue = venue
        self._connection = connection
        self._opened = {one.feed for one in connection.opening if isinstance(one, Acknowledged | Refused)}
        """What its opening has answered for: not to be asked for on this connection."""
        self._left: set[Feed] = set()
        """Feeds that were unsubscribed, and whose events may still be on their way."""
        self.overlaps = False
        """Whether a successor is being opened, so that both connections may give the same."""
        self._streams = streams
        self._metrics = metrics
        self._alive_at = time.monotonic()
        self._reading = False
        self._held_at = 0.0
        self._pinged_at = 0.0
        self.wants_successor = asyncio.Event()
        """Set when what is wanted can only be had by a new connection."""
        self._predecessor = predecessor
        self._retired = False
        self._over = asyncio.Event()
        self._task: asyncio.Task[tuple[str, str]] | None = None
        self._end: tuple[str, str] | None = None
        self._tasks: dict[tuple[str, Stream], asyncio.Task[None]] = {}

    def start(self) -> asyncio.Task[tuple[str, str]]:
        """Runs it beside whoever asks; always the same task."""
        if self._task is None:
            self._task = asyncio.create_task(self.run())
        return self._task

    async def run(self) -> tuple[str, str]:
        """Reads until the connection ends or is ended; a short cause and a reason for people."""
        watch = asyncio.create_task(self._watch())
        opening = list(self._connection.opening)
        try:
            while True:
                frame = await self._connection.receive()
                if self._predecessor is not None:
                    await self._take_over(self._predecessor)
                    self._predecessor = None
                self._reading = True
                while opening:
                    await self._take(opening.pop(0), time.time_ns())
                await self._read(frame)
                self._reading = False
        except ClosedError as error:
            return self._end or (error.cause, str(error))
        except BadFrameError as error:
            self._metrics.bad_frames.inc()
            return "bad frame", f"a frame could not be read: {error}"
        finally:
            watch.cancel()
            for task in self._tasks.values():
                task.cancel()
            await asyncio.gather(watch, *self._tasks.values(), return_exceptions=True)
            stalled = self._end is not None and self._end[0] in {"silent", "stalled"}
            # A successor goes on, or a predecessor still does.
            whole = self._retired or self._predecessor is not None
            for stream in [] if whole else self._streams.values():
                stream.lost(in_doubt=stalled or stream.quiet.is_strange(time.monotonic()))
            await self._connection.close()
            self._over.set()

    async def end(self, cause: str, reason: str) -> None:
        """Ends the connection; `run` returns."""
        if self._end is None:
            self._end = cause, reason
        await self._connection.close()

    async def retire(self) -> None:
        """A successor goes on where this one ends: nothing was lost between them."""
        self._retired = True
        await self.end("succeeded", "another connection goes on")
        await self._over.wait()

    async def _take_over(self, predecessor: "Session") -> None:
        """Lets the predecessor read what it has been sent before; what both have is published once."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(predecessor.over(), OVERLAP_S)
        await predecessor.retire()
        for stream in self._streams.values():
            stream.ledger.succeed()

    async def over(self) -> None:
        """Waits until it has ended."""
        await self._over.wait()

    # Reading

    async def _read(self, frame: bytes) -> None:
        receive_ns = time.time_ns()
        began = time.monotonic()
        self._metrics.received_bytes.inc(len(frame))
        items = self._venue.read(frame, receive_ns)
        if any(not (isinstance(item, Heard) and item.is_answer) for item in items):
            self._alive_at = began
        for item in items:
            await self._take(item, receive_ns)

    async def _take(self, item: Item, receive_ns: int) -> None:
        # A series whose producer has ended is begun again by the worker; the others go on.
        with contextlib.suppress(FencedError, LostProducerError):
            await self._give(item, receive_ns)

    async def _give(self, item: Item, receive_ns: int) -> None:
        match item:
            case Events():
                await self._events(item, receive_ns)
            case Heard(venue_ns=int(venue_ns)):
                for stream in self._active():
                    stream.claim(venue_ns, self._venue.settles_s)
            case Acknowledged() | Refused():
                await self._answered(item)
            case Inexact():
                left = self._stream(item.symbol, item.channel)
                if left is not None:
                    await left.left_out(item)
            case Resting():
                await self._rest(item)
            case _:
                self._told(item)

    async def _answered(self, item: Acknowledged | Refused) -> None:
        now = time.monotonic()
        self._left.discard(item.feed)
        if isinstance(item, Refused):
            if self.subscriptions.refused(item.feed, item.reason, now):
                _log.warning("subscription refused", feed=":".join(item.feed), reason=item.reason)
        elif self.subscriptions.acknowledged(item.feed, now):
            await self._begin(item.feed, item.venue_ns)

    def _told(self, item: Item) -> None:
        match item:
            case Status():
                self.trading, self.status = item.trading, item.text
                _log.info("venue status", venue=self._venue.name, status=item.text)
            case Unknown():
                self._metrics.unknown.inc()
                _log.warning("unknown message", venue=self._venue.name, text=item.text[:200])

    async def _events(self, item: Events, receive_ns: int) -> None:
        if item.channel is Channel.TICKER:
            quotes = self._stream(item.symbol, Channel.QUOTES)
            for event in item.events:
                if quotes is not None and isinstance(event, Ticker):
                    quotes.take_ticker(event)
            return
        stream = self._stream(item.symbol, item.channel)
        if stream is None:
            return
        self.has_data = True
        feeds = self._venue.feeds(stream.series)
        if item.snapshot:
            self._left.difference_update(feeds)
        elif not self._left.isdisjoint(feeds):
            # Of the subscription that was ended: between it and the next one something may be missing.
            return
        for feed in feeds:
            if self.subscriptions.acknowledged(feed, time.monotonic()):
                # The state came before the answer.
                await self._begin(feed, receive_ns)
        if await self._join(stream, receive_ns):
            await stream.take(item.events, snapshot=item.snapshot)

    async def _rest(self, item: Resting) -> None:
        stream = self._stream(item.symbol, Channel.QUOTES)
        if stream is not None and isinstance(stream.ledger, QuoteLedger):
            stream.quiet.rest(time.monotonic())
            if await self._join(stream, time.time_ns()):
                stream.ledger.snapshot(None, time.time_ns())
                await stream.publish_records()

    async def _join(self, stream: Stream, venue_ns: int) -> bool:
        """Whether a stream has begun; one that came to a subscription which goes on begins here.

        Its series was opened anew. Where one symbol can be subscribed to again the watch does that instead,
        for the state that opens it.
        """
        if not stream.begun_at and not self._venue.resubscribes_one:
            await stream.begin(venue_ns)
            if self.overlaps:
                stream.ledger.overlap()
        return bool(stream.begun_at)

    async def _begin(self, feed: Feed, venue_ns: int) -> None:
        for stream in self._of(feed):
            # What a predecessor has kept whole is not begun anew.
            if stream.ledger.resuming:
                await stream.begin(venue_ns)

    # Watching

    async def _watch(self) -> None:
        """Every quarter of a second: what is due, and whether the connection lives."""
        last = time.monotonic()
        while True:
            now = time.monotonic()
            if self._reading:
                self._held(now)
            elif now - last > ASLEEP_S:
                self._alive_at = now
            last = now
            try:
                await self._tick(now)
            except ClosedError:
                return
            except Exception as error:  # noqa: BLE001  (a connection without its watch must not go on)
                _log.exception("the watch failed")
                await self.end("watch failed", repr(error))
                return
            await asyncio.sleep(TICK_S)

    def _held(self, now: float) -> None:
        """Pulsar holds us, and we the socket: that nothing is heard says nothing of the venue."""
        self._held_at = self._alive_at = now
        for stream in self._streams.values():
            stream.quiet.rest(now)
            # The state that opens it may wait in the socket.
            if stream.begun_at:
                stream.begun_at = now

    async def _tick(self, now: float) -> None:
        if not self._streams:
            await self.end("unwanted", "nothing is to be streamed any more")
            return
        held = set(self._streams.values())
        for key in [key for key in self._tasks if key[1] not in held]:
            self._tasks.pop(key).cancel()
        await self._subscribe(now)
        if self._venue.ping_s is not None and now - self._pinged_at >= self._venue.ping_s:
            self._pinged_at = now
            await self._connection.send(self._venue.ping())
        if now - self._alive_at > self._venue.silent_s:
            await self.end("silent", f"nothing was received for {self._venue.silent_s:.0f} s")
            return
        for stream in list(self._streams.values()):
            if stream.ticker is not None:
                with contextlib.suppress(FencedError, LostProducerError):
                    stream.ticker.flush_newest()
        await self._look_after_streams(now)

    async def _look_after_streams(self, now: float) -> None:
        for stream in self._active():
            if not await self._join(stream, time.time_ns()):
                await self._subscribe_again(stream, now)
                continue
            self._judge(stream, now)
            self._start(("settle", stream), stream.settle)
        for stream in self._streams.values():
            self._fill_gaps(stream)
            if stream.unexplained:
                self._start(("explain", stream), partial(filling.explain, self._venue, stream))

    async def _subscribe(self, now: float) -> None:
        feeds = {feed for stream in self._streams.values() for feed in self._venue.feeds(stream.series)}
        self.subscriptions.want(feeds, now)
        # What is wanted anew after it was left takes another opening, as does what was refused long ago.
        self._opened &= feeds
        self._opened -= {
            feed
            for feed, one in self.subscriptions.items()
            if one.state is State.REFUSED and now - one.since > REFUSED_S
        }
        leaving = sorted(self.subscriptions.take_leaving())
        if leaving:
            await self._unsubscribe(leaving)
        due = sorted(self.subscriptions.due(now))
        unasked = [feed for feed in due if feed not in self._opened]
        frames = self._venue.subscribe(unasked) if unasked else []
        if frames is None:
            self.wants_successor.set()
            return
        self.subscriptions.requested(unasked, now)
        for frame in frames:
            await self._connection.send(frame)

    def _judge(self, stream: Stream, now: float) -> None:
        if not self.trading or not stream.is_open(now_us()):
            stream.quiet.rest(now)
            return
        if stream.ledger.resuming:
            if now - stream.begun_at > min(SNAPSHOT_S * 2**stream.renewals, MUTE_AT_MOST_S):
                self._start(("newest", stream), lambda: self._ask_for_state(stream))
        elif stream.quiet.is_due(now):
            self._start(("probe", stream), lambda: self._probe(stream))

    async def _probe(self, stream: Stream) -> None:
        """Asks the venue whether a quiet stream rests or is mute."""
        began, last = time.monotonic(), stream.quiet.last
        try:
            news = await self._has_news(stream)
            if news:
                await asyncio.sleep(SECOND_LOOK_S)
                news = stream.quiet.last == last and await self._has_news(stream)
        except RestError as error:
            _log.warning("probe failed", series=stream.series.name, error=str(error))
            stream.quiet.unanswered(time.monotonic())
            return
        now = time.monotonic()
        if not news:
            stream.quiet.probed(now)
            return
        if self._held_at > began:
            # What the venue has may wait in the socket.
            return
        # Did nothing come of any symbol since, it is the connection and not the symbol.
        await self._is_mute(
            stream, alone=any(one.quiet.last > last + SECOND_LOOK_S for one in self._active())
        )

    async def _is_mute(self, stream: Stream, *, alone: bool) -> None:
        """The venue has news of a series; `alone`: others flow.

        It is subscribed to again where that is possible and was not in vain already; else it takes another
        connection, which takes over the others if they flow.
        """
        stream.renewals += 1
        if alone and stream.renewals == 1 and self._venue.resubscribes_one:
            _log.warning("mute", series=stream.series.name, remedy="subscribing again")
            stream.lost(in_doubt=True)
            with contextlib.suppress(ClosedError):
                await self._subscribe_again(stream, time.monotonic())
            return
        if not alone or self._venue.resubscribes_one:
            await self.end("stalled", f"{stream.series.name} is mute, and the venue has news of it")
            return
        _log.warning("mute", series=stream.series.name, remedy="another connection")
        self._metrics.reconnects.labels("stalled").inc()
        stream.lost(in_doubt=True)
        # Should this connection give its prices again meanwhile, they do not make up for those before.
        await stream.begin(time.time_ns())
        self.wants_successor.set()

    async def _subscribe_again(self, stream: Stream, now: float) -> None:
        """Ends the subscriptions of one series and has them asked for anew. Raises ClosedError."""
        feeds = self._venue.feeds(stream.series)
        for feed in feeds:
            self.subscriptions.renew(feed, now)
        stream.quiet.rest(now)
        await self._unsubscribe(feeds)

    async def _unsubscribe(self, feeds: Sequence[Feed]) -> None:
        frames = self._venue.unsubscribe(feeds)
        if frames:
            self._left.update(feeds)
        for frame in frames:
            await self._connection.send(frame)

    async def _has_news(self, stream: Stream) -> bool:
        symbol, ledger = stream.series.symbol, stream.ledger
        if isinstance(ledger, TradeLedger):
            trade = await self._venue.newest_trade(symbol)
            return trade is not None and (ledger.last_id is None or trade.trade_id > ledger.last_id)
        quote = await self._venue.newest_quote(symbol)
        last = ledger.last if isinstance(ledger, QuoteLedger) else None
        if quote is None or last is None:
            return quote is not None
        if quote.exchange_ns:
            return quote.exchange_ns > by_our_clock(last.exchange_ns, last.receive_ns)
        return (quote.bid, quote.ask) != (last.bid, last.ask)

    async def _ask_for_state(self, stream: Stream) -> None:
        """No state opened the subscription: REST says where the series stands.

        A series of quotes stays unknown until a price opens it, for all that the venue says to be complete:
        a mute symbol has no more than that.
        """
        symbol, ledger = stream.series.symbol, stream.ledger
        began = time.monotonic()
        try:
            if isinstance(ledger, TradeLedger):
                ledger.newest(await self._venue.newest_trade(symbol), time.time_ns())
            elif isinstance(ledger, QuoteLedger):
                news = await self._has_news(stream)
                if not ledger.resuming or self._held_at > began:
                    # It has come meanwhile, or may wait in the socket.
                    return
                if news:
                    since = time.monotonic() - SNAPSHOT_S
                    alone = any(one is not stream and one.quiet.last > since for one in self._active())
                    await self._is_mute(stream, alone=alone)
                    return
                if await self._venue.newest_quote(symbol) is None:
                    ledger.snapshot(None, time.time_ns())
        except RestError as error:
            _log.warning("state unknown", series=stream.series.name, error=str(error))
            await asyncio.sleep(max(SNAPSHOT_S, error.retry_after_s))
            return
        await stream.publish_records()
        await asyncio.sleep(SNAPSHOT_S)

    def _fill_gaps(self, stream: Stream) -> None:
        if stream.series.kind is Kind.TRADES and isinstance(stream.ledger, TradeLedger):
            for gap in stream.ledger.gaps:
                if not gap.given_up:
                    # One after the other: the venue's budget is one.
                    work = partial(filling.fill, self._venue, stream, stream.ledger, gap)
                    self._start(("fill", stream), work)
                    return

    # Who

    def _stream(self, symbol: str, channel: Channel) -> Stream | None:
        return self._streams.get(f"{self._venue.name}:{symbol}:{channel.value}")

    def _of(self, feed: Feed) -> list[Stream]:
        return [one for one in self._streams.values() if feed in self._venue.feeds(one.series)]

    def _active(self) -> list[Stream]:
        active = set(self.subscriptions.active())
        return [
            one for one in list(self._streams.values()) if active.issuperset(self._venue.feeds(one.series))
        ]

    def unsubscribed(self) -> list[Stream]:
        """Those that the venue has not answered for yet on this connection."""
        active = self._active()
        return [one for one in list(self._streams.values()) if one not in active]

    def refusals(self) -> Iterable[tuple[Feed, str]]:
        """What the venue refused, and why."""
        return [(feed, one.reason) for feed, one in self.subscriptions.items() if one.state is State.REFUSED]

    def _start(self, key: tuple[str, Stream], work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Starts work beside the flow, unless it runs."""
        task = self._tasks.get(key)
        if task is None or task.done():
            if task is not None and not task.cancelled() and (error := task.exception()) is not None:
                _log.error(
                    "work beside the flow failed", work=key[0], series=key[1].series.name, error=repr(error)
                )
                # Not at once: it may fail again.
                self._tasks[key] = asyncio.create_task(asyncio.sleep(FAILED_S))
                return
            self._tasks[key] = asyncio.create_task(work())
