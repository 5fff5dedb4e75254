"""One live series: its ledger, its topics, its pace. What is published goes through here, in order."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple, cast

import pulsar
from msgspec.structs import replace

from candlewick import topics
from candlewick.broker import json_schema
from candlewick.calendars import calendar
from candlewick.instruments import Kind, Series
from candlewick.live import continuity
from candlewick.live.channels import channels
from candlewick.live.continuity import Continuity, Saying
from candlewick.live.events import DEFINITIONS, Channel, Event, Quote, Ticker, Trade
from candlewick.position import Position
from candlewick.times import SECOND_US, now_us
from streaming.live import readback
from streaming.live.ledger import Ledger, OpenGap, QuoteLedger, TradeLedger, by_our_clock
from streaming.live.metrics import SeriesMetrics
from streaming.live.outbox import Outbox, make_producer
from streaming.live.quiet import Quiet
from streaming.live.venue import Inexact

GAPS_EXPLAINED = 100
FILLED_AT_ONCE = 100
PROBLEM_S = 600.0
"""How long it is told that something could not be published."""
COMPLETE_S = 3.0
"""How often a whole connection says so."""


class _Claim(NamedTuple):
    """Nothing up to `upto_ns` is still to come; to be said once `sent` events are acknowledged.

    `standing`: the last message of the live topic, and the last trade id that the ledger knew then.
    """

    upto_ns: int
    sent: int
    standing: tuple[str, int | None] | None = None


class Stream:
    """A series whose topics this worker holds. Made by `open_stream`; belongs to one event loop."""

    def __init__(
        self,
        series: Series,
        ledger: Ledger,
        metrics: SeriesMetrics,
        *,
        live: Outbox,
        records: Outbox,
        ticker: Outbox | None,
    ) -> None:
        self.series = series
        self.ledger = ledger
        self.live = live
        self.ticker = ticker
        self.metrics = metrics
        self.quiet = Quiet(time.monotonic())
        self.renewals = 0
        """How often it was subscribed to again since its last event."""
        self.begun_at = 0.0
        self._problem = ("", 0.0)
        self.in_doubt = False
        self.last_exchange_ns = 0
        self.lag_ns = 0
        self._records = records
        self._week = calendar(series.calendar)
        self._claim: _Claim | None = None
        self._unsent = False
        """The ledger counts events as published that are not sent yet: nothing may be said of them."""
        self._claimed_at = 0.0
        self._saying = asyncio.Lock()
        self.unexplained: deque[Continuity] = deque(maxlen=GAPS_EXPLAINED)
        """Gaps that cannot be filled, and of which the venue has not yet been asked what moved in them."""

    @property
    def problem(self) -> str:
        """Why something of it could not be published of late; a person has to look."""
        reason, at = self._problem
        return reason if time.monotonic() - at < PROBLEM_S else ""

    @property
    def outboxes(self) -> list[Outbox]:
        return [self.live, self._records, *([self.ticker] if self.ticker else [])]

    def is_open(self, now_us: int) -> bool:
        """Whether the calendar has its market open, as it has had for the last half minute."""
        start_us = now_us - 30 * SECOND_US
        return self._week.sessions(start_us, now_us + 1) == [(start_us, now_us + 1)]

    def state(self, now: float) -> str:
        """One word for people, while the venue is connected."""
        if self.ledger.resuming:
            return "resuming" if self.is_open(now_us()) else "closed"
        if not self.is_open(now_us()):
            return "closed"
        return "quiet" if now - self.quiet.last > self.quiet.limit_s() else "streaming"

    async def begin(self, venue_ns: int) -> None:
        """A subscription was acknowledged."""
        self.ledger.begin(by_our_clock(venue_ns, time.time_ns()), in_doubt=self.in_doubt)
        self.in_doubt = False
        self._claim = None
        self.begun_at = time.monotonic()
        self.quiet.rest(self.begun_at)

    async def take(self, events: Sequence[Event], *, snapshot: bool) -> None:
        """Publishes what is new of these; waits while there is no room.

        Raises:
            FencedError, LostProducerError: events beyond a gap that could not be said are not published.
        """
        self.live.check()
        self._records.check()
        # Stays so where it fails: what the ledger has counted then never goes out.
        self._unsent = True
        now_ns = time.time_ns()
        if isinstance(self.ledger, TradeLedger):
            trades = cast("Sequence[Trade]", events)
            if snapshot:
                fresh = self.ledger.snapshot(list(trades), now_ns)
            else:
                fresh = [trade for trade in trades if self.ledger.take(trade, now_ns)]
            await self._publish_gaps()
            for trade in fresh:
                await self.live.send(trade)
        elif isinstance(self.ledger, QuoteLedger):
            for quote in cast("Sequence[Quote]", events):
                new = self.ledger.snapshot(quote, now_ns) if snapshot else self.ledger.take(quote, now_ns)
                await self._publish_gaps()
                if new:
                    await self.live.send(quote)
        self._unsent = False
        self.quiet.event(time.monotonic())
        self.renewals = 0
        last = events[-1]
        self.last_exchange_ns = last.exchange_ns
        self.lag_ns = last.receive_ns - last.exchange_ns
        self.metrics.events(len(events), (last.receive_ns - last.exchange_ns) / 1e9)
        if self.ledger.records:
            await self.publish_records()

    async def left_out(self, item: Inexact) -> None:
        """An event that cannot be published: the next trade's id shows it; of a quote, a gap says so."""
        self._problem = (item.reason, time.monotonic())
        self.quiet.event(time.monotonic())
        if isinstance(self.ledger, TradeLedger) and item.trade_id is not None:
            self.ledger.left_out(item.trade_id)
        elif isinstance(self.ledger, QuoteLedger):
            self.ledger.left_out(item.exchange_ns, item.reason, time.time_ns())
            await self.publish_records()

    def take_ticker(self, ticker: Ticker) -> None:
        if self.ticker is not None:
            self.ticker.offer(ticker)

    async def fill(self, gap: OpenGap, trades: list[Trade]) -> None:
        """Publishes what of these was missing."""
        ledger = cast("TradeLedger", self.ledger)
        for first in range(0, len(trades), FILLED_AT_ONCE):
            some = trades[first : first + FILLED_AT_ONCE]
            await self.live.room(len(some))
            # No wait until all are sent: this may be cancelled, and the ledger then takes them for published.
            found = ledger.fill(gap, some, time.time_ns())
            for trade in found:
                self.live.put(trade)
            self.metrics.filled(len(found))
        await self.publish_records()

    def claim(self, venue_ns: int, settles_s: float) -> None:
        """The venue's clock: of what it stamped `settles_s` before, nothing is still to come here."""
        now = time.monotonic()
        if self._claim is None and now - self._claimed_at >= COMPLETE_S:
            upto_ns = by_our_clock(venue_ns, time.time_ns()) - int(settles_s * 1e9)
            self._claim = _Claim(upto_ns, self.live.sent)

    async def settle(self) -> None:
        """Says `complete` once all that a claim is about has been acknowledged.

        A restart reads the topic behind the position that it names, and takes the id for published: so the
        id is not before the position, and is acknowledged, too.
        """
        if self._claim is not None and self._claim.standing is None and self._is_acknowledged(self._claim):
            if self._unsent:
                return
            last_id = self.ledger.last_id if isinstance(self.ledger, TradeLedger) else None
            standing = (str(self.live.last or ""), last_id)
            self._claim = _Claim(self._claim.upto_ns, self.live.sent, standing)
        claim = self._claim
        if claim is not None and claim.standing is not None and self._is_acknowledged(claim):
            self._claim = None
            self._claimed_at = time.monotonic()
            position, last_id = claim.standing
            self.ledger.complete(claim.upto_ns, position, time.time_ns(), last_id)
            await self.publish_records()

    def _is_acknowledged(self, claim: _Claim) -> bool:
        return self.live.acknowledged >= claim.sent

    def lost(self, *, in_doubt: bool) -> None:
        """The connection ended."""
        self.in_doubt = self.in_doubt or in_doubt
        self.ledger.resuming = True
        self._claim = None

    async def publish_records(self) -> None:
        """Publishes what the ledger has to say: gaps first, `filled` once what filled it is acknowledged."""
        await self._publish_gaps()
        if not self.ledger.records:
            return
        async with self._saying:
            if self._unsent:
                return
            records = self.ledger.take_records()
            # A gap that was found meanwhile: whoever found it waits to say it.
            self.ledger.records = [record for record in records if record.kind == Saying.GAP]
            for record in records:
                if record.kind == Saying.GAP:
                    continue
                if record.kind == Saying.FILLED:
                    await self.live.settled()
                await self._records.send(record)

    async def _publish_gaps(self) -> None:
        """Publishes new gaps and waits until that is certain: after a crash an event beyond would hide one.

        Each names where the live topic stood when it was found.
        """
        found = any(record.kind == Saying.GAP for record in self.ledger.records)
        if not found and not self._saying.locked():
            return
        async with self._saying:
            records = self.ledger.take_records()
            self.ledger.records = [record for record in records if record.kind != Saying.GAP]
            for record in records:
                if record.kind == Saying.GAP:
                    self.metrics.record(record)
                    said = replace(record, position=str(self.live.last or ""))
                    await self._records.send(said)
                    if self.series.kind is Kind.QUOTES:
                        self.unexplained.append(said)
            await self._records.settled()

    async def explain(self, gap: Continuity, text: str) -> None:
        """Says the same gap again, with what the venue can still tell of it."""
        async with self._saying:
            await self._records.send(replace(gap, reason=f"{gap.reason}; {text}", at_ns=time.time_ns()))

    async def close(self, drain_s: float) -> None:
        """Waits for what is on its way, and ends the producers."""
        await asyncio.gather(*(outbox.drain(drain_s) for outbox in self.outboxes))
        await asyncio.gather(*(outbox.close() for outbox in self.outboxes))


