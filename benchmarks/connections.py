"""Eight workers, each with a connection and a pair of its own, for ten minutes at 4,000 trades a second.

That is 1,000 of the busiest pair and 100 of the quietest. Nothing may be lost and no connection may break;
the figure is memory at the end beside that after a minute. Venue, workers and broker take all of two cores,
so what only reads on behind them (recorder, sinks' guard, Dagster, the page) is stopped once they stream.
"""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pulsar

from benchmarks import platform
from benchmarks.figure import Figure
from benchmarks.worker import proportional
from candlewick import access, topics
from candlewick.broker import connect
from candlewick.control import collect_live
from candlewick.instruments import AssetClass, Kind, Series
from candlewick.live.events import Channel, Trade, decode
from candlewick.local import programs, supervisor
from candlewick.local.home import Home
from candlewick.local.ports import free_base
from candlewick.settings import Settings
from candlewick.store import Store
from simulators.kraken.testing import RunningKraken, running
from streaming.live.process import CONFIGURATION, Configuration, encode

CONNECTIONS = 8
TOGETHER = 4_000
IDLE = 8
SECONDS = 600
SETTLE_S = 60
LOOK_S = 5
PAIRS = ("BTC/USD", "ETH/USD", "SOL/USD", "XRP/USD", "DOGE/USD", "ADA/USD", "LTC/USD", "DOT/USD")


def run() -> Iterator[Figure]:
    pairs = ",".join(PAIRS)
    with (
        running("--synthetic", "--pairs", pairs, "--rate", str(IDLE), "--rest-rate", "0") as venue,
        platform.started() as settings,
    ):
        token = access.pulsar_token(settings, access.PULSAR_STREAMER)
        series = [
            Series("kraken", pair.replace("/", "").lower(), Kind.TRADES, AssetClass.CRYPTO, 8, 8, "crypto")
            for pair in PAIRS
        ]
        supervisor.stop_program(Home(settings.home), programs.KRAKEN)
        with Store(access.database_url(settings)) as store:
            for one in series:
                collect_live(settings, store, one)
        first_port = free_base(CONNECTIONS)
        workers = [
            _start(settings, venue, one, first_port + number, token) for number, one in enumerate(series)
        ]
        try:
            yield _measure(
                settings, venue, series, [(worker.pid, first_port + n) for n, worker in enumerate(workers)]
            )
        finally:
            for worker in workers:
                worker.terminate()
            for worker in workers:
                worker.wait(30)


def _start(
    settings: Settings, venue: RunningKraken, series: Series, port: int, token: str | None
) -> "subprocess.Popen[bytes]":
    configuration = Configuration(
        venue="kraken",
        home=str(settings.home),
        pulsar_url=access.pulsar_url(settings),
        pulsar_token=token,
        metrics_port=port,
        stream_url=venue.ws_url,
        rest_url=venue.rest_url,
        token=None,
        account=None,
    )
    with Path(settings.home / f"{series.symbol}.log").open("wb") as log:
        return subprocess.Popen(
            [sys.executable, "-m", "benchmarks.connection", series.symbol],
            env={**os.environ, CONFIGURATION: encode(configuration)},
            stdout=log,
            stderr=log,
        )


