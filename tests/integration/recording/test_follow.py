"""From stored hours into the live topic: nothing lost, nothing twice, gaps where they are."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest

from candlewick import access, consume, topics
from candlewick.bus_admin import BusAdmin, BusAdminError
from candlewick.client import Client
from candlewick.consume import Filled, Item, Live, Missing, Quoted, Traded
from candlewick.errors import CandlewickError
from candlewick.instruments import Kind, Series
from candlewick.live.events import Channel
from candlewick.store.series import SeriesState
from candlewick.times import HOUR_US, now_us
from streaming.recorder import Recorder
from tests.integration.bus.sinks import START_US, Sinks
from tests.integration.recording.test_recorder import is_final, stored
from tests.live_topics import HOUR_NS, SECOND_NS, Worker, live_series, quote, trade
from tests.waiting import until

START_NS = START_US * 1000


def followed(landing: Sinks, series: Series, start_us: int = START_US, patience_s: float = 2) -> list[Item]:
    with Client(landing.settings) as client:
        return list(client.follow(series.name, start_us, patience_s=patience_s))


def test_trades_with_a_gap_that_is_filled_late(landing: Sinks, venue: Worker, recorder: Recorder) -> None:
    voice = venue.voice()
    voice.filled(voice.gap(START_NS, START_NS + 1))
    voice.tell(trade(START_NS + n * SECOND_NS, n) for n in range(1, 100))
    gap = voice.gap(START_NS + 99 * SECOND_NS, START_NS + 110 * SECOND_NS, (100, 109))
    voice.tell(trade(START_NS + n * SECOND_NS, n) for n in range(110, 200))
    voice.complete(START_NS + HOUR_NS)
    until("final", lambda: is_final(landing, voice.series, 0))
    voice.tell(trade(START_NS + HOUR_NS + n * SECOND_NS, 200 + n) for n in range(50))
    until("running", lambda: 1 in stored(landing, voice.series))
    # Behind what is stored, and twice.
    voice.tell(trade(START_NS + HOUR_NS + n * SECOND_NS, 200 + n) for n in range(50, 60))
    voice.tell([trade(START_NS + HOUR_NS, 200, "rest")])
    voice.tell(trade(START_NS + n * SECOND_NS, n, "rest") for n in range(100, 110))
    voice.filled(gap)
    found = followed(landing, voice.series)
    assert Counter(item.trade_id for item in found if isinstance(item, Traded)) == Counter(range(1, 260))
    kinds = [type(item) for item in found if not isinstance(item, Traded)]
    if Missing in kinds:
        # Unless the recorder was quicker.
        assert kinds == [Missing, Live, Filled]
        missing = next(index for index, item in enumerate(found) if isinstance(item, Missing))
        assert [item.trade_id for item in found[:missing] if isinstance(item, Traded)] == list(range(1, 100))
    later = followed(landing, voice.series, START_US + 150_000_000)
    assert Counter(item.trade_id for item in later if isinstance(item, Traded)) == Counter(range(150, 260))


def test_quotes_that_are_equal_come_as_often_as_they_came(
    landing: Sinks, venue: Worker, recorder: Recorder
) -> None:
    voice = venue.voice(live_series(Kind.QUOTES))
    voice.gap(START_NS, START_NS + SECOND_NS)
    voice.tell(quote(START_NS + SECOND_NS + n // 3 * SECOND_NS, 7) for n in range(90))
    until("running", lambda: 0 in stored(landing, voice.series))
    voice.gap(START_NS + 50 * SECOND_NS, START_NS + 60 * SECOND_NS)
    voice.tell(quote(START_NS + 60 * SECOND_NS, 7) for n in range(10))
    found = followed(landing, voice.series)
    us = [item.us for item in found if isinstance(item, Quoted)]
    assert us == [event.exchange_ns // 1000 for event in voice.sent]
    assert [item.from_us for item in found if isinstance(item, Missing)] == [START_US, START_US + 50_000_000]


def test_a_series_without_a_single_hour_yet(landing: Sinks, venue: Worker) -> None:
    voice = venue.voice()
    voice.tell(trade(START_NS + n * SECOND_NS, n) for n in range(10))
    found = followed(landing, voice.series)
    assert [item.trade_id for item in found if isinstance(item, Traded)] == list(range(10))


def test_whoever_begins_while_the_first_events_come_sees_them_all(landing: Sinks, venue: Worker) -> None:
    with Client(landing.settings) as client, ThreadPoolExecutor(1) as pool:
        for _ in range(5):
            voice = venue.voice()
            lived = Event()

            def follow(name: str, lived: Event = lived) -> list[int]:
                found = []
                for item in client.follow(name, START_US, patience_s=10):
                    if isinstance(item, Live):
                        lived.set()
                    elif isinstance(item, Traded):
                        found.append(item.trade_id)
                        if len(found) == 300:
                            break
                return found

            following = pool.submit(follow, voice.series.name)
            assert lived.wait(30)
            voice.filled(voice.gap(START_NS, START_NS + 1))
            for first in range(0, 300, 3):
                voice.tell(trade(START_NS + n * SECOND_NS, n) for n in range(first, first + 3))
            assert following.result(60) == list(range(300))


def test_a_moment_is_found_in_a_topic(landing: Sinks, venue: Worker) -> None:
    voice = venue.voice()
    topic = topics.live_topic(voice.series, Channel.TRADES)
    token = access.pulsar_token(landing.settings, access.PULSAR_READER)

    def entry(us: int) -> int:
        return admin.position_since(topic, us).entry

    with BusAdmin(access.pulsar_admin_url(landing.settings), token) as admin:
        assert entry(0) == entry(now_us() + HOUR_US) == -1
        moments = []
        for number in range(4):
            voice.tell([trade(START_NS, number)])
            told = now_us()
            until("the next millisecond", lambda told=told: now_us() // 1000 > told // 1000)
            moments.append(now_us())
        assert entry(-1) == entry(0) == -1
        assert [entry(us) for us in moments] == [0, 1, 2, 3]
        assert entry(now_us() + HOUR_US) == 3
        with pytest.raises(BusAdminError, match="not found"):
            admin.position_since(topics.live_topic(live_series(), Channel.TRADES), 0)


def test_a_series_that_is_removed_meanwhile_is_said_to_be(
    landing: Sinks, venue: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consume, "SILENT_S", 1)
    voice = venue.voice()
    voice.tell(trade(START_NS + n * SECOND_NS, n) for n in range(10))
    # Silence alone is none of it.
    assert sum(isinstance(item, Traded) for item in followed(landing, voice.series, patience_s=3)) == 10
    landing.store.set_series_state([voice.series.name], SeriesState.REMOVED)
    with pytest.raises(CandlewickError, match=f"{voice.series.name} is not collected any more"):
        followed(landing, voice.series, patience_s=30)
