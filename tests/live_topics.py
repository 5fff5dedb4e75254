"""A venue's worker without a venue: says on the topics of a series what a real one would say."""

import queue
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import pulsar

from candlewick import access, topics
from candlewick.broker import close, connect, json_schema
from candlewick.bus_admin import BusAdmin
from candlewick.control import collect_live
from candlewick.instruments import AssetClass, Kind, Series
from candlewick.live import continuity, events
from candlewick.live.continuity import Continuity, Saying
from candlewick.live.events import Channel, Quote, Trade
from candlewick.position import Position
from candlewick.settings import Settings
from candlewick.store import Store
from candlewick.times import HOUR_US, SECOND_US
from streaming.live.outbox import make_producer

SECOND_NS = SECOND_US * 1000
ACKNOWLEDGED_S = 60.0
"""How long a broker that was killed may take to come back."""
HOUR_NS = HOUR_US * 1000


def live_series(kind: Kind = Kind.TRADES, venue: str = "kraken", calendar: str = "crypto") -> Series:
    """A series that no other test has."""
    return Series(venue, f"t{secrets.token_hex(4)}", kind, AssetClass.CRYPTO, 1, 8, calendar)


def trade(ns: int, trade_id: int, origin: str = "stream") -> Trade:
    """The trade of that id: its content follows from the id."""
    return Trade(
        ns, ns, trade_id, 620_000 + trade_id % 977, 10_000 + trade_id % 10_007, 1 - 2 * (trade_id % 2), 1, 8,
        origin=origin, publish_ns=ns,
    )  # fmt: skip


def quote(ns: int, number: int) -> Quote:
    bid = 620_000 + number % 977
    return Quote(ns, ns, bid, bid + 1, 1 + number % 5, 1 + number % 7, 1, 8, publish_ns=ns)


class Voice:
    """The producers of one series."""

    def __init__(self, client: pulsar.Client, series: Series) -> None:
        self.series = series
        self.sent: list[Trade | Quote] = []
        self.last: Position | None = None
        channel = Channel(series.kind.value)
        topic = topics.live_topic(series, channel)
        self._live = make_producer(client, topic, json_schema(events.DEFINITIONS[channel]), series.name)
        self._records = make_producer(
            client,
            topics.continuity_topic(topic),
            json_schema(continuity.DEFINITION),
            f"{series.name}:continuity",
        )
        self._last_id: pulsar.MessageId | None = None

    def tell(self, said: Iterable[Trade | Quote]) -> None:
        """Events, all acknowledged on return."""
        # Acknowledgements come in a thread of the client library, in order.
        results: queue.SimpleQueue[tuple[object, pulsar.MessageId]] = queue.SimpleQueue()
        count = 0
        for event in said:
            self.sent.append(event)
            count += 1
            self._live.send_async(events.encode(event), lambda *result: results.put(result))
        for _ in range(count):
            result, last = results.get(timeout=ACKNOWLEDGED_S)
            assert result == pulsar.Result.Ok, f"not acknowledged: {result}"
            self.last = Position(last.ledger_id(), last.entry_id())

    def gap(self, from_ns: int, to_ns: int, ids: tuple[int | None, int | None] = (None, None)) -> Continuity:
        return self._say(Saying.GAP, from_ns, to_ns, *ids)

    def filled(self, gap: Continuity) -> Continuity:
        return self._say(Saying.FILLED, *gap.bounds)

    def complete(self, to_ns: int, from_ns: int = 0) -> Continuity:
        return self._say(Saying.COMPLETE, from_ns, to_ns)

    def _say(
        self, kind: Saying, from_ns: int, to_ns: int, first: int | None = None, last: int | None = None
    ) -> Continuity:
        position = "" if kind is Saying.FILLED else str(self.last or "")
        record = Continuity(kind, from_ns, to_ns, first, last, position, "test", to_ns)
        self._records.send(events.encode(record))
        return record


class Worker:
    """Voices for series of one platform."""

    def __init__(self, settings: Settings, client: pulsar.Client, store: Store) -> None:
        self._settings = settings
        self._client = client
        self._store = store
        self.series: list[Series] = []

    def voice(self, series: Series | None = None) -> Voice:
        """Collects a series, by default a new one of trades, and speaks for it."""
        series = series or live_series()
        collect_live(self._settings, self._store, series)
        self.series.append(series)
        return Voice(self._client, series)


@contextmanager
def worker(settings: Settings, store: Store) -> Iterator[Worker]:
    token = access.pulsar_token(settings, access.PULSAR_STREAMER)
    client = connect(access.pulsar_url(settings), token, log="/dev/null")
    made = Worker(settings, client, store)
    try:
        yield made
    finally:
        close(client)
        with BusAdmin(
            access.pulsar_admin_url(settings), access.pulsar_token(settings, access.PULSAR_ADMIN)
        ) as admin:
            for series in made.series:
                admin.delete_series(series)
