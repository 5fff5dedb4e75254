"""A broker that does not answer for longer than a venue may be silent, in the middle of a busy stream."""

import os
import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from candlewick.instruments import AssetClass, Kind, Series
from candlewick.local import programs, supervisor
from candlewick.local.home import Home
from simulators.kraken.testing import RunningKraken, running
from streaming.live.outbox import LIMIT
from streaming.venues.kraken import Kraken
from tests.conftest import make_settings, temporary_home
from tests.conftest import running as running_servers
from tests.live import Bench, bench
from tests.waiting import until

TRADES = Series("kraken", "btcusd", Kind.TRADES, AssetClass.CRYPTO, 5, 8, "crypto")
QUOTES = Series("kraken", "btcusd", Kind.QUOTES, AssetClass.CRYPTO, 5, 8, "crypto")
IDLE, BUSY = 2, 400


@pytest.fixture
def venue() -> Iterator[RunningKraken]:
    with running("--synthetic", "--pairs", "BTC/USD", "--rate", str(IDLE), "--rest-rate", "0") as ready:
        yield ready


@pytest.fixture
def streams(tmp_path: Path) -> Iterator[Bench]:
    """Series on a broker of the test's own."""
    with (
        temporary_home() as home,
        running_servers(make_settings(home), programs.PULSAR) as settings,
        bench(settings, tmp_path) as made,
    ):
        made.want(TRADES, QUOTES)
        yield made


def next_id(venue: RunningKraken) -> int:
    """The id of the venue's next trade, without the others being told."""
    return venue.truth(from_id=1, to_id=1).next_id


def test_it_holds_the_venue_back_and_nothing_is_lost(streams: Bench, venue: RunningKraken) -> None:
    worker = streams.start("kraken", kraken_ws_url=venue.ws_url, kraken_rest_url=venue.rest_url)
    worker.await_health("streaming 2 series", 120)
    reconnects = worker.metric("candlewick_live_reconnects_total")
    broker = supervisor.states(Home(streams.settings.home))[programs.PULSAR].pid
    venue.set_rate(BUSY)
    first = next_id(venue)

    def passed(count: int) -> None:
        seen = next_id(venue)
        until(
            f"{count} more trades",
            lambda: next_id(venue) >= seen + count,
            10 + 2 * count / BUSY,
        )

    passed(BUSY)
    os.kill(broker, signal.SIGSTOP)
    try:
        passed(int(BUSY * (LIMIT / BUSY + Kraken.silent_s + 3)))
        assert worker.metric("candlewick_live_queue_depth", series=TRADES.name) <= LIMIT
        assert not worker.health()["healthy"], "it says so while nothing is acknowledged"
        assert "Pulsar" in worker.health()["summary"]
    finally:
        os.kill(broker, signal.SIGCONT)
    passed(BUSY)
    last = next_id(venue)
    venue.set_rate(IDLE)
    wanted = range(first, last)
    until(
        f"every trade; see {worker.log}",
        lambda: set(wanted) <= {trade.trade_id for trade in streams.trades(TRADES)},
        90,
    )
    counts = Counter(trade.trade_id for trade in streams.trades(TRADES))
    assert [number for number in wanted if counts[number] != 1] == []
    assert worker.metric("candlewick_live_reconnects_total") == reconnects, worker.log.read_text()[-4000:]
    worker.await_health("streaming 2 series")
