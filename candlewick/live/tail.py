"""What is published of a live series, as it happens or from a moment on: events, and marks of gaps."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pulsar

from candlewick import topics
from candlewick.broker import refused
from candlewick.instruments import Series
from candlewick.live import continuity, events, wanted
from candlewick.live.continuity import Continuity, Saying
from candlewick.live.events import Channel, Event
from candlewick.position import Position

_WAIT_MS = 200
_MARKS = {Saying.GAP, Saying.FILLED}


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A message that is none of ours."""

    problem: str


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether workers are to stream the series from now on: it was paused or removed, or resumed."""

    streamed: bool


Happening = Event | Continuity | Unreadable | Standing
Since = Callable[[str], Position]


class _Source:
    """One topic, a message ahead, so that two of them can be put in the order of publishing."""

    def __init__(self, reader: pulsar.Reader, decode: Callable[[bytes], Happening]) -> None:
        self._reader = reader
        self._decode = decode
        self._next: tuple[int, Happening] | None = None
        # Without this question a reader that begins at the end passes over the first message that comes.
        reader.has_message_available()

    def peek(self, wait_ms: int = 0) -> int | None:
        """When its next message was published, milliseconds since 1970; None while there is none."""
        if self._next is None and (wait_ms or self._reader.has_message_available()):
            try:
                message = self._reader.read_next(wait_ms or 10 * _WAIT_MS)
            except pulsar.Timeout:
                return None
            try:
                happening = self._decode(bytes(message.data()))
            except ValueError as error:
                happening = Unreadable(str(error))
            self._next = message.publish_timestamp(), happening
        return None if self._next is None else self._next[0]

    def take(self) -> Happening | None:
        found, self._next = self._next, None
        return None if found is None else found[1]


def follow(
    client: pulsar.Client,
    series: Series,
    *,
    since: Since | None,
    marks: bool,
    streamed: bool = True,
) -> Iterator[Happening]:
    """What is published of a series, in that order, without end; also when it begins to rest, or goes on.

    Args:
        since: behind which message of a topic to begin; None: from now.
        streamed: whether the series is, when this begins.
        marks: also say where a gap was found and where one was filled.

    Raises:
        BusError: the broker refuses, or does not answer; names the topic.
    """
    channel = Channel(series.kind.value)
    topic = topics.live_topic(series, channel)
    with ExitStack() as stack:
        live = _source(stack, client, topic, since, lambda data: events.decode(channel, data))
        resting = _source(stack, client, topics.WANTED_TOPIC, None, lambda data: _standing(series, data))
        sources = [live]
        if marks:
            records = topics.continuity_topic(topic)
            sources.append(_source(stack, client, records, since, continuity.decode))
        while True:
            try:
                ready = [(at, number) for number, one in enumerate(sources) if (at := one.peek()) is not None]
                if not ready:
                    # Each look is a question to the broker; while events come, it is streamed.
                    standing = resting.take() if resting.peek() is not None else None
                    if isinstance(standing, Standing) and standing.streamed != streamed:
                        streamed = standing.streamed
                        yield standing
                    live.peek(_WAIT_MS)
                    continue
            except pulsar.PulsarException as error:
                raise refused(topic, error) from error
            happening = sources[min(ready)[1]].take()
            if isinstance(happening, Continuity) and happening.kind not in _MARKS:
                continue
            if happening is not None:
                yield happening


def _standing(series: Series, data: bytes) -> Standing:
    name = (series.venue, series.symbol, series.kind.value)
    return Standing(any((one.venue, one.symbol, one.kind) == name for one in wanted.decode(data).series))


def _source(
    stack: ExitStack,
    client: pulsar.Client,
    topic: str,
    since: Since | None,
    decode: Callable[[bytes], Happening],
) -> _Source:
    try:
        start = pulsar.MessageId.latest
        if since is not None:
            behind = since(topic)
            start = pulsar.MessageId(-1, behind.ledger, behind.entry, -1)
        reader = client.create_reader(topic, start)
        stack.callback(reader.close)
        return _Source(reader, decode)
    except pulsar.PulsarException as error:
        raise refused(topic, error) from error
