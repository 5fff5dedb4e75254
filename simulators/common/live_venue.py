"""What a simulated live venue does whatever its protocol: time passes, connections come, faults befall."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any, Generic, Protocol, TypeVar

from aiohttp import web

from simulators.common.clock import Clock
from simulators.common.connections import Connection, Connections
from simulators.common.faults import FaultName, LiveFaults
from simulators.common.journal import Journal
from simulators.common.live_app import ControlApi
from simulators.common.pages import page

_LEAST_PAUSE, _MOST_PAUSE = 0.002, 0.02
_TICK_SECONDS = 0.05
_MAX_BACKLOG = 64 << 20


class TickingConnection(Connection, Protocol):
    """A connection that looks after itself some times a second."""

    def tick(self) -> None:
        """Heartbeats, and faults that hold the whole connection."""
        ...


StreamT = TypeVar("StreamT", bound=TickingConnection)


class LiveVenue(ABC, Generic[StreamT]):
    """The base of a venue; a subclass adds its protocol and its market."""

    def __init__(self, clock: Clock, faults: LiveFaults) -> None:
        self.clock = clock
        self.faults = faults
        self.journal = Journal()
        self.connections = Connections(clock.now_us)
        self.streams: dict[int, StreamT] = {}
        self._wake = asyncio.Event()

    def app(self) -> web.Application:
        app = web.Application()
        app.add_routes(ControlApi(self).routes())
        app.add_routes(self.routes())
        app.cleanup_ctx.append(self._run)
        return app

    @abstractmethod
    def routes(self) -> list[web.RouteDef]:
        """Those of the venue itself."""

    @abstractmethod
    def set_rate(self, wanted: dict[str, Any]) -> dict[str, Any]:
        """Changes how much happens; without wishes, only tells."""

    @abstractmethod
    def sent(self, query: dict[str, str]) -> dict[str, Any]:
        """The truth: what there is at the venue, and what was sent."""

    @abstractmethod
    def tell(self) -> int:
        """Hands on what has happened; when the next thing happens, by the venue's clock."""

    async def pump(self) -> None:
        """Lets the market go on for ever."""
        while True:
            self._wake.clear()
            due_us = self.tell()
            wait = (due_us - self.clock.now_us()) / 1e6 / max(self.clock.speed, 1e-9)
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._wake.wait(), min(max(wait, _LEAST_PAUSE), _MOST_PAUSE))

    def wake(self) -> None:
        """What comes next may have come nearer."""
        self._wake.set()

    async def _run(self, app: web.Application) -> AsyncIterator[None]:
        del app
        tasks = [asyncio.create_task(self.pump()), asyncio.create_task(self._ticks())]
        yield
        for stream in list(self.streams.values()):
            self.connections.end(stream, "close", "venue stopped")
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _ticks(self) -> None:
        while True:
            self.apply_faults()
            for stream in list(self.streams.values()):
                stream.tick()
                if stream.wire.backlog > _MAX_BACKLOG:
                    self.connections.end(stream, "drop", "client too slow")
            await asyncio.sleep(_TICK_SECONDS)

    def apply_faults(self) -> None:
        """Lets the faults in force befall what is open, at once."""
        for stream in list(self.streams.values()):
            ending = self.faults.ends(stream.number, stream.symbols())
            if ending is not None:
                self.connections.end(stream, str(ending.fault), str(ending.fault))
        self.faults.swept()

    def began(self, stream: StreamT) -> None:
        self.streams[stream.number] = stream
        self.connections.began(stream)

    def ended(self, stream: StreamT, why: str) -> None:
        del self.streams[stream.number]
        self.connections.ended(stream, why)

    def refused_connect(self) -> tuple[FaultName, web.Response] | None:
        """What a connection attempt gets instead of a stream, and by which fault."""
        if (rule := self.faults.strikes(FaultName.THROTTLE)) is not None:
            return rule.fault, page(429, rule.retry_after)
        if (rule := self.faults.strikes(FaultName.UNAVAILABLE)) is not None:
            return rule.fault, page(rule.status or 503, rule.retry_after)
        if (rule := self.faults.strikes(FaultName.REJECT_UPGRADE)) is not None:
            return rule.fault, page(rule.status or 403, rule.retry_after)
        return None

    def note(
        self,
        request: web.Request,
        family: str,
        status: int | None,
        fault: FaultName | None = None,
        size: int = 0,
    ) -> None:
        """Writes a request into the journal."""
        self.journal.note(
            at_us=self.clock.now_us(),
            method=request.method,
            path=request.path_qs,
            family=family,
            status=status,
            size=size,
            fault=None if fault is None else str(fault),
        )
