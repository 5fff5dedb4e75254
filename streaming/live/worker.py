"""A venue's worker: what is wanted, a stream for each series, and what a person should know of them.

It runs an event loop in a thread of its own; `lifecycle.run` around it handles signals and health records.
"""

import asyncio
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Self

import pulsar
import structlog
import uvloop

from candlewick import topics
from candlewick.broker import close, connect
from candlewick.health import Condition, Health
from candlewick.instruments import AssetClass, Kind, Series
from candlewick.live import wanted
from candlewick.live.reading import BEGINNING, TopicReader
from candlewick.live.stream_health import StreamHealth, to_fact
from candlewick.times import iso, now_us
from streaming.live.backoff import Backoff
from streaming.live.connections import Connections
from streaming.live.ledger import TradeLedger
from streaming.live.metrics import Metrics, MetricsServer
from streaming.live.outbox import LIMIT, FencedError, LostProducerError
from streaming.live.session import Session
from streaming.live.stream import Stream, open_stream
from streaming.live.venue import Venue

DRAIN_S = 3.0
STALLED_S = 5.0
"""How long Pulsar may acknowledge nothing before the worker says so."""
STILL_S = 30.0
"""A worker whose streams are all quiet for this long, and for twice what is usual, is not well."""
_WANTED_MS = 500
_WANTED_AT_ONCE = 50

_log = structlog.get_logger(__name__)


