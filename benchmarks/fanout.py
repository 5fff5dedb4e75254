"""Two hundred browsers on one live stream at a hundred events a second.

Figure: how much later than a bare reader of the topic a browser has an event, the 99th percentile over all
events and browsers; limit: the bare reader's own 99th percentile, from publication to receipt. One browser
more never reads.
"""

import asyncio
import re
import socket
import threading
import time
from bisect import bisect_left
from collections.abc import Iterator
from contextlib import ExitStack, closing

import orjson
import psutil
import pulsar

from benchmarks.figure import Figure, percentile
from benchmarks.platform import process_of, serving
from candlewick import access, topics
from candlewick.broker import close, connect, json_schema
from candlewick.bus_admin import BusAdmin
from candlewick.instruments import AssetClass, Kind, Series
from candlewick.live.events import DEFINITIONS, Channel, Trade, encode
from candlewick.local import programs
from candlewick.settings import Settings
from candlewick.store import Store

BROWSERS = 200
PER_S = 100
SECONDS = 20
SERIES = Series("kraken", "benchusd", Kind.TRADES, AssetClass.CRYPTO, 5, 8, "crypto")


def run() -> Iterator[Figure]:
    with serving(*programs.SERVERS) as settings:
        token = access.pulsar_token(settings, access.PULSAR_ADMIN)
        with BusAdmin(access.pulsar_admin_url(settings), token) as admin:
            admin.ensure_namespaces()
            admin.ensure_live(SERIES)
        with Store(access.database_url(settings)) as store:
            store.add_series(SERIES)
        process = process_of(settings, programs.WEB)
        bare: list[float] = []
        reader = threading.Thread(target=_read, args=(settings, bare))
        reader.start()
        added, memory = asyncio.run(_watch(settings, process))
        reader.join()
        limit = percentile(bare, 0.99) * 1000
        seen = percentile(added, 0.99) * 1000
        detail: dict[str, object] = {
            "browsers": BROWSERS,
            "events": len(bare),
            "received": len(added),
            "of": len(bare) * BROWSERS,
            "seen_p50_ms": round(percentile(added, 0.5) * 1000, 1),
            "seen_p99_ms": round(seen, 1),
            "memory_mb": [round(one / 1e6) for one in memory],
        }
        yield Figure("fanout p99 added", seen - limit, "ms", limit, "lower", detail)


def _publish(settings: Settings) -> None:
    """Trades at an even pace, their time that of their publication."""
    token = access.pulsar_token(settings, access.PULSAR_STREAMER)
    client = connect(access.pulsar_url(settings), token, log="/dev/null")
    topic = topics.live_topic(SERIES, Channel.TRADES)
    schema = json_schema(DEFINITIONS[Channel.TRADES])
    producer = client.create_producer(topic, schema=schema, batching_enabled=False)
    begin = time.perf_counter()
    for number in range(PER_S * SECONDS):
        time.sleep(max(0.0, begin + number / PER_S - time.perf_counter()))
        now_ns = time.time_ns()
        trade = Trade(now_ns, now_ns, number + 1, 6_500_000_000, 1_000, 1, 5, 8, publish_ns=now_ns)
        producer.send_async(encode(trade), lambda _result, _id: None)
    producer.flush()
    close(client)


def _read(settings: Settings, seconds: list[float]) -> None:
    """The bare reader: from publication to receipt, of every event."""
    token = access.pulsar_token(settings, access.PULSAR_READER)
    client = connect(access.pulsar_url(settings), token, log="/dev/null")
    reader = client.create_reader(topics.live_topic(SERIES, Channel.TRADES), pulsar.MessageId.latest)
    reader.has_message_available()
    while len(seconds) < PER_S * SECONDS:
        message = reader.read_next(60_000)
        seconds.append(time.time() - orjson.loads(message.data())["publish_ns"] / 1e9)
    close(client)


async def _watch(settings: Settings, process: psutil.Process) -> tuple[list[float], list[int]]:
    """Seconds from publication to receipt, of every event at every browser; memory before and after."""
    loop = asyncio.get_running_loop()
    with closing(_asking(settings, receive_buffer=4096)), ExitStack() as open_browsers:
        browsers = []
        for _ in range(BROWSERS):
            sock = open_browsers.enter_context(closing(_asking(settings)))
            _, browser = await loop.create_connection(_Browser, sock=sock)
            browsers.append(browser)
        await asyncio.gather(*(one.answered.wait() for one in browsers))
        before = process.memory_info().rss
        await asyncio.sleep(2)
        await asyncio.to_thread(_publish, settings)
        await asyncio.sleep(2)
        after = process.memory_info().rss
    return [one for browser in browsers for one in browser.seconds()], [before, after]


class _Browser(asyncio.Protocol):
    """Notes what comes and when; it is read afterwards, since two hundred readers would be the bottleneck."""

    def __init__(self) -> None:
        self.answered = asyncio.Event()
        self._ends: list[int] = []
        self._times_us: list[int] = []
        self._received = bytearray()

    def data_received(self, data: bytes) -> None:
        self._received += data
        self._ends.append(len(self._received))
        self._times_us.append(time.time_ns() // 1000)
        self.answered.set()

    def seconds(self) -> Iterator[float]:
        """From the publication of each event to the receipt of its last byte."""
        for line in re.finditer(rb"data: (.*)\n", self._received):
            if b'"time_us"' in line[1]:
                came_us = self._times_us[bisect_left(self._ends, line.end())]
                yield from ((came_us - us) / 1e6 for us in orjson.loads(line[1])["time_us"])


def _asking(settings: Settings, *, receive_buffer: int | None = None) -> socket.socket:
    """A browser that has asked; as it is, it never reads."""
    found = socket.create_connection(("127.0.0.1", settings.ports.web))
    if receive_buffer is not None:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    host = f"127.0.0.1:{settings.ports.web}"
    found.sendall(f"GET /api/chart/{SERIES.name}/live HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
    return found
