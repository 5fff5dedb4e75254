"""The hubs of all series that somebody watches, and their readers."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import partial

import pulsar

from candlewick import access
from candlewick.broker import close, connect
from candlewick.errors import CandlewickError
from candlewick.instruments import Series
from candlewick.position import Position
from candlewick.settings import Settings
from web.events import HEARTBEAT_S
from web.live.feed import Feed
from web.live.hub import Hub, Listener
from web.positions import Resume

MOST_LISTENERS = 1_000
LINGER_S = 30.0
"""A series that nobody watches any more is read on for so long: pages are reloaded."""


class TooManyListenersError(CandlewickError):
    """The server has no room for another browser."""


@dataclass(slots=True)
class _Watched:
    hub: Hub
    feed: Feed
    ending: asyncio.TimerHandle | None = None


class FanOut:
    """Belongs to one event loop; one connection to the broker for all."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._watched: dict[str, _Watched] = {}
        self._lock = threading.Lock()
        self._connection: pulsar.Client | None = None
        self._beating: asyncio.TimerHandle | None = None

    def close(self) -> None:
        if self._beating is not None:
            self._beating.cancel()
        for one in self._watched.values():
            one.feed.stop()
        if self._connection is not None:
            close(self._connection)

    def check_room(self) -> None:
        """Raises `TooManyListenersError` where another browser is one too many."""
        if sum(len(one.hub.listeners) for one in self._watched.values()) >= MOST_LISTENERS:
            raise TooManyListenersError(f"{MOST_LISTENERS} browsers listen already", "close some")

    async def messages(
        self, series: Series, known: Resume | None, stored: Resume | None
    ) -> AsyncIterator[bytes]:
        """What is published of a series behind what a browser knows, as events, until it falls behind.

        Args:
            stored: what is stored by now; who knows less than that, and asks for more than is kept, reloads.

        """
        if self._beating is None:
            self._beat()
        listener = self._join(series, known, stored)
        try:
            async for one in listener.messages():
                yield one
        finally:
            self._leave(series.name, listener)

    def _join(self, series: Series, known: Resume | None, stored: Resume | None) -> Listener:
        watched = self._watched.get(series.name)
        begin = None if known is None else known.begin
        kept = watched is not None and begin is not None and watched.hub.covers(begin)
        if begin is not None and stored is not None and begin < stored.begin and not kept:
            listener = Listener(known)
            listener.fall_behind()
            return listener
        if watched is None:
            watched = self._watched[series.name] = self._watch(series, Hub(begin), begin)
        elif begin is not None and not kept:
            watched.feed.stop()
            watched.hub.rewind(begin)
            watched = self._watched[series.name] = self._watch(series, watched.hub, begin)
        if watched.ending is not None:
            watched.ending.cancel()
            watched.ending = None
        return watched.hub.join(known)

    def _watch(self, series: Series, hub: Hub, begin: Position | None) -> _Watched:
        loop = asyncio.get_running_loop()

        def if_current(work: Callable[[], None]) -> None:
            # A feed that was told to stop may still have said something.
            watched = self._watched.get(series.name)
            if watched is not None and watched.feed is feed:
                work()

        feed = Feed(
            self._client,
            series,
            begin,
            publish=lambda batch: _soon(loop, partial(if_current, partial(hub.publish, batch))),
            tell=lambda event, data: _soon(loop, partial(if_current, partial(hub.tell, event, data))),
        )
        feed.start()
        return _Watched(hub, feed)

    def _beat(self) -> None:
        # One clock for all: a timeout of each browser's own costs more than a message.
        for one in self._watched.values():
            one.hub.beat()
        self._beating = asyncio.get_running_loop().call_later(HEARTBEAT_S, self._beat)

    def _leave(self, name: str, listener: Listener) -> None:
        watched = self._watched.get(name)
        if watched is None:
            return
        watched.hub.leave(listener)
        if not watched.hub.listeners and watched.ending is None:
            watched.ending = asyncio.get_running_loop().call_later(LINGER_S, partial(self._end, name))

    def _end(self, name: str) -> None:
        watched = self._watched.pop(name)
        watched.feed.stop()

    def _client(self) -> pulsar.Client:
        with self._lock:
            if self._connection is None:
                token = access.pulsar_token(self._settings, access.PULSAR_READER)
                url = access.pulsar_url(self._settings)
                self._connection = connect(url, token, log="/dev/null")
            return self._connection


def _soon(loop: asyncio.AbstractEventLoop, work: Callable[[], None]) -> None:
    """In the loop, if it still runs."""
    try:
        loop.call_soon_threadsafe(work)
    except RuntimeError:
        return
