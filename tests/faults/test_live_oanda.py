"""All that a live venue may do, done to the worker of OANDA: what it did, how fast, what was lost.

The venue cannot give a price again. Each case is judged on the prices between its beginning and its end:
every one of them is in the topic once, or lies in a gap; and a gap ends where prices are there again.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from candlewick.instruments import AssetClass, Kind, Series
from candlewick.live.continuity import Continuity
from candlewick.settings import Settings
from candlewick.times import now_us
from candlewick.venues.symbols import oanda_spelling
from simulators.oanda.testing import RunningOanda, running
from tests.live import Bench, Worker, bench, open_gaps
from tests.live_faults import Case, Outcome, befall, note
from tests.waiting import until


def series(symbol: str) -> Series:
    scale = 3 if symbol.endswith("jpy") else 5
    return Series("oanda", symbol, Kind.QUOTES, AssetClass.FOREX, scale, 0, "unknown")


EURUSD = series("eurusd")
USDJPY = series("usdjpy")
GBPUSD = series("gbpusd")

CASES = [
    Case("silent", causes=("silent", "stalled"), loses=True),
    Case("heartbeats-only", causes=("stalled",), loses=True),
    Case("mute:symbol=EUR_USD", causes=("stalled",), loses=True),
    Case("close", causes=("closed",)),
    Case("drop", causes=("dropped",)),
    Case("reset", causes=("dropped",)),
    Case("half-frame", causes=("dropped",)),
    Case("invalid-json", causes=("bad frame",)),
    Case("wrong-types", causes=("bad frame",)),
    Case("unknown-message", "unknown_messages_total"),
    Case("out-of-order:for=2"),
    Case("throttle:for=3,retry-after=1", causes=("http 429",)),
    Case("unavailable:for=3", causes=("http 503",)),
    Case("expire-token:for=3", causes=("http 401",)),
    Case("slow-reader:for=8"),
    Case("slow-writer:for=8,bytes=400"),
    Case("clock-jump:for=3,seconds=3600"),
    Case("chunk-border:for=4,style=inside"),
    Case("chunk-border:for=4,style=bytes"),
    Case("chunk-border:for=4,style=several"),
    Case("empty-side:for=2"),
]


@pytest.fixture(scope="module")
def venue() -> Iterator[RunningOanda]:
    options = ("--instruments", "EUR_USD,USD_JPY,GBP_USD", "--always-open", "--unthinned", "--rate", "30")
    with running(*options, "--connects", "0", "--rest-rate", "0") as ready:
        yield ready


@pytest.fixture(scope="module")
def streams(servers: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with bench(servers, tmp_path_factory.mktemp("oanda")) as made:
        made.want(EURUSD, USDJPY)
        yield made


@pytest.fixture(scope="module")
def worker(streams: Bench, venue: RunningOanda) -> Worker:
    started = streams.start(
        "oanda",
        oanda_stream_url=venue.url,
        oanda_rest_url=venue.url,
        oanda_token=venue.token,
        oanda_account=venue.account,
    )
    started.await_health("streaming 2 series")
    return started


@pytest.fixture(autouse=True)
def sound(worker: Worker, venue: RunningOanda) -> None:
    venue.set_faults()
    until(f"it streams; see {worker.log}", lambda: worker.health().get("summary") == "streaming 2 series", 60)


def within(gaps: list[Continuity], ns: int) -> bool:
    return any(gap.from_ns <= ns < gap.to_ns for gap in gaps)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.rule.replace(",", " "))
def test_a_fault_is_noticed_and_what_is_lost_is_said(
    case: Case, streams: Bench, venue: RunningOanda, worker: Worker
) -> None:
    befall_and_judge(case, streams, venue, worker)


def jump_ahead(streams: Bench, venue: RunningOanda) -> int:
    """Lets the venue's clock jump by an hour; a time between the two clocks."""
    venue.set_faults("clock-jump:seconds=3600")
    ahead_ns = (now_us() + 1_800_000_000) * 1000
    until("a price of the future", lambda: streams.quotes(EURUSD)[-1].exchange_ns > ahead_ns)
    return ahead_ns


