"""Events of one topic on their way to Pulsar: in order, a bounded number, counted when acknowledged.

A lone event goes at once. Those that come close behind one another go together, `LINGER_S` apart at most,
each still a message of its own: what costs most is waking threads and broker, not the bytes.

The client library sends again what a broker that went away had not acknowledged, in order and with the same
sequence ids, which the broker knows: nothing is lost or stored twice. While it is away the bound is
reached; then `send` waits, which holds back the socket, and `offer` keeps the newest event alone.
"""

import asyncio
import ctypes
import threading
import time
from functools import partial
from typing import Protocol

import _pulsar  # type: ignore[import-not-found]
import pulsar

from candlewick.live.continuity import Continuity
from candlewick.live.events import Event, encode
from candlewick.position import Position

LIMIT = 1000
"""Unacknowledged events of one topic; 300 bytes each."""
LINGER_S = 0.005
"""How long an event may wait here for the next ones."""


class FencedError(Exception):
    """Another worker publishes to this topic now."""


class LostProducerError(Exception):
    """The producer ended; the series begins again from what its topic has."""


class Observer(Protocol):
    """Is told of what goes on; from the client library's thread."""

    def acknowledged(self, size: int, seconds: float) -> None: ...


class Outbox:
    """Sends to one topic. `send` and `offer` belong to the event loop that made it."""

    def __init__(
        self,
        topic: str,
        producer: pulsar.Producer,
        observer: Observer | None = None,
        *,
        limit: int = LIMIT,
        last: Position | None = None,
    ) -> None:
        """`last`: where the last message of the topic lies."""
        self.topic = topic
        self.sent = 0
        self.acknowledged = 0
        self.coalesced = 0
        self.last = last
        self._producer = producer
        self._observer = observer
        self._limit = limit
        self._failed: Exception | None = None
        self._loop = asyncio.get_running_loop()
        self._moved = asyncio.Event()
        self._waiters = 0
        self._newest: Event | None = None
        self._lingering: list[bytes] = []
        self._handed_over_at = 0.0
        self._moved_at = 0.0

    @property
    def stalled_s(self) -> float:
        """How long something has waited here without an acknowledgement of anything."""
        return time.monotonic() - self._moved_at if self.depth else 0.0

    @property
    def depth(self) -> int:
        """Events that are not yet acknowledged."""
        return self.sent - self.acknowledged

    @property
    def lingering(self) -> int:
        """Those of them that still wait here for the next ones."""
        return len(self._lingering)

    async def send(self, event: Event | Continuity) -> None:
        """Sends as soon as there is room.

        Raises:
            FencedError, LostProducerError.
        """
        await self.room()
        self.put(event)

    async def room(self, count: int = 1) -> None:
        """Waits until so many more events are within the bound, or nothing waits.

        Raises:
            FencedError, LostProducerError.
        """
        while self.depth and self.depth + count > self._limit:
            await self._moves()
        self.check()

    def put(self, event: Event | Continuity) -> None:
        """Sends at once; that there is room the caller has seen to.

        Raises:
            FencedError, LostProducerError.
        """
        self.check()
        if not isinstance(event, Continuity):
            event.publish_ns = time.time_ns()
        self._lingering.append(encode(event))
        if not self.depth:
            self._moved_at = time.monotonic()
        self.sent += 1
        if len(self._lingering) == 1:
            wait_s = self._handed_over_at + LINGER_S - time.monotonic()
            if wait_s > 0:
                self._loop.call_later(wait_s, self._hand_over)
            else:
                self._hand_over()

    def offer(self, event: Event) -> None:
        """Sends where there is room; otherwise the newest alone is kept, and the others are counted."""
        if self.depth < self._limit:
            self.put(event)
            return
        self.coalesced += self._newest is not None
        self._newest = event

    def flush_newest(self) -> None:
        """Sends what `offer` kept, once there is room."""
        if self._newest is not None and self.depth < self._limit:
            event, self._newest = self._newest, None
            self.put(event)

    async def settled(self) -> None:
        """Waits until all that was sent so far is acknowledged.

        Raises:
            FencedError, LostProducerError.
        """
        self._hand_over()
        sent = self.sent
        while self.acknowledged < sent:
            await self._moves()

    async def drain(self, timeout_s: float) -> bool:
        """Waits until everything is acknowledged; whether it was in time."""
        self._hand_over()
        end = time.monotonic() + timeout_s
        while self.depth and not self._failed and time.monotonic() < end:
            await asyncio.sleep(0.01)
        return not self.depth

    async def close(self) -> None:
        """Ends the producer; what is unacknowledged may be lost, and is found missing by the next one."""
        try:
            await asyncio.wait_for(asyncio.to_thread(self._producer.close), 2.0)
        except (TimeoutError, pulsar.PulsarException):
            return

    def check(self) -> None:
        """Raises FencedError or LostProducerError once sending has failed."""
        if self._failed is not None:
            raise self._failed

    def _hand_over(self) -> None:
        """Gives the client library what waits here."""
        payloads, self._lingering = self._lingering, []
        self._handed_over_at = time.monotonic()
        for payload in payloads:
            if self._failed is not None:
                return
            try:
                self._producer.send_async(payload, partial(self._done, len(payload), time.perf_counter()))
            except pulsar.PulsarException as error:
                self._failed = LostProducerError(str(error))

    def _done(
        self, size: int, began: float, result: "_pulsar.Result", message_id: "_pulsar.MessageId"
    ) -> None:
        """In the client library's thread, in the order of sending."""
        _keep_thread_state()
        if result != _pulsar.Result.Ok:
            self._fail(result)
        if self._failed is not None:
            # Counted, it would stand for one before it that was lost.
            return
        self.last = Position(message_id.ledger_id(), message_id.entry_id())
        self.acknowledged += 1
        self._moved_at = time.monotonic()
        if self._observer is not None:
            self._observer.acknowledged(size, time.perf_counter() - began)
        if self._waiters:
            self._wake()

    def _fail(self, result: "_pulsar.Result") -> None:
        if self._failed is None:
            fenced = result in {_pulsar.Result.ProducerFenced, _pulsar.Result.ProducerBusy}
            self._failed = FencedError(self.topic) if fenced else LostProducerError(result.name)
        self._wake()

    def _wake(self) -> None:
        try:
            self._loop.call_soon_threadsafe(self._moved.set)
        except RuntimeError:
            # The loop has ended, and nobody waits any more.
            return

    async def _moves(self) -> None:
        self.check()
        self._moved.clear()
        self._waiters += 1
        try:
            # The time-out covers an acknowledgement between the look and the wait.
            await asyncio.wait_for(self._moved.wait(), 0.2)
        except TimeoutError:
            return
        finally:
            self._waiters -= 1


_thread = threading.local()


def _keep_thread_state() -> None:
    """Python's state of the client library's thread is kept for the next acknowledgement.

    Otherwise each one makes a state and throws it away, with a memory map of its own: a fifth of what an
    event costs that thread.
    """
    if not hasattr(_thread, "kept"):
        _thread.kept = True
        ctypes.pythonapi.PyGILState_Ensure()


def make_producer(
    client: pulsar.Client, topic: str, schema: pulsar.schema.Schema, name: str
) -> pulsar.Producer:
    """A producer that fences any other of the same topic, and goes on with its sequence ids.

    Unbatched: of a batch the broker would know the first sequence id alone.
    """
    return client.create_producer(
        topic,
        producer_name=name,
        schema=schema,
        # Without end: an event that waits for a broker is not given up.
        send_timeout_millis=0,
        compression_type=pulsar.CompressionType.LZ4,
        max_pending_messages=2 * LIMIT,
        block_if_queue_full=False,
        batching_enabled=False,
        access_mode=pulsar.ProducerAccessMode.ExclusiveWithFencing,
    )
