"""Reads the live topic of one series, and its continuity, into an assembly of hours; acknowledges both.

A subscription gives everything that is not acknowledged again whenever it is taken up, also after a restart
of the broker: what was read before is known by its position and passed over.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pulsar
import structlog
from msgspec.structs import replace

from candlewick import topics
from candlewick.bus_admin import BusAdmin
from candlewick.errors import CandlewickError
from candlewick.instruments import Series
from candlewick.live import continuity
from candlewick.live.continuity import Continuity, Saying
from candlewick.live.events import Channel, Event, decode
from candlewick.position import Position
from streaming.recording.assembly import Assembly

AT_ONCE = 2000
"""Messages that are taken together, and how many wait in the client library."""

PATIENCE_MS = 100
RECORDS_MS = 5
"""How long an empty topic of continuity holds up the reading of events."""

RETRY_S = 1.0
ACKNOWLEDGE_S = 1.0

_NOWHERE = Position(-1, -1)
_log = structlog.get_logger(__name__)


class SeriesReader:
    """One series in a thread of its own. `assembly` is used under `lock`, and is there once `is_ready`."""

    def __init__(
        self,
        series: Series,
        client: pulsar.Client,
        admin: BusAdmin,
        has_room: Callable[["SeriesReader"], bool],
    ) -> None:
        """`has_room` says whether more events may be taken into memory."""
        self.series = series
        self.lock = threading.Lock()
        self.assembly = Assembly(series)
        self.caught_up = False
        """Whether everything has been read that the topics held when they were first read."""
        self.is_ready = False
        self.problem = "not read yet"
        self.held_back = False
        self.unreadable = 0
        self.lag_s = 0.0
        self.failure: Exception | None = None
        """What nobody foresaw, and ended the thread."""
        self._channel = Channel(series.kind.value)
        self._topic = topics.live_topic(series, self._channel)
        self._client = client
        self._admin = admin
        self._has_room = has_room
        self._ends = _NOWHERE, _NOWHERE
        self._said = _NOWHERE
        self._acknowledged = _NOWHERE
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=series.name)

    @property
    def is_alive(self) -> bool:
        return self._thread.is_alive()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Tells the thread to end; `join` waits for it."""
        self._stopping.set()

    def join(self, timeout_s: float) -> None:
        self._thread.join(timeout_s)

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                with self._subscribed() as (live, records):
                    self._read(live, records)
            except (pulsar.PulsarException, CandlewickError) as error:
                problem = str(error).removeprefix("Pulsar error: ")
                if problem != self.problem:
                    _log.warning("a series is not read", series=self.series.name, error=problem)
                self.problem = problem
                self._stopping.wait(RETRY_S)
            except Exception as error:
                self.failure = error
                raise

    @contextmanager
    def _subscribed(self) -> Iterator[tuple[pulsar.Consumer, pulsar.Consumer]]:
        with (
            self._consumer(self._topic, PATIENCE_MS) as live,
            self._consumer(topics.continuity_topic(self._topic), RECORDS_MS) as records,
        ):
            self._begin()
            yield live, records

    @contextmanager
    def _consumer(self, topic: str, patience_ms: int) -> Iterator[pulsar.Consumer]:
        consumer = self._client.subscribe(
            topic,
            topics.RECORDER,
            # A second recorder is refused: two would acknowledge for one another.
            pulsar.ConsumerType.Exclusive,
            receiver_queue_size=AT_ONCE,
            initial_position=pulsar.InitialPosition.Earliest,
            batch_receive_policy=pulsar.ConsumerBatchReceivePolicy(AT_ONCE, -1, patience_ms),
        )
        try:
            yield consumer
        finally:
            try:
                consumer.close()
            except pulsar.PulsarException as error:
                _log.warning("closing a consumer", topic=topic, error=str(error))

    def _begin(self) -> None:
        """Once nobody else can acknowledge: where this subscription stands."""
        live = self._admin.standing(self._topic, topics.RECORDER)
        records = self._admin.standing(topics.continuity_topic(self._topic), topics.RECORDER)
        if live is None or records is None:
            raise CandlewickError(f"{self._topic} has no reader's subscription", "add the series again")
        with self.lock:
            read = live.read or _NOWHERE
            if not self.is_ready or read > self.assembly.read:
                # Either the first time, or another recorder has been at work since.
                self.assembly = Assembly(self.series, live.read)
                self._said = _NOWHERE
                self._acknowledged = read
                self._ends = live.end or _NOWHERE, records.end or _NOWHERE
                if records.end is not None and records.read is not None and records.read >= records.end:
                    self._said = records.read
                self.caught_up = False
                self.is_ready = True
        _log.info("a series is read", series=self.series.name, read=str(read), end=str(live.end))

    def _read(self, live: pulsar.Consumer, records: pulsar.Consumer) -> None:
        self.problem = ""
        acknowledge_at = 0.0
        while not self._stopping.is_set():
            said = [self._record(message) for message in records.batch_receive()]
            self.held_back = not self._has_room(self)
            if self.held_back:
                self._stopping.wait(PATIENCE_MS / 1000)
                batch = []
            else:
                batch = live.batch_receive()
            connected = live.is_connected() and records.is_connected()
            self.problem = "" if connected else "the broker does not answer"
            with self.lock:
                for at, record in said:
                    if record is not None and at > self._said:
                        self._said = at
                        self.assembly.say(record, at)
                if batch:
                    self._take(batch)
                self.caught_up = self.caught_up or (
                    self.assembly.read >= self._ends[0] and self._said >= self._ends[1]
                )
            if time.monotonic() >= acknowledge_at:
                acknowledge_at = time.monotonic() + ACKNOWLEDGE_S
                self._acknowledge(live, records)

    def _take(self, batch: list[pulsar.Message]) -> None:
        if _position(batch[0]) <= self.assembly.read:
            batch = [message for message in batch if _position(message) > self.assembly.read]
            if not batch:
                return
        events: list[Event] = []
        for message in batch:
            try:
                events.append(decode(self._channel, message.data()))
            except ValueError as error:
                self.unreadable += 1
                _log.error(
                    "unreadable", series=self.series.name, at=str(_position(message)), error=str(error)
                )
        self.assembly.take(events, _position(batch[-1]))
        if events:
            self.lag_s = time.time() - events[-1].publish_ns / 1e9

    def _record(self, message: pulsar.Message) -> tuple[Position, Continuity | None]:
        at = _position(message)
        try:
            record = continuity.decode(message.data())
        except ValueError as error:
            self.unreadable += 1
            _log.error("unreadable", series=self.series.name, at=str(at), error=str(error))
            return at, None
        if record.kind == Saying.FILLED and not record.position and at > self._said:
            # What filled it is in the live topic by now.
            standing = self._admin.standing(self._topic, topics.RECORDER)
            if standing is not None and standing.end is not None:
                record = replace(record, position=str(standing.end))
        return at, record

    def _acknowledge(self, live: pulsar.Consumer, records: pulsar.Consumer) -> None:
        with self.lock:
            upto, said = self.assembly.done()
        if upto is not None and upto > self._acknowledged:
            live.acknowledge_cumulative(_message_id(upto))
            self._acknowledged = upto
        if said is not None:
            records.acknowledge_cumulative(_message_id(said))


def _position(message: pulsar.Message) -> Position:
    found = message.message_id()
    return Position(found.ledger_id(), found.entry_id())


def _message_id(position: Position) -> pulsar.MessageId:
    return pulsar.MessageId(-1, position.ledger, position.entry, -1)
