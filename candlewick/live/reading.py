"""One topic read from a position on, whatever becomes of the client library's reader of it."""

import logging
import time
from dataclasses import dataclass

import pulsar

from candlewick.position import Position

AT_ONCE = 1000
BEGINNING = Position(-1, -1)
STALLED_S = 5.0
"""How long a reader may give nothing before it is asked whether there is something."""
_SOON_MS = 1000
_AWAY_S = 0.1
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Published:
    """A message: where it lies in its topic, and its payload."""

    at: Position
    payload: bytes


class TopicReader:
    """Gives each message behind a position once, in the order of the topic; belongs to one thread.

    It starts at a position and never seeks, for a seek ends the reader's subscription and makes it anew
    while messages may be under way. A reader that knows of a message and does not give it is replaced by one
    that starts behind the last message read.

    Args:
        behind: the position of the last message that is not wanted; `BEGINNING`: all are.
        at_once: messages that may wait in memory.

    Raises:
        pulsar.PulsarException: the broker refuses, or does not answer within the client's limit; later on,
            the client was closed.
    """

    def __init__(
        self, client: pulsar.Client, topic: str, behind: Position, *, at_once: int = AT_ONCE
    ) -> None:
        self._client = client
        self._topic = topic
        self._read = behind
        self._at_once = at_once
        self._reader = self._open()
        self._asked_at = time.monotonic()

    def take(self, wait_ms: int) -> list[Published]:
        """What has come, at most `at_once`; waits a moment where nothing has."""
        found: list[Published] = []
        while len(found) < self._at_once:
            try:
                message = self._reader.read_next(1 if found else wait_ms)
            except pulsar.Timeout:
                break
            self._keep(message, found)
        if found:
            self._asked_at = time.monotonic()
        elif time.monotonic() - self._asked_at > STALLED_S:
            self._look(found)
        return found

    def take_all(self) -> list[Published]:
        """Everything that the topic holds by now; waits for a broker that is away."""
        found: list[Published] = []
        while self._look(found):
            pass
        return found

    def newest(self) -> Published | None:
        """The last message that the topic holds by now, unless it was read before; waits like `take_all`."""
        found: list[Published] = []
        while self._look(found):
            del found[:-1]
        return found[0] if found else None

    def close(self) -> None:
        try:
            self._reader.close()
        except pulsar.PulsarException as error:
            _log.warning("closing a reader of %s: %s", self._topic, error)

    def _look(self, found: list[Published]) -> bool:
        """Adds the next message, if there is one already; whether it is worth while to look again."""
        self._asked_at = time.monotonic()
        try:
            if not self._reader.has_message_available():
                return False
            self._keep(self._reader.read_next(_SOON_MS), found)
        except pulsar.Timeout:
            self._replace()
        except pulsar.AlreadyClosed:
            raise
        except pulsar.PulsarException:
            # The library connects again by itself.
            time.sleep(_AWAY_S)
        return True

    def _keep(self, message: pulsar.Message, found: list[Published]) -> None:
        where = message.message_id()
        at = Position(where.ledger_id(), where.entry_id())
        # After a reconnection some may come again.
        if at > self._read:
            self._read = at
            found.append(Published(at, message.data()))

    def _replace(self) -> None:
        _log.warning("a reader of %s gives nothing behind %s and is replaced", self._topic, self._read)
        try:
            replacement = self._open()
        except pulsar.PulsarException as error:
            _log.warning("no reader of %s: %s", self._topic, error)
            return
        self.close()
        self._reader = replacement

    def _open(self) -> pulsar.Reader:
        start = pulsar.MessageId(-1, self._read.ledger, self._read.entry, -1)
        return self._client.create_reader(self._topic, start, receiver_queue_size=self._at_once)
