"""All that a live venue may do, done to the worker of Kraken: what it did, how fast, what was lost.

One worker lives through all of it, in any order. Each case is judged on the trades between its beginning
and its end: every one that the venue has is in the topic once, and what the venue does not have is a gap.
"""

import signal
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from candlewick.instruments import AssetClass, Kind, Series
from candlewick.settings import Settings
from simulators.kraken.testing import RunningKraken, running
from tests.live import Bench, Worker, bench, open_gaps
from tests.live_faults import Case, Outcome, befall, note
from tests.waiting import until


def series(symbol: str, kind: Kind) -> Series:
    return Series("kraken", symbol, kind, AssetClass.CRYPTO, 5, 8, "crypto")


TRADES = series("btcusd", Kind.TRADES)
QUOTES = series("btcusd", Kind.QUOTES)
OTHER = series("ethusd", Kind.TRADES)


CASES = [
    Case("silent", causes=("silent", "stalled")),
    Case("heartbeats-only", causes=("stalled",)),
    Case("mute:symbol=BTC/USD", says="event=mute"),
    Case("close", causes=("closed 1000",)),
    Case("drop", causes=("dropped",)),
    Case("reset", causes=("dropped",)),
    Case("half-frame", causes=("dropped",)),
    Case("invalid-json", causes=("bad frame",)),
    Case("wrong-types", causes=("bad frame",)),
    Case("unknown-message", "unknown_messages_total"),
    Case("duplicate-trades:for=2", "duplicates"),
    Case("out-of-order:for=2", "gaps_total"),
    Case("skip:symbol=BTC/USD,count=7", "gaps_total"),
    Case("lose:symbol=BTC/USD,count=3", "gaps_total", loses=True),
    Case("throttle:for=3,retry-after=1", causes=("http 429",)),
    Case("unavailable:for=3", causes=("http 503",)),
    Case("reject-upgrade:for=3", causes=("http 403",)),
    Case("maintenance:for=4,close=true"),
    Case("slow-reader:for=8"),
    Case("slow-writer:for=8,bytes=200"),
    Case("clock-jump:for=3,seconds=3600"),
]


@pytest.fixture(scope="module")
def venue() -> Iterator[RunningKraken]:
    with running("--synthetic", "--rate", "2", "--rest-rate", "0") as ready:
        yield ready


@pytest.fixture(scope="module")
def streams(servers: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with bench(servers, tmp_path_factory.mktemp("kraken")) as made:
        made.want(TRADES, OTHER, QUOTES)
        yield made


@pytest.fixture(scope="module")
def worker(streams: Bench, venue: RunningKraken) -> Worker:
    started = streams.start("kraken", kraken_ws_url=venue.ws_url, kraken_rest_url=venue.rest_url)
    # A first start fills its hour: at this pace that is soon done, whatever the minute.
    started.await_health("streaming 3 series", 120)
    venue.set_rate(60)
    return started


@pytest.fixture(autouse=True)
def sound(worker: Worker, venue: RunningKraken) -> None:
    venue.set_faults()
    until(
        f"no gap is being filled; see {worker.log}",
        lambda: worker.health().get("summary") == "streaming 3 series",
        120,  # a first start fills its hour
    )


def trade_ids(streams: Bench, first: int, last: int) -> list[int]:
    return [trade.trade_id for trade in streams.trades(TRADES) if first <= trade.trade_id <= last]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.rule.partition(":")[0])
def test_a_fault_is_noticed_and_nothing_is_lost(
    case: Case, streams: Bench, venue: RunningKraken, worker: Worker
) -> None:
    first = venue.truth().next_id
    connections = {connection["number"] for connection in venue.connections()}
    noticed, recovered = befall(case, venue, worker, TRADES)
    last = venue.truth().next_id + 20
    until("trades after the fault", lambda: venue.truth().next_id > last + 5)
    wanted = set(venue.truth(from_id=first, to_id=last).ids)
    until(
        f"every trade that the venue has is in the topic; see {worker.log}",
        lambda: wanted <= set(trade_ids(streams, first, last)),
        60,
    )
    found = trade_ids(streams, first, last)
    assert len(found) == len(set(found))
    assert set(found) == wanted
    lost = set(range(first, last + 1)) - wanted

    def missing() -> set[int]:
        gaps = open_gaps(streams.records(TRADES))
        return {
            missing_id
            for gap in gaps
            if gap.first_id is not None and gap.last_id is not None
            for missing_id in range(gap.first_id, gap.last_id + 1)
            if first <= missing_id <= last
        }

    until(f"the gaps that stay are exactly {sorted(lost)}; see {worker.log}", lambda: missing() == lost, 60)
    assert bool(lost) == case.loses
    again = {connection["number"] for connection in venue.connections()} - connections
    note(Outcome("Kraken", case.rule, noticed, recovered, len(lost), len(again)))