def test_a_clock_that_has_jumped_hides_nothing_of_what_is_lost_after(
    streams: Bench, venue: RunningOanda, worker: Worker
) -> None:
    ahead_ns = jump_ahead(streams, venue)
    venue.set_faults()
    until("a price of now", lambda: streams.quotes(EURUSD)[-1].exchange_ns < ahead_ns)
    befall_and_judge(Case("unavailable:for=3", causes=("http 503",), loses=True), streams, venue, worker)


def test_a_clock_that_has_jumped_hides_no_mute_symbol(
    streams: Bench, venue: RunningOanda, worker: Worker
) -> None:
    ahead_ns = jump_ahead(streams, venue)
    began_us = now_us()
    befall(Case("mute:symbol=EUR_USD", causes=("stalled",), loses=True), venue, worker, EURUSD)
    muted_ns = (began_us + 1_000_000) * 1000
    until("a price of now", lambda: began_us * 1000 < streams.quotes(EURUSD)[-1].exchange_ns < ahead_ns)
    until("what was missed is a gap", lambda: within(open_gaps(streams.records(EURUSD)), muted_ns))


def test_a_symbol_that_stays_mute_beyond_a_connection_hides_nothing(
    streams: Bench, venue: RunningOanda, worker: Worker
) -> None:
    began_us = now_us()
    connections = newest_connection(venue)
    others = len(open_gaps(streams.records(USDJPY)))
    venue.set_faults("mute:symbol=EUR_USD,for=16")
    until("another connection", lambda: newest_connection(venue) > connections)
    until(
        "prices after it",
        lambda: streams.quotes(EURUSD)[-1].exchange_ns > (began_us + 16_500_000) * 1000,
        60,
    )
    ended_us = now_us()
    wanted = venue.truth("EUR_USD", began_us, ended_us - 1_000_000).times_ns
    found = {quote.exchange_ns for quote in streams.quotes(EURUSD)}
    gaps = open_gaps(streams.records(EURUSD))
    lost = [ns for ns in wanted if ns not in found]
    assert lost
    silent = [ns for ns in lost if not within(gaps, ns)]
    assert not silent, f"lost without a word: {len(silent)} of {len(lost)}; see {worker.log}"
    # The connections that it took lost nothing of the others.
    assert len(open_gaps(streams.records(USDJPY))) == others
    assert_whole(USDJPY, streams, venue, began_us, ended_us)


def assert_whole(one: Series, streams: Bench, venue: RunningOanda, began_us: int, ended_us: int) -> None:
    """Every price of that time is in the topic, once."""
    until(f"prices of {one.name}", lambda: streams.quotes(one)[-1].exchange_ns > ended_us * 1000)
    wanted = Counter(venue.truth(oanda_spelling(one.symbol), began_us, ended_us).times_ns)
    assert wanted == times(one, streams, began_us, ended_us)


def times(one: Series, streams: Bench, began_us: int, ended_us: int) -> Counter[int]:
    """The times of what was published of [began, ended), nanoseconds."""
    return Counter(
        quote.exchange_ns
        for quote in streams.quotes(one)
        if began_us * 1000 <= quote.exchange_ns < ended_us * 1000
    )


def befall_and_judge(case: Case, streams: Bench, venue: RunningOanda, worker: Worker) -> None:
    began_us = now_us()
    connections = {connection["number"] for connection in venue.connections()}
    noticed, recovered = befall(case, venue, worker, EURUSD)
    ended_us = now_us()
    until(
        "prices after the fault",
        lambda: streams.quotes(EURUSD)[-1].exchange_ns > (ended_us + 1_500_000) * 1000,
        60,
    )
    ended_us += 1_000_000
    truth = venue.truth("EUR_USD", began_us, ended_us)
    wanted = Counter(truth.times_ns)
    found = times(EURUSD, streams, began_us, ended_us)
    lost = sum((wanted - found).values())
    gaps = open_gaps(streams.records(EURUSD))
    silent = [ns for ns in (wanted - found) if not within(gaps, ns)]
    jumped = case.rule.startswith(("clock-jump", "empty-side"))
    assert jumped or not silent, f"lost without a word: {len(silent)} of {lost}; see {worker.log}"
    assert jumped or not found - wanted, "more than once, or never sent"
    mine = [gap for gap in gaps if gap.to_ns > began_us * 1000 and gap.from_ns < ended_us * 1000]
    for gap in mine:
        inside = [ns for ns in found if gap.from_ns < ns < gap.to_ns]
        assert not inside, f"{gap} covers {len(inside)} prices that are there"
    if case.loses:
        assert lost
        assert mine
        until(
            f"it is said what moved in the gap; see {worker.log}",
            lambda: any(
                "prices around it" in gap.reason
                for gap in open_gaps(streams.records(EURUSD))
                if gap.bounds == mine[-1].bounds
            ),
            20,
        )
    again = {connection["number"] for connection in venue.connections()} - connections
    note(Outcome("OANDA", case.rule, noticed, recovered, lost, len(again)))


