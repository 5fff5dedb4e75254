"""Ticks a second from numpy columns to acknowledged hour messages.

The limit is the broker's: the same messages, encoded beforehand and sent without a look at them.
"""

import time
from collections.abc import Iterator

import pulsar

from benchmarks.figure import Figure
from benchmarks.inputs import another, hours_of, weekdays
from benchmarks.platform import started
from candlewick import access, messages
from candlewick.broker import avro
from candlewick.bus import Bus
from candlewick.bus_admin import BusAdmin
from candlewick.hours import Hour
from candlewick.instruments import Kind, Series
from candlewick.settings import Settings
from candlewick.topics import hour_topic

DAYS = 8
REPEAT = 3


def run() -> Iterator[Figure]:
    with started() as settings:
        yield from measure(settings)


def measure(settings: Settings) -> Iterator[Figure]:
    ours, bare = another("benchpublish"), another("benchraw")
    token = access.pulsar_token(settings, access.PULSAR_ADMIN)
    with BusAdmin(access.pulsar_admin_url(settings), token) as admin:
        # The series are in no database: the sink must not compete for the cores.
        admin.delete_sink(Kind.QUOTES)
        admin.ensure_series(ours)
        admin.ensure_series(bare)
    days = weekdays(DAYS)
    hours, raw = list(hours_of(ours, days)), list(hours_of(bare, days))
    payloads = [messages.encode(hour) for hour in raw]
    ticks = sum(len(hour.ticks) for hour in hours)
    pairs = [(_publish(settings, ours, hours), _send(settings, bare, payloads)) for _ in range(REPEAT)]
    seconds, limit = (min(column) for column in zip(*pairs, strict=True))
    yield Figure(
        "publish",
        ticks / seconds,
        "ticks/s",
        ticks / limit,
        detail={"ticks": ticks, "messages": len(hours), "bytes": sum(map(len, payloads))},
    )


def _publish(settings: Settings, series: Series, hours: list[Hour]) -> float:
    with Bus(access.pulsar_url(settings), access.pulsar_token(settings, access.PULSAR_PUBLISHER)) as bus:
        bus.publish_hours(series, hours[:1])
        began = time.perf_counter()
        bus.publish_hours(series, hours)
        return time.perf_counter() - began


def _send(settings: Settings, series: Series, payloads: list[bytes]) -> float:
    token = access.pulsar_token(settings, access.PULSAR_PUBLISHER)
    client = pulsar.Client(
        access.pulsar_url(settings), authentication=pulsar.AuthenticationToken(token) if token else None
    )
    try:
        producer = client.create_producer(
            hour_topic(series),
            schema=avro(messages.DEFINITIONS[Kind.QUOTES]),
            compression_type=pulsar.CompressionType.LZ4,
            batching_enabled=False,
            chunking_enabled=True,
            block_if_queue_full=True,
        )
        producer.send(payloads[0])
        began = time.perf_counter()
        for payload in payloads:
            producer.send_async(payload, None)
        producer.flush()
        return time.perf_counter() - began
    finally:
        client.close()