def test_a_refused_symbol_leaves_the_others_alone(
    streams: Bench, venue: RunningKraken, worker: Worker
) -> None:
    refused = series("solusd", Kind.TRADES)
    connections = len(venue.connections())
    before = worker.metric("candlewick_live_published_total", series=TRADES.name)
    venue.set_faults({"fault": "refuse", "symbol": "SOL/USD"})
    streams.want(refused)
    try:
        worker.await_health("refuses solusd")
        until(
            "the others go on",
            lambda: worker.metric("candlewick_live_published_total", series=TRADES.name) > before + 20,
        )
        assert len(venue.connections()) == connections
        venue.set_faults()
        until(
            f"it is asked for again; see {worker.log}",
            lambda: worker.metric("candlewick_live_published_total", series=refused.name) > 0,
            40,
        )
    finally:
        streams.drop(refused)
        worker.await_health("streaming 3 series")


def test_a_series_that_can_hold_no_price_is_named_and_ends_no_connection(
    streams: Bench, venue: RunningKraken, worker: Worker
) -> None:
    coarse = replace(series("adausd", Kind.TRADES), price_scale=0)
    connections = len(venue.connections())
    said = worker.log.stat().st_size
    streams.want(coarse)
    try:
        records = len(streams.records(coarse))
        worker.await_health(f"{coarse.name}: trade")
        until(
            f"its state was asked for; see {worker.log}",
            lambda: "state unknown" in worker.log.read_text()[said:],
            20,
        )
        last = venue.truth().next_id + 20
        until("the others go on", lambda: last in trade_ids(streams, last, last))
        assert len(venue.connections()) == connections
        assert "failed" not in worker.log.read_text()[said:]
        assert len(streams.records(coarse)) == records, "nothing is said to be complete"
    finally:
        streams.drop(coarse)
        worker.await_health("streaming 3 series")


def test_a_symbol_comes_and_goes_within_two_seconds_on_the_same_connection(
    streams: Bench, venue: RunningKraken, worker: Worker
) -> None:
    added = series("adausd", Kind.TRADES)
    connections = len(venue.connections())
    streams.want(added)
    began = time.monotonic()
    until("it is subscribed to", lambda: "ADA/USD" in str(venue.open_connections()), 10)
    assert time.monotonic() - began < 2.0
    streams.drop(added)
    began = time.monotonic()
    until("it is unsubscribed", lambda: "ADA/USD" not in str(venue.open_connections()), 10)
    assert time.monotonic() - began < 4.0
    assert len(venue.connections()) == connections
    worker.await_health("streaming 3 series")


def test_kill_minus_9_and_a_start_lose_nothing(streams: Bench, venue: RunningKraken, worker: Worker) -> None:
    first = venue.truth().next_id
    until("trades", lambda: venue.truth().next_id > first + 50)
    worker.stop(signal.SIGKILL)
    until("trades while nobody listens", lambda: venue.truth().next_id > first + 200)
    worker.start()
    worker.await_health("streaming 3 series")
    last = venue.truth().next_id
    wanted = set(range(first, last))
    until("every trade", lambda: wanted <= set(trade_ids(streams, first, last)), 60)
    found = trade_ids(streams, first, last)
    assert len(found) == len(set(found))


def test_a_stopped_process_goes_on_where_it_was(streams: Bench, venue: RunningKraken, worker: Worker) -> None:
    first = venue.truth().next_id
    worker.send(signal.SIGSTOP)
    until("trades while it is stopped", lambda: venue.truth().next_id > first + 600, 60)
    worker.send(signal.SIGCONT)
    last = venue.truth().next_id
    until("every trade", lambda: set(range(first, last)) <= set(trade_ids(streams, first, last)), 60)
    found = trade_ids(streams, first, last)
    assert len(found) == len(set(found))


def test_a_second_worker_fences_the_first(streams: Bench, venue: RunningKraken, worker: Worker) -> None:
    first = venue.truth().next_id
    second = streams.start(
        "kraken", kraken_ws_url=venue.ws_url, kraken_rest_url=venue.rest_url, **streams.elsewhere()
    )
    try:
        worker.await_health("another worker publishes")
        second.await_health("streaming 3 series")
        last = venue.truth().next_id + 20
        wanted = set(range(first, last))
        until("every trade", lambda: wanted <= set(trade_ids(streams, first, last)), 60)
        found = trade_ids(streams, first, last)
        assert len(found) == len(set(found))
    finally:
        second.stop()
        worker.stop()
        worker.start()
        worker.await_health("streaming 3 series")
