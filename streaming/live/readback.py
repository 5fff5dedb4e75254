"""What a series' own topics say of where it stood, read when a worker takes it over."""

import time
from collections.abc import Iterator, Mapping
from itertools import pairwise

import pulsar

from candlewick.live import continuity
from candlewick.live.continuity import Continuity, Saying
from candlewick.live.events import Channel, Quote, Trade, decode
from candlewick.position import Position
from streaming.live.ledger import OpenGap, QuoteLedger, TradeLedger, by_our_clock

LOOK_BACK_MS = 2 * 3600 * 1000
"""How much of the continuity before its last record is read: gaps that are still open are filled then."""

_READ_MS = 10_000


def trade_ledger(
    client: pulsar.Client, live_topic: str, continuity_topic: str
) -> tuple[TradeLedger, Position | None]:
    """A trade series as its topics have it, and where the last message of its live topic lies.

    Call it once the producers are attached: what an earlier worker had on its way is in the topic by then,
    or never will be.

    Raises:
        pulsar.PulsarException: the broker does not answer.
    """
    records = _records(client, continuity_topic)
    complete = _last_complete(records)
    gaps = _open_gaps(records)
    # What has come of a gap since it was opened is in the topic, and is not to be asked for again.
    since = [gap.record for gap in gaps if not gap.given_up]
    times: dict[int, int] = {}
    event_ns: int | None = None
    end: Position | None = None
    for message in _messages(client, live_topic, _from([complete, *since])):
        end = _position(message)
        event = decode(Channel.TRADES, message.data())
        if isinstance(event, Trade):
            times[event.trade_id] = event.exchange_ns
            event_ns = max(event_ns or 0, by_our_clock(event.exchange_ns, event.receive_ns))
            for gap in gaps:
                gap.take(event.trade_id)
    said = [complete.last_id] if complete and complete.last_id is not None else []
    last_id = max([*times, *said], default=None)
    ledger = TradeLedger(last_id, gaps=[gap for gap in gaps if gap.missing])
    ledger.resume_from(event_ns, complete.to_ns if complete else None)
    for first, last in _holes(complete, times, records):
        bounds = times.get(first - 1, complete.from_ns if complete else times[last + 1]), times[last + 1]
        ledger.reopen(bounds, (first, last), time.time_ns())
    return ledger, end


def _holes(
    complete: Continuity | None, times: Mapping[int, int], records: list[Continuity]
) -> list[tuple[int, int]]:
    """Ranges of ids that the topic lacks behind the last `complete`, and of which no gap has been said."""
    start = complete.last_id if complete and complete.last_id is not None else None
    ids = sorted(trade_id for trade_id in times if start is None or trade_id > start)
    known = [(r.first_id, r.last_id) for r in records if r.kind == Saying.GAP and r.last_id is not None]
    holes = []
    for before, after in pairwise([*([start] if start is not None else []), *ids]):
        hole = before + 1, after - 1
        if hole[0] <= hole[1] and not any((a or 0) <= hole[0] and hole[1] <= (b or 0) for a, b in known):
            holes.append(hole)
    return holes


def quote_ledger(
    client: pulsar.Client, live_topic: str, continuity_topic: str, *, by_time: bool
) -> tuple[QuoteLedger, Position | None]:
    """A series of quotes as its topics have it; otherwise like `trade_ledger`."""
    complete = _last_complete(_records(client, continuity_topic))
    last: Quote | None = None
    event_ns: int | None = None
    end: Position | None = None
    for message in _messages(client, live_topic, _from([complete])):
        end = _position(message)
        event = decode(Channel.QUOTES, message.data())
        if isinstance(event, Quote):
            last = event
            event_ns = max(event_ns or 0, by_our_clock(event.exchange_ns, event.receive_ns))
    ledger = QuoteLedger(last, by_time=by_time)
    ledger.resume_from(event_ns, complete.to_ns if complete else None)
    return ledger, end


def _records(client: pulsar.Client, topic: str) -> list[Continuity]:
    last = next(_messages(client, topic, None), None)
    if last is None:
        return []
    return [
        continuity.decode(message.data())
        for message in _messages(client, topic, last.publish_timestamp() - LOOK_BACK_MS)
    ]


def _last_complete(records: list[Continuity]) -> Continuity | None:
    return next((record for record in reversed(records) if record.kind == Saying.COMPLETE), None)


def _open_gaps(records: list[Continuity]) -> list[OpenGap]:
    gaps: dict[tuple[int, int, int | None, int | None], Continuity] = {}
    for record in records:
        if record.kind == Saying.GAP:
            gaps[record.bounds] = record
        elif record.kind == Saying.FILLED:
            gaps.pop(record.bounds, None)
    return [OpenGap.of(record) for record in gaps.values()]


def _from(records: list[Continuity | None]) -> Position | int:
    """Where to begin in the live topic: at the earliest position of records; 0 is the topic's beginning."""
    positions = [Position.parse(record.position) if record else None for record in records]
    known = [position for position in positions if position is not None]
    return min(known) if len(known) == len(positions) else 0


def _messages(client: pulsar.Client, topic: str, start: Position | int | None) -> Iterator[pulsar.Message]:
    """Messages from a position or publish time (milliseconds) up to the present end; None: the last one."""
    if isinstance(start, Position):
        begin = pulsar.MessageId(-1, start.ledger, start.entry, -1)
    else:
        begin = pulsar.MessageId.latest if start is None else pulsar.MessageId.earliest
    reader = client.create_reader(topic, begin, start_message_id_inclusive=True)
    try:
        if isinstance(start, int) and start > 0:
            reader.seek(start)
        end = time.monotonic() + 60
        while reader.has_message_available() and time.monotonic() < end:
            yield reader.read_next(_READ_MS)
    finally:
        reader.close()


def _position(message: pulsar.Message) -> Position:
    found = message.message_id()
    return Position(found.ledger_id(), found.entry_id())
