"""Events handed to a real broker: their order, their bound, and that none stays behind."""

import asyncio
import os
from collections.abc import Iterator

import pulsar
import pytest

from candlewick import access, topics
from candlewick.broker import close, connect, json_schema
from candlewick.bus_admin import BusAdmin
from candlewick.instruments import Series
from candlewick.live.events import DEFINITIONS, Channel, Trade, decode
from candlewick.settings import Settings
from streaming.live import outbox
from streaming.live.outbox import LINGER_S, LostProducerError, Outbox, make_producer
from tests.event_loop import in_a_loop
from tests.live_topics import live_series, trade


@pytest.fixture
def client(servers: Settings) -> Iterator[pulsar.Client]:
    made = connect(
        access.pulsar_url(servers), access.pulsar_token(servers, access.PULSAR_ADMIN), log=os.devnull
    )
    yield made
    close(made)


@pytest.fixture
def series(servers: Settings) -> Iterator[Series]:
    """A series with topics of its own."""
    made = live_series()
    token = access.pulsar_token(servers, access.PULSAR_ADMIN)
    with BusAdmin(access.pulsar_admin_url(servers), token) as admin:
        admin.ensure_namespaces()
        admin.ensure_live(made)
        yield made
        admin.delete_series(made)


@pytest.fixture
def topic(series: Series) -> str:
    return topics.live_topic(series, Channel.TRADES)


@pytest.fixture
def producer(client: pulsar.Client, series: Series, topic: str) -> pulsar.Producer:
    return make_producer(client, topic, json_schema(DEFINITIONS[Channel.TRADES]), series.name)


class Acknowledged:
    """What an observer is told."""

    def __init__(self) -> None:
        self.sizes: list[int] = []

    def acknowledged(self, size: int, seconds: float) -> None:
        assert seconds > 0
        self.sizes.append(size)


def ids(client: pulsar.Client, topic: str) -> list[int]:
    """The trades of a topic, in its order."""
    reader = client.create_reader(topic, pulsar.MessageId.earliest)
    found: list[int] = []
    while reader.has_message_available():
        event = decode(Channel.TRADES, reader.read_next(10_000).data())
        assert isinstance(event, Trade)
        found.append(event.trade_id)
    return found


@in_a_loop
async def test_events_keep_their_order_within_the_bound(
    client: pulsar.Client, topic: str, producer: pulsar.Producer
) -> None:
    told, deepest = Acknowledged(), 0
    made = Outbox(topic, producer, told, limit=50)
    for number in range(1000):
        await made.send(trade(1, number))
        deepest = max(deepest, made.depth)
        if number % 7 == 0:
            # As frames come: some together, some apart.
            await asyncio.sleep(LINGER_S / 5)
    await made.settled()
    assert ids(client, topic) == list(range(1000))
    assert (made.sent, made.acknowledged, len(told.sizes)) == (1000, 1000, 1000)
    assert deepest <= 50


@pytest.fixture
def lingering(monkeypatch: pytest.MonkeyPatch) -> None:
    """Events linger long enough for a busy machine to see them do so."""
    monkeypatch.setattr(outbox, "LINGER_S", 0.5)


@pytest.mark.usefixtures("lingering")
@in_a_loop
async def test_a_lone_event_does_not_wait_for_others(topic: str, producer: pulsar.Producer) -> None:
    made = Outbox(topic, producer)
    await made.send(trade(1, 1))
    assert not made.lingering
    await made.send(trade(1, 2))
    assert made.lingering
    async with asyncio.timeout(5):
        while made.lingering:
            await asyncio.sleep(0)


@pytest.mark.usefixtures("lingering")
@in_a_loop
async def test_nothing_stays_behind_a_drain(
    client: pulsar.Client, topic: str, producer: pulsar.Producer
) -> None:
    made = Outbox(topic, producer)
    for number in range(3):
        await made.send(trade(1, number))
    assert made.lingering
    assert await made.drain(10)
    assert ids(client, topic) == [0, 1, 2]


@in_a_loop
async def test_an_ended_producer_is_told(topic: str, producer: pulsar.Producer) -> None:
    made = Outbox(topic, producer)
    await made.close()
    await made.send(trade(1, 1))
    with pytest.raises(LostProducerError):
        await made.settled()
