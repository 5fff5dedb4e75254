"""Pulsar's client: hours are published here, and read back by who must look at a message.

One client per process, made after any fork and closed at exit.
"""

import os
import threading
import weakref
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import _pulsar  # type: ignore[import-not-found]  # schema types have no public name
import pulsar

from candlewick import messages, topics
from candlewick.broker import LOGGER, BusError, avro, close, connect, refused
from candlewick.hours import Hour
from candlewick.instruments import Kind, Series
from candlewick.position import Position
from candlewick.times import iso

PENDING_MESSAGES = 64
"""Hours on their way to the broker at once; with 5,000 ticks each they take 15 MB."""

SEND_TIMEOUT_S = 180
"""How long a message waits for its acknowledgement: a killed broker is back after 20 to 70 s."""


@dataclass(frozen=True, slots=True)
class Published:
    """What was acknowledged; `bytes` counts payloads before compression."""

    messages: int
    ticks: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Message:
    """A message that was read; `last` is the position of its last chunk."""

    payload: bytes
    last: Position


class _Pending:
    """Counts what is on its way: at most `limit` at once, and the first failure is kept."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._open = 0
        self._changed = threading.Condition()
        self._failed: tuple[Hour, _pulsar.Result] | None = None

    def add(self, hour: Hour) -> Callable[[_pulsar.Result, _pulsar.MessageId], None]:
        """Waits for room; returns what to call once the hour is acknowledged or lost."""
        with self._changed:
            self._changed.wait_for(lambda: self._open < self._limit or self._failed)
            self._open += 1

        def done(result: _pulsar.Result, _message_id: _pulsar.MessageId) -> None:
            with self._changed:
                self._open -= 1
                if result != _pulsar.Result.Ok and self._failed is None:
                    self._failed = hour, result
                self._changed.notify_all()

        return done

    def wait(self) -> None:
        """Until nothing is on its way: the client answers for each message, if only by a time-out."""
        with self._changed:
            self._changed.wait_for(lambda: self._open == 0)

    @property
    def failed(self) -> tuple[Hour, _pulsar.Result] | None:
        return self._failed


class Bus:
    """A connection to the broker in the name of one role. Safe to share between threads.

    Use as a context manager. Nothing connects before it is needed.

    Args:
        log: file for what the client library itself has to say; exceptions tell what matters.
    """

    def __init__(self, url: str, token: str | None = None, *, log: str = os.devnull) -> None:
        self.url = url
        self._log = log
        self._token = token
        self._pid = os.getpid()
        self._lock = threading.RLock()
        self._client: pulsar.Client | None = None
        self._producers: dict[str, pulsar.Producer] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Closes producers and client; what was not acknowledged may be lost.

        Calls that wait for a broker that is away end with a `BusError`.
        """
        # Without the lock: such a call may hold it for a minute.
        client, self._client = self._client, None
        self._producers.clear()
        if client is not None and os.getpid() == self._pid:
            close(client)

    def publish_hours(self, series: Series, hours: Iterable[Hour]) -> Published:
        """Publishes hours of one series, one message each; returns once all are acknowledged.

        Hours are taken as the queue has room, so that an iterator of many never stands in memory.

        Raises:
            BusError: the broker refused or did not answer; names the topic. What was sent before may
                have arrived, and may be sent again.
            ValueError: an hour is of another series, or `failed`.
        """
        topic = topics.hour_topic(series)
        producer = self._producer(topic, series.kind)
        pending = _Pending(PENDING_MESSAGES)
        count = ticks = size = 0
        for hour in hours:
            if hour.series != series.name:
                raise ValueError(f"an hour of {hour.series} does not belong on {topic}")
            payload = messages.encode(hour)
            done = pending.add(hour)
            if pending.failed:
                done(_pulsar.Result.Ok, None)
                break
            try:
                producer.send_async(
                    payload,
                    done,
                    partition_key=iso(hour.hour_us),
                    properties={"revision": str(hour.revision)},
                )
            except pulsar.PulsarException as error:
                done(_pulsar.Result.Ok, None)
                pending.wait()
                self._drop(topic)
                raise refused(topic, error) from error
            count += 1
            ticks += len(hour.ticks)
            size += len(payload)
        pending.wait()
        if pending.failed:
            hour, result = pending.failed
            self._drop(topic)
            raise BusError(
                f"hour {iso(hour.hour_us)} was not published to {topic}: {result.name}",
                "see `candlewick status`; publishing again is safe",
            )
        return Published(count, ticks, size)

    def read_message(self, topic: str, position: Position, timeout_s: float = 10.0) -> "Message":
        """The message at a position, its chunks put together; where none is kept, the next one after it.

        Raises:
            BusError: the broker refused or did not answer, or there is no message from there on.
        """
        start = pulsar.MessageId(-1, position.ledger, position.entry, -1)
        try:
            reader = self._connected().create_reader(
                topic, start, receiver_queue_size=1, start_message_id_inclusive=True
            )
            try:
                message = reader.read_next(int(timeout_s * 1000))
            finally:
                reader.close()
        except pulsar.PulsarException as error:
            raise refused(topic, error) from error
        last = message.message_id()
        return Message(bytes(message.data()), Position(last.ledger_id(), last.entry_id()))

    def acknowledge(self, topic: str, subscription: str, positions: Iterable[Position]) -> None:
        """Takes messages out of a shared subscription's backlog.

        Raises:
            BusError: the broker refused or did not answer.
        """
        try:
            consumer = self._connected().subscribe(
                topic, subscription, pulsar.ConsumerType.Shared, receiver_queue_size=1
            )
            try:
                for position in positions:
                    consumer.acknowledge(pulsar.MessageId(-1, position.ledger, position.entry, -1))
            finally:
                consumer.close()
        except pulsar.PulsarException as error:
            raise refused(topic, error) from error

    def _connected(self) -> pulsar.Client:
        with self._lock:
            if self._client is None:
                self._client = connect(self.url, self._token, log=self._log)
                weakref.finalize(self, close, self._client)
            return self._client

    def _producer(self, topic: str, kind: Kind) -> pulsar.Producer:
        if os.getpid() != self._pid:
            raise RuntimeError("a Bus does not survive a fork: make one in the new process")
        with self._lock:
            if topic not in self._producers:
                try:
                    self._producers[topic] = self._connected().create_producer(
                        topic,
                        schema=avro(messages.DEFINITIONS[kind]),
                        send_timeout_millis=SEND_TIMEOUT_S * 1000,
                        compression_type=pulsar.CompressionType.LZ4,
                        max_pending_messages=PENDING_MESSAGES,
                        block_if_queue_full=True,
                        batching_enabled=False,
                        chunking_enabled=True,
                    )
                except pulsar.PulsarException as error:
                    raise refused(topic, error) from error
            return self._producers[topic]

    def _drop(self, topic: str) -> None:
        """A producer that failed is made anew when it is next needed."""
        with self._lock:
            producer = self._producers.pop(topic, None)
        if producer is not None:
            try:
                producer.close()
            except pulsar.PulsarException as error:
                LOGGER.warning("closing the producer of %s: %s", topic, error)
