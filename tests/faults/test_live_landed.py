"""From the venue to the row: a thousand trades a second while one process after the other is killed.

Worker, recorder, database and broker end by kill -9 in mid-flow, and the worker is stopped for a minute. The
hour that lands then is, trade by trade, the one that the venue has.
"""

import os
import signal
from collections.abc import Iterator
from decimal import Decimal

import pytest

from candlewick import access
from candlewick.control import collect_live
from candlewick.hours import Hour, HourState, Trades
from candlewick.instruments import AssetClass, Kind, Series
from candlewick.local import programs, supervisor
from candlewick.local import servers as local_servers
from candlewick.local.home import Home
from candlewick.settings import Settings
from candlewick.store import Store
from candlewick.times import HOUR_US, SECOND_US, iso, now_us, parse_time
from simulators.kraken.testing import RunningKraken, Truth, running
from tests.conftest import HEAP_MIB, make_settings, temporary_home
from tests.conftest import running as running_servers
from tests.integration.bus.sinks import Sinks, sinks
from tests.waiting import until

BTCUSD = Series("kraken", "btcusd", Kind.TRADES, AssetClass.CRYPTO, 5, 8, "crypto")
PER_SECOND = 1000
BETWEEN = 8 * PER_SECOND
STOPPED = 60 * PER_SECOND
WORKERS = (programs.GUARD, programs.KRAKEN, programs.RECORDER, programs.REFRESHER)
VICTIMS = (programs.KRAKEN, programs.RECORDER, programs.POSTGRES, programs.PULSAR)

HOUR_START_US = now_us() // HOUR_US * HOUR_US - 2 * HOUR_US
"""The venue lives two hours ago: what a clock ahead of ours says would not be believed."""


@pytest.fixture(scope="module")
def venue() -> Iterator[RunningKraken]:
    start = iso(HOUR_START_US + HOUR_US - 180 * SECOND_US)
    options = ("--synthetic", "--pairs", "BTC/USD", "--rate", "2", "--rest-rate", "0")
    with running(*options, "--now", start, "--running") as ready:
        yield ready


@pytest.fixture(scope="module")
def landing(venue: RunningKraken) -> Iterator[Sinks]:
    with temporary_home() as home:
        settings = make_settings(home, kraken_ws_url=venue.ws_url, kraken_rest_url=venue.rest_url)
        with running_servers(settings):
            with Store(access.database_url(settings)) as store:
                store.migrate()
            with sinks(settings) as ready:
                collect_live(settings, ready.store, BTCUSD)
                local_servers.start(settings, WORKERS, heap_mib=HEAP_MIB)
                yield ready
                for name in WORKERS:
                    # Before the topics go, which they would not understand.
                    supervisor.stop_program(Home(home), name)


def send(settings: Settings, program: str, number: signal.Signals) -> None:
    os.kill(supervisor.states(Home(settings.home))[program].pid, number)


def stored(landing: Sinks) -> list[Hour]:
    return list(landing.store.read_hours(BTCUSD, HOUR_START_US, HOUR_START_US + HOUR_US))


def of_the_hour(truth: Truth) -> list[tuple[int, int, Decimal, Decimal, int]]:
    """Nanoseconds, id, price, quantity and side of the venue's trades of the hour."""
    rows = zip(truth.times_ns, truth.ids, truth.prices, truth.qtys, truth.sides, strict=True)
    return [
        (ns, trade_id, Decimal(price), Decimal(quantity), 1 if side == "b" else -1)
        for ns, trade_id, price, quantity, side in rows
        if HOUR_START_US * 1000 <= ns < (HOUR_START_US + HOUR_US) * 1000
    ]


@pytest.mark.full
@pytest.mark.timeout(900)
def test_the_hour_that_lands_is_the_venues_trade_by_trade(landing: Sinks, venue: RunningKraken) -> None:
    def passed(count: int) -> None:
        seen = venue.truth(from_id=1, to_id=1).next_id
        until(
            f"{count} more trades",
            lambda: venue.truth(from_id=1, to_id=1).next_id >= seen + count,
            10 + 2 * count / PER_SECOND,
        )

    until("a first trade landed", lambda: any(len(hour.ticks) for hour in stored(landing)), 120)
    venue.set_rate(PER_SECOND)
    for victim in VICTIMS:
        passed(BETWEEN)
        send(landing.settings, victim, signal.SIGKILL)
    passed(BETWEEN)
    send(landing.settings, programs.KRAKEN, signal.SIGSTOP)
    passed(STOPPED)
    send(landing.settings, programs.KRAKEN, signal.SIGCONT)
    until("the hour ends", lambda: parse_time(venue.now()) > HOUR_START_US + HOUR_US + 5 * SECOND_US, 180)
    venue.set_rate(2)

    def final() -> Hour | None:
        return next(
            (hour for hour in stored(landing) if hour.state is HourState.DATA and not hour.gaps), None
        )

    until("it is final and whole", final, 240)
    hour = final()
    assert hour is not None
    assert isinstance(hour.ticks, Trades)
    found = [
        (
            HOUR_START_US + us,
            trade_id,
            Decimal(price).scaleb(-BTCUSD.price_scale),
            Decimal(quantity).scaleb(-BTCUSD.volume_scale),
            side,
        )
        for us, trade_id, price, quantity, side in zip(
            *(column.tolist() for column in hour.ticks.columns()), strict=True
        )
    ]
    wanted = of_the_hour(venue.truth(from_id=found[0][1] - 1))
    assert len(wanted) > len(VICTIMS) * BETWEEN + STOPPED
    assert [row[1:] for row in found] == [row[1:] for row in wanted]
    # The stream's times are truncated to microseconds, REST's are rounded.
    wrong = [
        (us, ns) for (us, *_), (ns, *_) in zip(found, wanted, strict=True) if not 0 <= us - ns // 1000 <= 1
    ]
    assert not wrong