def _measure(
    settings: Settings, venue: RunningKraken, series: list[Series], workers: list[tuple[int, int]]
) -> Figure:
    deadline = time.monotonic() + 120
    while any(_metric(port, "candlewick_live_published_total") == 0 for _, port in workers):
        if time.monotonic() > deadline:
            raise TimeoutError(f"a worker publishes nothing: see the logs in {settings.home}")
        time.sleep(0.5)
    for name in supervisor.states(Home(settings.home)).keys() - set(programs.SERVERS):
        supervisor.stop_program(Home(settings.home), name)
    before = [_metric(port, "candlewick_live_reconnects_total") for _, port in workers]
    firsts = [_next_id(venue, pair) for pair in PAIRS]
    venue.set_rate(TOGETHER)
    time.sleep(SETTLE_S)
    settled = [proportional(pid) for pid, _ in workers]
    time.sleep(SECONDS - SETTLE_S)
    busy = [proportional(pid) for pid, _ in workers]
    ends = [_next_id(venue, pair) for pair in PAIRS]
    venue.set_rate(IDLE)
    behind_s = _catch_up([port for _, port in workers])
    # Before the venue is asked for all that it sent: while it answers, it is silent for seconds.
    after = [_metric(port, "candlewick_live_reconnects_total") for _, port in workers]
    causes = _causes([port for _, port in workers])
    lost = doubled = 0
    for one, pair, first, end in zip(series, PAIRS, firsts, ends, strict=True):
        missing, again = _judge(settings, one, set(venue.truth(pair, from_id=first, to_id=end - 1).ids))
        lost += missing
        doubled += again
    return Figure(
        "connections",
        max(busy),
        "MiB PSS",
        max(settled),
        better="lower",
        detail={
            "trades": sum(ends) - sum(firsts),
            "per_second": round((sum(ends) - sum(firsts)) / SECONDS),
            "behind_s": round(behind_s),
            "lost": lost,
            "doubled": doubled,
            "reconnects": sum(after) - sum(before),
            "causes": causes,
            "each_MiB": [round(one, 1) for one in busy],
            "gaps": sum(_metric(port, "candlewick_live_gaps_total") for _, port in workers),
        },
    )


def _next_id(venue: RunningKraken, pair: str) -> int:
    """The id of the next trade; asked with one of them, not the last hundred thousand."""
    return venue.truth(pair, from_id=1, to_id=1).next_id


def _catch_up(ports: list[int]) -> float:
    """Waits until no more is published than comes; seconds, since two cores may be too few for all of it."""
    began, before = time.monotonic(), 0.0
    while time.monotonic() - began < SECONDS:
        published = sum(_metric(port, "candlewick_live_published_total") for port in ports)
        if published - before < 10 * IDLE * LOOK_S:
            return time.monotonic() - began - LOOK_S
        before = published
        time.sleep(LOOK_S)
    raise TimeoutError("the workers do not catch up with the venue")


def _judge(settings: Settings, series: Series, wanted_ids: set[int]) -> tuple[int, int]:
    """How many of these trades the topic lacks, and how many it has again."""
    client = connect(
        access.pulsar_url(settings), access.pulsar_token(settings, access.PULSAR_READER), log=os.devnull
    )
    reader = client.create_reader(
        topics.live_topic(series, Channel.TRADES), pulsar.MessageId.earliest, receiver_queue_size=5000
    )
    seen: set[int] = set()
    again = 0
    while reader.has_message_available():
        event = decode(Channel.TRADES, reader.read_next(10_000).data())
        if isinstance(event, Trade):
            again += event.trade_id in seen
            seen.add(event.trade_id)
    client.close()
    return len(wanted_ids - seen), again


def _causes(ports: list[int]) -> dict[str, float]:
    """How often connections ended, by cause, since the workers started."""
    found: dict[str, float] = {}
    for port in ports:
        text = httpx.get(f"http://127.0.0.1:{port}/metrics", trust_env=False).text
        for cause, value in re.findall(
            r'^candlewick_live_reconnects_total\{[^}]*cause="([^"]*)"[^}]*\} (\S+)$', text, re.M
        ):
            found[cause] = found.get(cause, 0.0) + float(value)
    return found


def _metric(port: int, name: str) -> float:
    """The sum of a metric's samples; 0 before the worker listens."""
    try:
        text = httpx.get(f"http://127.0.0.1:{port}/metrics", trust_env=False).text
    except httpx.TransportError:
        return 0.0
    return sum(float(value) for value in re.findall(rf"^{name}(?:\{{.*\}})? (\S+)$", text, re.MULTILINE))