async def open_stream(
    client: pulsar.Client, series: Series, metrics: SeriesMetrics, *, by_time: bool
) -> Stream:
    """Takes a series over: fences whoever had it, and reads from its topics where it stands.

    Args:
        by_time: of quotes, see `QuoteLedger`.

    Raises:
        pulsar.PulsarException: the broker refuses, or does not answer.
    """
    channel = Channel(series.kind.value)
    live_topic = topics.live_topic(series, channel)
    continuity_topic = topics.continuity_topic(live_topic)

    def attach() -> tuple[pulsar.Producer, pulsar.Producer, pulsar.Producer | None]:
        live = make_producer(client, live_topic, json_schema(DEFINITIONS[channel]), series.name)
        records = make_producer(
            client, continuity_topic, json_schema(continuity.DEFINITION), f"{series.name}:continuity"
        )
        ticker = None
        if Channel.TICKER in channels(series):
            topic = topics.live_topic(series, Channel.TICKER)
            schema = json_schema(DEFINITIONS[Channel.TICKER])
            ticker = make_producer(client, topic, schema, f"{series.name}:ticker")
        return live, records, ticker

    live, records, ticker = await asyncio.to_thread(attach)
    read: Callable[..., tuple[Ledger, Position | None]] = readback.trade_ledger
    if series.kind is Kind.QUOTES:
        read = partial(readback.quote_ledger, by_time=by_time)
    ledger, last = await asyncio.to_thread(read, client, live_topic, continuity_topic)
    return Stream(
        series,
        ledger,
        metrics,
        live=Outbox(live_topic, live, metrics, last=last),
        records=Outbox(continuity_topic, records),
        ticker=None if ticker is None else Outbox(topics.live_topic(series, Channel.TICKER), ticker),
    )