def newest_connection(venue: RunningOanda) -> int:
    return max(connection["number"] for connection in venue.connections())


@contextmanager
def added(one: Series, streams: Bench, worker: Worker, *, first_says: str = "") -> Iterator[None]:
    """Streams another series within the block, once its prices come; `first_says`: the worker until then."""

    def prices() -> float:
        return worker.metric("candlewick_live_published_total", series=one.name)

    before = prices()
    streams.want(one)
    try:
        worker.await_health(first_says)
        until(f"prices of {one.name}; see {worker.log}", lambda: prices() > before + 5, 40)
        yield
    finally:
        streams.drop(one)
        worker.await_health("streaming 2 series")


def test_a_new_symbol_leaves_the_others_whole(streams: Bench, venue: RunningOanda, worker: Worker) -> None:
    began_us = now_us()
    with added(GBPUSD, streams, worker):
        worker.await_health("streaming 3 series", 20)
        assert_whole(EURUSD, streams, venue, began_us, now_us())
        # One that was found before is said again, with what moved in it.
        found = [record for record in streams.records(EURUSD) if record.to_ns > began_us * 1000]
        assert [record for record in found if record.kind == "gap"] == []


def test_a_symbol_that_goes_and_comes_back_takes_few_connections(
    streams: Bench, venue: RunningOanda, worker: Worker
) -> None:
    with added(GBPUSD, streams, worker):
        before = newest_connection(venue)
        for _ in range(3):
            streams.drop(GBPUSD)
            worker.await_health("streaming 2 series")
            streams.want(GBPUSD)
            worker.await_health("streaming 3 series")
        later_ns = (now_us() + 4_000_000) * 1000
        until("prices of it", lambda: streams.quotes(GBPUSD)[-1].exchange_ns > later_ns)
        assert newest_connection(venue) <= before + 3


def test_a_symbol_whose_connection_never_spoke_gets_another(
    streams: Bench, venue: RunningOanda, worker: Worker
) -> None:
    began_us = now_us()
    number = newest_connection(venue) + 1
    venue.set_faults(f"silent:connection={number}")
    with added(GBPUSD, streams, worker, first_says=f"{GBPUSD.name} is not subscribed to yet"):
        assert newest_connection(venue) > number
        assert_whole(EURUSD, streams, venue, began_us, now_us())


def test_without_credentials_it_says_so_and_costs_nothing(streams: Bench) -> None:
    with running("--instruments", "EUR_USD") as untouched:
        urls = {"oanda_stream_url": untouched.url, "oanda_rest_url": untouched.url}
        idle = streams.start("oanda", **urls, **streams.elsewhere())
        try:
            idle.await_health("not configured: set CANDLEWICK_OANDA_TOKEN")
            assert idle.health()["healthy"]
            assert untouched.requests() == []
        finally:
            idle.stop()


def test_a_wrong_token_is_named_and_shown_nowhere(
    streams: Bench, venue: RunningOanda, worker: Worker
) -> None:
    worker.stop()
    wrong = streams.start(
        "oanda",
        oanda_stream_url=venue.url,
        oanda_rest_url=venue.url,
        oanda_token="a-token-of-mine",  # noqa: S106
        oanda_account="101-001-7777777-001",
    )
    try:
        wrong.await_health("CANDLEWICK_OANDA_TOKEN is not valid here")
        for shown in (str(wrong.health()), wrong.metrics(), wrong.log.read_text()):
            assert "a-token-of-mine" not in shown
            assert "7777777" not in shown
    finally:
        wrong.stop()
        worker.start()
