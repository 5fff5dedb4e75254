"""From one reader of a series to many browsers: what came lately is kept, and nobody slows anybody.

Belongs to one event loop; knows nothing of Pulsar. A browser that does not take what is sent falls behind:
what waits for it is thrown away, it is told so, and reloads.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from candlewick.position import Position
from web.events import HEARTBEAT, message
from web.live.batch import Batch
from web.positions import Resume

KEPT_EVENTS = 200_000
"""Events that are kept for browsers that come; 200 bytes each."""

WAITING = 256
"""Messages that may wait for a browser: some ten seconds of a busy series."""

BEHIND = message("behind", {})


@dataclass(slots=True, eq=False)
class Listener:
    """One browser; `known` is None until it is known where it begins: with the next event."""

    known: Resume | None
    waiting: deque[Batch | bytes] = field(default_factory=deque)
    is_behind: bool = False
    _woken: asyncio.Event = field(default_factory=asyncio.Event)

    def offer(self, one: Batch | bytes) -> None:
        """Something that it has not been sent yet; never waits."""
        if len(self.waiting) >= WAITING:
            self.fall_behind()
        if not self.is_behind:
            self.waiting.append(one)
        self._woken.set()

    def fall_behind(self) -> None:
        """What it lacks cannot be given any more."""
        self.is_behind = True
        self.waiting.clear()
        self._woken.set()

    async def messages(self) -> AsyncIterator[bytes]:
        """What is to be sent, as it comes, until the browser has fallen behind."""
        yield HEARTBEAT
        while True:
            while self.waiting:
                found = self._written(self.waiting.popleft())
                if found:
                    yield found
            if self.is_behind:
                yield BEHIND
                return
            self._woken.clear()
            await self._woken.wait()

    def _written(self, one: Batch | bytes) -> bytes:
        if isinstance(one, bytes):
            return one
        known = self.known or Resume(one.before)
        found, self.known = one.message(known)
        return found


class Hub:
    """What came of one series lately, and who listens.

    Args:
        begin: events behind this position will be published; None: those that come next.
    """

    def __init__(self, begin: Position | None) -> None:
        self._kept: deque[Batch] = deque()
        self._kept_events = 0
        self._begin = begin
        self._stale: bytes | None = None
        self.listeners: set[Listener] = set()

    def covers(self, position: Position) -> bool:
        """Whether everything behind a position is kept, or will come."""
        return self._begin is not None and position >= self._begin

    def rewind(self, begin: Position) -> None:
        """Events behind an earlier position will be published anew; listeners pass over what they know."""
        self._kept.clear()
        self._kept_events = 0
        self._begin = begin

    def join(self, known: Resume | None) -> Listener:
        """A browser that wants what lies behind what it knows; without that, what comes next."""
        listener = Listener(known)
        if known is not None:
            missed = [batch for batch in self._kept if batch.last > known.begin]
            if missed:
                # As one: there may be more of them than may wait.
                listener.offer(Batch.joined(missed))
        if self._stale is not None:
            listener.offer(self._stale)
        self.listeners.add(listener)
        return listener

    def leave(self, listener: Listener) -> None:
        self.listeners.discard(listener)

    def publish(self, batch: Batch) -> None:
        """The next events."""
        if self._begin is None:
            self._begin = batch.before
        self._kept.append(batch)
        self._kept_events += len(batch)
        while self._kept_events > KEPT_EVENTS and len(self._kept) > 1:
            gone = self._kept.popleft()
            self._kept_events -= len(gone)
            self._begin = gone.last
        for listener in self.listeners:
            listener.offer(batch)

    def beat(self) -> None:
        """A sign of life, which also shows whether a browser is still there."""
        for listener in self.listeners:
            if not listener.waiting:
                listener.offer(HEARTBEAT)

    def tell(self, event: str, data: object) -> None:
        """Something that has no place among the events: a gap, or that the broker is away."""
        found = message(event, data)
        if event in {"stale", "fresh"}:
            self._stale = found if event == "stale" else None
        for listener in self.listeners:
            listener.offer(found)
