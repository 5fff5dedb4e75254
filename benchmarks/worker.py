"""The worker of Kraken at 1,000 trades a second: CPU, memory, and latency beside a bare producer.

A simulated venue, a real broker, the worker as the process that the platform runs. The limit of its CPU is
a producer that does nothing but send the same bytes at the same pace; of its latency from receipt to
acknowledgement, twice that producer's p99.
"""

import asyncio
import os
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil

from benchmarks import platform
from benchmarks.figure import Figure, percentile
from candlewick import access
from candlewick.broker import close, connect, json_schema
from candlewick.bus_admin import BusAdmin
from candlewick.control import collect_live
from candlewick.instruments import AssetClass, Kind, Series
from candlewick.live.events import DEFINITIONS, Channel, Trade
from candlewick.local import programs, supervisor
from candlewick.local.home import Home
from candlewick.settings import Settings
from candlewick.store import Store
from candlewick.topics import live_topic
from simulators.kraken.testing import running
from streaming.live.outbox import Outbox, make_producer

RATE = 1000
SECONDS = 20.0
SETTLE_S = 15.0
SERIES = Series("kraken", "btcusd", Kind.TRADES, AssetClass.CRYPTO, 5, 8, "crypto")
BARE = Series("kraken", "bareusd", Kind.TRADES, AssetClass.CRYPTO, 5, 8, "crypto")


class Latencies:
    """Seconds from sending to acknowledgement."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def acknowledged(self, size: int, seconds: float) -> None:
        del size
        self.seconds.append(seconds)


def run() -> Iterator[Figure]:
    with (
        running("--synthetic", "--pairs", "BTC/USD", "--rest-rate", "0") as venue,
        platform.started(kraken_ws_url=venue.ws_url, kraken_rest_url=venue.rest_url) as settings,
    ):
        with Store(access.database_url(settings)) as store:
            collect_live(settings, store, SERIES)
        token = access.pulsar_token(settings, access.PULSAR_ADMIN)
        with BusAdmin(access.pulsar_admin_url(settings), token) as admin:
            # No row of the table: the worker leaves it alone.
            admin.ensure_live(BARE)
        pid = supervisor.states(Home(settings.home))[programs.KRAKEN].pid
        time.sleep(SETTLE_S)
        idle = proportional(pid)
        venue.set_rate(RATE)
        time.sleep(SETTLE_S)
        before, lag_before = _cpu(pid), _histogram(settings)
        time.sleep(SECONDS)
        spent = _cpu(pid) - before
        lag = _since(lag_before, _histogram(settings))
        busy = proportional(pid)
        count = sum(lag.values())
        bare_cpu, bare = asyncio.run(_bare(settings))
        ours_p50, ours_p99 = _quantile(lag, 0.5), _quantile(lag, 0.99)
        yield Figure(
            "worker CPU",
            spent / count * 1e6,
            "CPU-s/M",
            bare_cpu / len(bare) * 1e6,
            better="lower",
            detail={"messages": int(count), "rate": round(count / SECONDS)},
        )
        yield Figure(
            "worker p99",
            ours_p99 * 1000,
            "ms",
            2 * percentile(bare, 0.99) * 1000,
            better="lower",
            detail={
                "p50_ms": round(ours_p50 * 1000, 1),
                "bare_p50_ms": round(percentile(bare, 0.5) * 1000, 1),
                "bare_p99_ms": round(percentile(bare, 0.99) * 1000, 1),
            },
        )
        yield Figure(
            "worker memory", busy, "MiB PSS", 49.0, better="lower", detail={"idle_MiB": round(idle, 1)}
        )


async def _bare(settings: Settings) -> tuple[float, list[float]]:
    """CPU seconds and latencies of a producer that sends one ready event at the same pace."""
    token = access.pulsar_token(settings, access.PULSAR_STREAMER)
    client = connect(access.pulsar_url(settings), token, log=os.devnull)
    latencies = Latencies()
    topic = live_topic(BARE, Channel.TRADES)
    producer = make_producer(client, topic, json_schema(DEFINITIONS[Channel.TRADES]), BARE.name)
    outbox = Outbox(topic, producer, latencies)
    trade = Trade(time.time_ns(), time.time_ns(), 1, 6231010000, 1250000, 1, 5, 8)
    began, cpu = time.perf_counter(), time.process_time()
    sent = 0
    while (passed := time.perf_counter() - began) < SECONDS:
        while sent < passed * RATE:
            await outbox.send(trade)
            sent += 1
        await asyncio.sleep(0.001)
    await outbox.drain(10)
    spent = time.process_time() - cpu
    await asyncio.to_thread(close, client)
    return spent, latencies.seconds


def _cpu(pid: int) -> float:
    times = psutil.Process(pid).cpu_times()
    return float(times.user + times.system)


def proportional(pid: int) -> float:
    """Proportional set size in MiB."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


Histogram = dict[float, float]


def _histogram(settings: Settings) -> Histogram:
    """Counts by upper bound of the worker's own histogram of publishing, cumulative."""
    text = httpx.get(f"http://127.0.0.1:{settings.ports.kraken}/metrics", trust_env=False).text
    found: Histogram = {}
    for line in text.splitlines():
        if line.startswith("candlewick_live_publish_lag_seconds_bucket") and SERIES.name in line:
            bound = line.partition('le="')[2].partition('"')[0]
            found[float(bound)] = float(line.rpartition(" ")[2])
    return found


def _since(before: Histogram, after: Histogram) -> Histogram:
    """Counts in each bucket between two looks."""
    found: Histogram = {}
    previous = 0.0
    for bound in sorted(after):
        cumulative = after[bound] - before.get(bound, 0.0)
        found[bound] = cumulative - previous
        previous = cumulative
    return found


def _quantile(counts: Histogram, share: float) -> float:
    """The upper bound of the bucket that holds the quantile: never too good."""
    wanted, seen = share * sum(counts.values()), 0.0
    for bound, count in sorted(counts.items()):
        seen += count
        if seen >= wanted:
            return bound
    return float("inf")
