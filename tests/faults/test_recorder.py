"""kill -9 of recorder, broker and database while a thousand events a second come: the landed hours equal
what went through the topic, and whoever follows the series sees each of them once."""

import os
import signal
import threading
import time
from collections.abc import Iterator

import pytest

from candlewick import access, health
from candlewick.candles import Timeframe
from candlewick.client import Client
from candlewick.consume import Live, Traded
from candlewick.health import Condition
from candlewick.hours import HourState, Trades
from candlewick.local import programs, supervisor
from candlewick.local import servers as local_servers
from candlewick.local.home import Home
from candlewick.settings import Settings
from candlewick.store import Store
from candlewick.times import HOUR_US, floor_hour, now_us
from tests.conftest import HEAP_MIB, make_settings, running, temporary_home
from tests.integration.bus.sinks import Sinks, sinks
from tests.live_topics import HOUR_NS, SECOND_NS, Voice, Worker, trade, worker
from tests.waiting import until

PER_SECOND = 1000
SECONDS = 20
HOURS = 4
STEP_NS = HOURS * HOUR_NS // (PER_SECOND * SECONDS)
# Hours of today: the refresher looks at older ones but once a minute.
START_US = floor_hour(now_us() - (HOURS + 2) * HOUR_US)
START_NS = START_US * 1000
WORKERS = (programs.GUARD, programs.RECORDER, programs.REFRESHER)


@pytest.fixture(scope="module")
def platform() -> Iterator[Settings]:
    """Servers and workers of this module's own, since it kills them."""
    with temporary_home() as home, running(make_settings(home)) as settings:
        with Store(access.database_url(settings)) as store:
            store.migrate()
        yield settings


@pytest.fixture(scope="module")
def landing(platform: Settings) -> Iterator[Sinks]:
    with sinks(platform) as ready:
        local_servers.start(platform, WORKERS, heap_mib=HEAP_MIB)
        yield ready


@pytest.fixture(scope="module")
def venue(landing: Sinks) -> Iterator[Worker]:
    with worker(landing.settings, landing.store) as ready:
        yield ready
        home = Home(landing.settings.home)
        for name in WORKERS:
            # Before the topics go, which they would not understand.
            supervisor.stop_program(home, name)


def kill(settings: Settings, program: str) -> None:
    os.kill(supervisor.states(Home(settings.home))[program].pid, signal.SIGKILL)


def condition(settings: Settings, name: str) -> Condition | None:
    return next(
        (record.condition for record in health.read_all(settings.home) if record.worker == name), None
    )


def talk(voice: Voice) -> None:
    """A thousand trades a second, four hours in twenty seconds, with a gap that is filled late."""
    voice.filled(voice.gap(START_NS, START_NS + 1))
    began, gap = time.monotonic(), None
    for first in range(0, PER_SECOND * SECONDS, 100):
        ids = range(first, first + 100)
        if first == 5000:
            gap = voice.gap(
                START_NS + (first - 1) * STEP_NS, START_NS + (first + 100) * STEP_NS, (5000, 5099)
            )
        else:
            voice.tell(trade(START_NS + number * STEP_NS, number) for number in ids)
        if first == 12_000 and gap is not None:
            voice.tell(trade(START_NS + n * STEP_NS // 1000 * 1000, n, "rest") for n in range(5000, 5100))
            voice.filled(gap)
        if first % PER_SECOND == 0:
            voice.complete(START_NS + first * STEP_NS)
        time.sleep(max(0.0, began + (first + 100) / PER_SECOND - time.monotonic()))
    voice.complete(START_NS + HOURS * HOUR_NS + SECOND_NS)


def landed_ids(landing: Sinks, voice: Voice) -> list[int] | None:
    """The trades of the landed hours in their order; None while one is not final."""
    hours = list(landing.store.read_hours(voice.series, START_US, START_US + HOURS * HOUR_US))
    if len(hours) < HOURS or any(hour.state is HourState.PENDING for hour in hours):
        return None
    return [trade_id for hour in hours if isinstance(hour.ticks, Trades)
            for trade_id in hour.ticks.trade_id.tolist()]  # fmt: skip


@pytest.mark.parametrize("victim", [programs.RECORDER, programs.PULSAR, programs.POSTGRES, "all of them"])
def test_what_went_through_the_topic_lands(landing: Sinks, venue: Worker, victim: str) -> None:
    platform = landing.settings
    until("the recorder is well", lambda: condition(platform, "recorder") is Condition.OK, 120)
    voice = venue.voice()
    seen: list[int] = []
    lived = threading.Event()

    def follow() -> None:
        with Client(platform) as client:
            for item in client.follow(voice.series.name, START_US):
                if isinstance(item, Live):
                    lived.set()
                if isinstance(item, Traded):
                    seen.append(item.trade_id)
                    if len(seen) == PER_SECOND * SECONDS:
                        return

    talking = threading.Thread(target=talk, args=(voice,))
    following = threading.Thread(target=follow, daemon=True)
    # Whoever follows reads stored hours first, and would rightly be told of a database that goes meanwhile.
    following.start()
    assert lived.wait(60), "the follower has not come to the end of history"
    talking.start()
    until("in mid-flow", lambda: len(voice.sent) > 8000)
    victims = (
        (programs.RECORDER, programs.POSTGRES, programs.PULSAR) if victim == "all of them" else (victim,)
    )
    for name in victims:
        kill(platform, name)
    assert talking.is_alive()
    talking.join(240)
    assert not talking.is_alive()
    wanted = list(range(PER_SECOND * SECONDS))
    took = until("landed", lambda: landed_ids(landing, voice) == wanted, 180)
    until(
        "followed",
        lambda: len(seen) >= len(wanted) or not following.is_alive(),
        60,
        instead=lambda: f"{len(seen)} trades were, without {sorted(set(wanted) - set(seen))[:5]}",
    )
    hours = list(landing.store.read_hours(voice.series, START_US, START_US + HOURS * HOUR_US))
    assert not any(hour.gaps for hour in hours)
    times = [us for hour in hours for us in (hour.ticks.us + hour.hour_us).tolist()]
    assert times == [(START_NS + n * STEP_NS) // 1000 for n in wanted]
    assert sorted(seen) == wanted
    following.join(30)

    def trades_in_candles() -> int:
        candles = landing.store.read_candles(voice.series, Timeframe.H1, START_US, START_US + HOURS * HOUR_US)
        return sum(int(chunk.columns["trades"].sum()) for chunk in candles)

    until("in candles", lambda: trades_in_candles() == len(wanted))
    print(f"{victim}: all landed {took:.1f} s after the last trade")  # noqa: T201
