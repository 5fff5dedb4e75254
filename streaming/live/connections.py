"""One connection to a venue after the other, each attempt within the venue's budget and the backoff."""

import asyncio
import time
from collections.abc import Callable

import structlog

from streaming.live.backoff import Backoff, Budget
from streaming.live.metrics import Metrics
from streaming.live.session import Session
from streaming.live.stream import Stream
from streaming.live.venue import ConnectError, Venue

MAINTENANCE_S = 5.0
"""The least wait before a venue is asked again that closed while it was not trading."""

_log = structlog.get_logger(__name__)


class Connections:
    """Keeps a venue connected.

    Attributes:
        session: the present connection; None while there is none.
        trouble: why the last one ended, or could not be opened.
        no_successor: why the present one, which wants a successor, has none yet.
        reconnects: how many have ended without a successor.
    """

    def __init__(self, venue: Venue, streams: dict[str, Stream], metrics: Metrics) -> None:
        """`streams` by the series' name; the caller adds and removes."""
        self.session: Session | None = None
        self.trouble = ""
        self.no_successor = ""
        self.reconnects = 0
        self._venue = venue
        self._streams = streams
        self._metrics = metrics

    async def keep(self, may_connect: Callable[[], bool]) -> None:
        """Goes on without end; tries nothing while `may_connect` says no."""
        backoff = Backoff()
        budget = Budget(self._venue.connect_burst, self._venue.connect_interval_s, time.monotonic())
        while True:
            if not may_connect():
                await asyncio.sleep(0.05)
                continue
            opened = await self._open_session(budget)
            if isinstance(opened, ConnectError):
                await asyncio.sleep(backoff.delay(at_least_s=opened.retry_after_s))
                continue
            for stream in self._streams.values():
                # A handover of which both connections have ended is over.
                stream.ledger.alone()
            session: Session | None = opened
            while session is not None:
                session = await self._live(session, budget)
            last, self.session = self.session, None
            if last is not None and last.has_data:
                backoff.reset()
            rests = last is not None and not last.trading
            await asyncio.sleep(backoff.delay(at_least_s=MAINTENANCE_S if rests else 0.0))

    async def _open_session(
        self, budget: Budget, predecessor: Session | None = None
    ) -> Session | ConnectError:
        await asyncio.sleep(budget.take(time.monotonic()))
        symbols = sorted({stream.series.symbol for stream in self._streams.values()})
        try:
            connection = await self._venue.connect(symbols)
        except ConnectError as error:
            self._metrics.reconnects.labels(error.cause).inc()
            self._say_trouble(error.cause, str(error))
            return error
        _log.info("connected", venue=self._venue.name)
        return Session(self._venue, connection, self._streams, self._metrics, predecessor)

    async def _live(self, session: Session, budget: Budget) -> Session | None:
        """Runs a session to its end; its successor, where it has one."""
        self.session, self.no_successor = session, ""
        self._metrics.connected.set(1)
        run = session.start()
        successor: Session | None = None
        backoff = Backoff(first_s=1.0)
        while not run.done():
            change = asyncio.create_task(session.wants_successor.wait())
            await asyncio.wait({run, change}, return_when=asyncio.FIRST_COMPLETED)
            change.cancel()
            if not run.done():
                successor = await self._succeed(session, run, budget, backoff)
        self._metrics.connected.set(0)
        cause, reason = run.result()
        if successor is None:
            self.reconnects += 1
            self._metrics.reconnects.labels(cause).inc()
            self._say_trouble(cause, reason)
        return successor

    async def _succeed(
        self, session: Session, run: asyncio.Task[tuple[str, str]], budget: Budget, backoff: Backoff
    ) -> Session | None:
        """Opens a connection that takes over from a session; None where it could not, and the old goes on."""
        session.wants_successor.clear()
        session.overlaps = True
        for stream in self._streams.values():
            stream.ledger.overlap()
        opened = await self._open_session(budget, session)
        if isinstance(opened, Session):
            await asyncio.wait({run, opened.start()}, return_when=asyncio.FIRST_COMPLETED)
            if run.done():
                return opened
            cause, self.no_successor = opened.start().result()
            self._metrics.reconnects.labels(cause).inc()
        else:
            self.no_successor = str(opened)
        _log.warning("no successor", venue=self._venue.name, reason=self.no_successor)
        session.overlaps = False
        for stream in self._streams.values():
            stream.ledger.alone()
        asked_s = opened.retry_after_s if isinstance(opened, ConnectError) else 0.0
        await asyncio.wait({run}, timeout=backoff.delay(at_least_s=max(1.0, asked_s)))
        return None

    def _say_trouble(self, cause: str, reason: str) -> None:
        self.trouble = reason
        _log.warning("not connected", venue=self._venue.name, cause=cause, reason=reason)
