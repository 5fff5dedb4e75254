"""Reads the live topic of one series and its continuity, in a thread, for a hub."""

import logging
import threading
import time
from collections.abc import Callable
from typing import Any

import pulsar

from candlewick import topics
from candlewick.consume import Ids
from candlewick.instruments import Series
from candlewick.live import continuity
from candlewick.live.continuity import Saying
from candlewick.live.events import Channel, Trade, decode
from candlewick.position import Position
from web.live.batch import Batch, Row, row_of

PAUSE_S = 0.025
"""How long events are gathered: what this adds to their way, and bounds what fan-out costs."""

AT_ONCE = 1_000
RETRY_S = 1.0
_WAIT_MS = 200

_log = logging.getLogger("candlewick.web")


class Feed:
    """One series from a position on; calls `publish` and `tell` from its own thread, in order.

    Args:
        client: gives the shared connection to the broker.
        begin: events behind it; None: those that come next.
    """

    def __init__(
        self,
        client: Callable[[], pulsar.Client],
        series: Series,
        begin: Position | None,
        *,
        publish: Callable[[Batch], None],
        tell: Callable[[str, dict[str, Any]], None],
    ) -> None:
        self._client = client
        self._series = series
        self._channel = Channel(series.kind.value)
        self._topic = topics.live_topic(series, self._channel)
        self._read = begin
        self._publish = publish
        self._tell = tell
        self._ids = Ids()
        self._stale = False
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"feed {series.name}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Tells the thread to end; it does within a second."""
        self._stopping.set()

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self._follow()
            except (pulsar.PulsarException, ValueError) as error:
                said = str(error).removeprefix("Pulsar error: ")
                _log.warning("%s is not read: %s", self._series.name, said)
                self._say_stale("the broker does not answer")
                self._stopping.wait(RETRY_S)

    def _follow(self) -> None:
        client = self._client()
        events = self._reader(client, self._topic, self._read)
        records = self._reader(client, topics.continuity_topic(self._topic), None)
        # Without this question a reader that begins at the end passes over the first message that comes.
        events.has_message_available()
        records.has_message_available()
        try:
            while not self._stopping.is_set():
                if events.is_connected():
                    self._say_fresh()
                else:
                    self._say_stale("the broker does not answer")
                self._take(events)
                self._take_records(records)
        finally:
            events.close()
            records.close()

    def _take(self, reader: pulsar.Reader) -> None:
        """Gathers what comes within a moment of the first event, and publishes it."""
        positions: list[Position] = []
        rows: list[Row] = []
        before, deadline, patience_ms = self._read, 0.0, _WAIT_MS
        while len(rows) < AT_ONCE:
            try:
                message = reader.read_next(patience_ms)
            except pulsar.Timeout:
                break
            now = time.monotonic()
            deadline = deadline or now + PAUSE_S
            self._gather(message, positions, rows)
            patience_ms = int((deadline - now) * 1000)
            if patience_ms < 1:
                break
        if rows:
            first = positions[0]
            self._publish(
                Batch(self._series.kind, before or Position(first.ledger, first.entry - 1), positions, rows)
            )

    def _gather(self, message: pulsar.Message, positions: list[Position], rows: list[Row]) -> None:
        found = message.message_id()
        at = Position(found.ledger_id(), found.entry_id())
        if self._read is not None and at <= self._read:
            return
        self._read = at
        try:
            event = decode(self._channel, message.data())
        except ValueError as error:
            _log.warning("%s at %s: %s", self._series.name, at, error)
            return
        if isinstance(event, Trade) and not self._ids.add(event.trade_id):
            return
        positions.append(at)
        rows.append(row_of(event))

    def _take_records(self, reader: pulsar.Reader) -> None:
        while True:
            try:
                payload = reader.read_next(1).data()
            except pulsar.Timeout:
                return
            try:
                record = continuity.decode(payload)
            except ValueError as error:
                _log.warning("the continuity of %s: %s", self._series.name, error)
                continue
            span = {"from_us": record.from_ns // 1000, "to_us": -(-record.to_ns // 1000)}
            if record.kind == Saying.GAP:
                self._tell("gap", {**span, "reason": record.reason, "series": self._series.name})
            elif record.kind == Saying.FILLED:
                self._tell("filled", {**span, "series": self._series.name})

    def _say_stale(self, why: str) -> None:
        if not self._stale:
            self._stale = True
            self._tell("stale", {"reason": why})

    def _say_fresh(self) -> None:
        if self._stale:
            self._stale = False
            self._tell("fresh", {})

    @staticmethod
    def _reader(client: pulsar.Client, topic: str, begin: Position | None) -> pulsar.Reader:
        start = pulsar.MessageId.latest
        if begin is not None:
            start = pulsar.MessageId(-1, begin.ledger, begin.entry, -1)
        return client.create_reader(topic, start, receiver_queue_size=AT_ONCE)