class LiveWorker(AbstractContextManager["LiveWorker"]):
    """Streams one venue; a worker of `lifecycle.py`."""

    def __init__(
        self, venue: Venue, pulsar_url: str, token: str | None, *, metrics_port: int, log: str
    ) -> None:
        self.name = venue.name
        self._venue = venue
        self._pulsar = (pulsar_url, token, log)
        self._metrics = Metrics(venue.name)
        self._server = MetricsServer(self._metrics, metrics_port, lambda: self._last)
        self._thread = threading.Thread(target=self._run, name=venue.name)
        self._stopping = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._last: Health | None = None
        self._wanted: dict[str, Series] | None = None
        self._streams: dict[str, Stream] = {}
        self._opening: dict[str, str] = {}
        self._all_tried = False
        """Whether every wanted series has been tried once: else there would be a connection for each."""
        self._connections = Connections(venue, self._streams, self._metrics)
        self._fenced = ""

    def __enter__(self) -> Self:
        self._server.__enter__()
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(timeout=DRAIN_S + 7.0)
        self._server.__exit__()

    def turn(self) -> Health:
        """What a person should know of the worker just now."""
        condition, summary = self._condition()
        self._last = Health(self.name, now_us(), condition, summary, self._facts())
        if not self._thread.is_alive():
            raise RuntimeError(f"the event loop of {self.name} has ended")
        return self._last

    # The event loop

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
                runner.run(self._main())
        except Exception:
            _log.exception("the worker failed", worker=self.name)
            raise

    async def _main(self) -> None:
        self._loop = asyncio.get_running_loop()
        url, token, log = self._pulsar
        client = connect(url, token, log=log)
        work = [
            asyncio.create_task(self._follow_wanted(client)),
            asyncio.create_task(self._keep_streams(client)),
            asyncio.create_task(self._connections.keep(self._may_connect)),
        ]
        stop = asyncio.create_task(self._stopping.wait())
        done, _ = await asyncio.wait([*work, stop], return_when=asyncio.FIRST_COMPLETED)
        for task in [*work, stop]:
            task.cancel()
        await asyncio.gather(*work, stop, return_exceptions=True)
        await asyncio.gather(*(stream.close(DRAIN_S) for stream in self._streams.values()))
        await asyncio.to_thread(close, client)
        for task in done - {stop}:
            task.result()

    async def _follow_wanted(self, client: pulsar.Client) -> None:
        """Reads what is to be streamed; the last message counts."""
        backoff = Backoff()
        while True:
            reader: TopicReader | None = None
            try:
                # From the beginning: there is a message for each change and every ten minutes.
                reader = await asyncio.to_thread(
                    TopicReader, client, topics.WANTED_TOPIC, BEGINNING, at_once=_WANTED_AT_ONCE
                )
                newest = await asyncio.to_thread(reader.newest)
                while True:
                    if newest is not None:
                        self._want(wanted.decode(newest.payload))
                        backoff.reset()
                    newest = next(reversed(await asyncio.to_thread(reader.take, _WANTED_MS)), None)
            except (pulsar.PulsarException, ValueError) as error:
                _log.warning("what is wanted could not be read", error=str(error))
                if reader is not None:
                    await asyncio.to_thread(reader.close)
                await asyncio.sleep(backoff.delay(at_least_s=0.5))

    def _want(self, message: wanted.Wanted) -> None:
        mine = [one for one in message.series if one.venue == self.name]
        found = [
            Series(
                one.venue,
                one.symbol,
                Kind(one.kind),
                AssetClass(one.asset_class),
                one.price_scale,
                one.volume_scale,
                one.calendar,
            )
            for one in mine
        ]
        self._venue.use(found)
        self._wanted = {one.name: one for one in found}

    async def _keep_streams(self, client: pulsar.Client) -> None:
        """Opens a stream for each wanted series, closes those that are wanted no more or have ended."""
        backoffs: dict[str, Backoff] = {}
        retry_at: dict[str, float] = {}
        in_doubt: dict[str, bool] = {}
        while True:
            series_wanted = {} if self._venue.unconfigured else self._wanted or {}
            self._opening = {name: why for name, why in self._opening.items() if name in series_wanted}
            for name in [name for name in self._streams if name not in series_wanted]:
                _log.info("no longer wanted", series=name)
                await self._streams.pop(name).close(DRAIN_S)
            for name, stream in list(self._streams.items()):
                if not self._is_sound(stream):
                    in_doubt[name] = stream.in_doubt
                    await self._streams.pop(name).close(0)
            for name, series in series_wanted.items():
                if name in self._streams or self._fenced or time.monotonic() < retry_at.get(name, 0):
                    continue
                try:
                    stream = await open_stream(
                        client, series, self._metrics.series(name), by_time=self._venue.snapshot_is_old
                    )
                except (pulsar.PulsarException, ValueError) as error:
                    self._opening[name] = str(error).removeprefix("Pulsar error: ")
                    delay = backoffs.setdefault(name, Backoff()).delay(at_least_s=0.5)
                    retry_at[name] = time.monotonic() + delay
                    _log.warning("series not open", series=name, error=str(error))
                    continue
                self._opening.pop(name, None)
                backoffs.pop(name, None)
                stream.in_doubt = in_doubt.pop(name, False)
                self._streams[name] = stream
                _log.info("series open", series=name, known=_known(stream))
            self._all_tried = self._all_tried or bool(series_wanted)
            await asyncio.sleep(0.2)

    def _is_sound(self, stream: Stream) -> bool:
        try:
            for outbox in stream.outboxes:
                outbox.check()
        except FencedError:
            self._fenced = stream.series.name
            _log.error("fenced", series=stream.series.name)
            return False
        except LostProducerError as error:
            _log.warning("producer lost", series=stream.series.name, error=str(error))
            return False
        return True

    def _may_connect(self) -> bool:
        return bool(self._streams) and self._all_tried

    # What is told: by another thread than the event loop's, so of copies

    def _condition(self) -> tuple[Condition, str]:
        if self._fenced:
            text = f"another worker publishes {self._fenced}: stop one of the two, then restart this one"
            return Condition.DEGRADED, text
        if self._venue.unconfigured:
            return Condition.OK, f"not configured: {self._venue.unconfigured}"
        if not self._wanted:
            known = self._wanted is not None
            waits = Condition.WAITING, "what is to be streamed is not known yet"
            return (Condition.OK, "nothing to stream") if known else waits
        if self._opening:
            name, reason = next(iter(self._opening.items()))
            return Condition.WAITING, f"{name} is not open: {reason}"
        if (session := self._connections.session) is not None:
            return self._of_session(session)
        trouble = self._connections.trouble
        return Condition.WAITING, f"not connected: {trouble}" if trouble else "connecting"

    def _of_session(self, session: Session) -> tuple[Condition, str]:
        problem = next(self._problems(session), None)
        if problem is not None:
            return Condition.DEGRADED, problem
        outboxes = [outbox for one in list(self._streams.values()) for outbox in one.outboxes]
        if any(outbox.depth >= LIMIT // 2 for outbox in outboxes):
            return Condition.WAITING, "Pulsar does not take events; the venue is held back"
        stalled_s = max((outbox.stalled_s for outbox in outboxes), default=0.0)
        if stalled_s > STALLED_S:
            text = f"Pulsar has acknowledged nothing for {stalled_s:.0f} s; what comes waits here"
            return Condition.WAITING, text
        if not session.trading:
            return Condition.OK, f"the venue is in {session.status}"
        if missing := session.unsubscribed():
            reason = f": {self._connections.no_successor}" if self._connections.no_successor else ""
            return Condition.WAITING, f"{missing[0].series.name} is not subscribed to yet{reason}"
        open_gaps = sum(
            not gap.given_up
            for stream in list(self._streams.values())
            if isinstance(stream.ledger, TradeLedger)
            for gap in stream.ledger.gaps
        )
        filling = f", filling {open_gaps} gaps" if open_gaps else ""
        return Condition.OK, f"streaming {len(self._streams)} series{filling}"

    def _problems(self, session: Session) -> Iterator[str]:
        """What a person has to look at."""
        for feed, reason in session.refusals():
            yield f"{self.name} refuses {feed.symbol} ({feed.name}): {reason}"
        for name, stream in list(self._streams.items()):
            if stream.problem:
                yield f"{name}: {stream.problem}"
        if self._is_still(session):
            yield "connected, but no data moves"

    def _is_still(self, session: Session | None) -> bool:
        """Whether nothing moves on a connection, though it should."""
        now = time.monotonic()
        still = [
            stream.is_open(now_us()) and now - stream.quiet.last > max(STILL_S, 2 * stream.quiet.limit_s())
            for stream in list(self._streams.values())
        ]
        return session is not None and session.trading and bool(still) and all(still)

    def _facts(self) -> dict[str, str]:
        connections = self._connections
        facts = {
            "configured": "no" if self._venue.unconfigured else "yes",
            "connected": "yes" if connections.session is not None else "no",
            "still": "yes" if self._is_still(connections.session) else "no",
            "reconnects": str(connections.reconnects),
            "trouble": connections.trouble,
        }
        for name in self._wanted or ():
            stream = self._streams.get(name)
            if stream is None:
                health = StreamHealth("opening", problem=self._opening.get(name, ""))
            else:
                health = self._health(stream)
                self._metrics.depth.labels(name).set(health.waiting)
                self._metrics.open_gaps.labels(name).set(health.open_gaps + health.lasting_gaps)
                self._metrics.duplicates.labels(name).set(stream.ledger.duplicates)
                self._metrics.coalesced.labels(name).set(health.coalesced)
            facts[name] = to_fact(health)
        return facts

    def _health(self, stream: Stream) -> StreamHealth:
        gaps = stream.ledger.gaps if isinstance(stream.ledger, TradeLedger) else []
        session = self._connections.session
        state, problem = "not connected", stream.problem
        if session is not None:
            refused = dict(session.refusals())
            reasons = [refused[feed] for feed in self._venue.feeds(stream.series) if feed in refused]
            problem = problem or next(iter(reasons), "")
            state = "refused" if reasons else stream.state(time.monotonic())
        return StreamHealth(
            state,
            stream.metrics.count,
            stream.live.acknowledged,
            stream.live.depth,
            stream.last_exchange_ns // 1000,
            round(time.monotonic() - stream.quiet.last, 1),
            round(stream.quiet.limit_s(), 1),
            round(stream.lag_ns / 1e6, 3),
            sum(not gap.given_up for gap in gaps),
            sum(gap.given_up for gap in gaps),
            stream.ticker.coalesced if stream.ticker else 0,
            problem,
        )


def _known(stream: Stream) -> str:
    known_ns = stream.ledger.known_ns
    return "new" if known_ns is None else iso(known_ns // 1000, micros=True)
