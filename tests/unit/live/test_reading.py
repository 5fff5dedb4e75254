"""What a reader of a topic does when the client library's reader fails it."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pulsar
import pytest

from candlewick.live import reading
from candlewick.live.reading import BEGINNING, TopicReader
from candlewick.position import Position


class Topic:
    """Messages in a ledger; each of its readers has a fault, until there are no faults left."""

    def __init__(self, *faults: str) -> None:
        self.messages: list[bytes] = []
        self.opened: list[int] = []
        self.closed = 0
        self._faults = list(faults)

    def create_reader(self, _topic: str, start: Any, **_options: object) -> Any:
        self.opened.append(start.entry_id())
        fault = self._faults.pop(0) if self._faults else ""
        if fault == "refuses":
            raise pulsar.ConnectError
        return _Reader(self, start.entry_id() + 1, fault)


class _Reader:
    def __init__(self, topic: Topic, first: int, fault: str) -> None:
        self._topic = topic
        self._next = first
        self._fault = fault
        self._has: Callable[[], bool] = lambda: self._next < len(topic.messages)

    def has_message_available(self) -> bool:
        if self._fault == "is away":
            self._fault = ""
            raise pulsar.NotConnected
        if self._fault == "was closed":
            raise pulsar.AlreadyClosed
        return self._has()

    def read_next(self, _timeout_ms: int) -> Any:
        if self._fault == "gives nothing" or not self._has():
            raise pulsar.Timeout
        if self._fault == "gives one twice" and self._next == 2:
            self._fault, self._next = "", 0
        entry = self._next
        self._next += 1
        where = SimpleNamespace(ledger_id=lambda: 7, entry_id=lambda: entry)
        return SimpleNamespace(message_id=lambda: where, data=lambda: self._topic.messages[entry])

    def close(self) -> None:
        self._topic.closed += 1


def opened(topic: Topic, behind: Position = BEGINNING) -> TopicReader:
    client: Any = topic
    return TopicReader(client, "a topic", behind)


@pytest.mark.parametrize("fault", ["", "gives nothing", "gives one twice", "is away"])
def test_all_that_a_topic_holds_is_read_once(fault: str) -> None:
    topic = Topic(fault)
    topic.messages = [b"a", b"b", b"c"]
    reader = opened(topic)
    assert [message.payload for message in reader.take_all()] == topic.messages
    assert reader.take_all() == []
    topic.messages.append(b"d")
    assert [message.at for message in reader.take_all()] == [Position(7, 3)]
    assert topic.closed == len(topic.opened) - 1


def test_a_reader_that_stalls_is_replaced_behind_what_was_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "STALLED_S", 0)
    topic = Topic("gives one twice")
    topic.messages = [b"a", b"b", b"c"]
    reader = opened(topic, Position(7, 0))
    assert [message.payload for message in reader.take(1)] == [b"b", b"c"]
    stalled: Any = reader
    stalled._reader._fault = "gives nothing"
    topic.messages.append(b"d")
    assert reader.take(1) == []
    assert [message.payload for message in reader.take(1)] == [b"d"]
    assert topic.opened == [0, 2]


def test_a_broker_that_refuses_another_reader_is_asked_again() -> None:
    topic = Topic("gives nothing", "refuses")
    topic.messages = [b"a"]
    assert [message.payload for message in opened(topic).take_all()] == [b"a"]
    assert topic.opened == [-1, -1, -1]


def test_no_more_than_a_batch_is_taken() -> None:
    topic = Topic()
    topic.messages = [b"a", b"b", b"c"]
    client: Any = topic
    reader = TopicReader(client, "a topic", BEGINNING, at_once=2)
    assert [len(reader.take(1)) for _ in range(3)] == [2, 1, 0]


def test_the_newest_of_all_is_given_once() -> None:
    topic = Topic("gives nothing")
    reader = opened(topic)
    assert reader.newest() is None
    topic.messages = [b"a", b"b", b"c"]
    newest = reader.newest()
    assert newest is not None
    assert newest.payload == b"c"
    assert reader.newest() is None


def test_a_client_that_was_closed_ends_the_waiting() -> None:
    topic = Topic("was closed")
    with pytest.raises(pulsar.AlreadyClosed):
        opened(topic).take_all()
