"""Stored hours, then what is published: nothing lost, nothing twice, whenever a browser comes and goes."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from candlewick import access
from candlewick.instruments import Kind
from candlewick.settings import Settings
from candlewick.times import HOUR_US, floor_hour, now_us
from streaming.recorder import Recorder
from tests.integration.bus.sinks import Sinks, sinks
from tests.integration.web.conftest import serving
from tests.live_topics import HOUR_NS, SECOND_NS, Worker, live_series, quote, trade, worker
from tests.waiting import until

START_US = floor_hour(now_us()) - HOUR_US
START_NS = START_US * 1000


@pytest.fixture
def sunk(servers: Settings, database_url: str) -> Iterator[Sinks]:
    with sinks(servers, database_url) as ready:
        yield ready


@pytest.fixture
def venue(sunk: Sinks) -> Iterator[Worker]:
    with worker(sunk.settings, sunk.store) as ready:
        yield ready


@pytest.fixture
def recorder(venue: Worker, sunk: Sinks) -> Iterator[Recorder]:
    with Recorder(sunk.settings) as running:
        yield running


@pytest.fixture
def live_web(sunk: Sinks, venue: Worker) -> Iterator[httpx.Client]:
    roles = (access.SINK, access.READER)
    sunk.store.prepare_roles(*(access.database_password(sunk.settings, role) for role in roles))
    with serving(sunk.settings) as client:
        yield client


class Browser:
    """What a page does: bars, then events from their position on; `come_again` with the last id."""

    def __init__(self, web: httpx.Client, series: str, key: str) -> None:
        self._web = web
        self._series = series
        self._key = key
        span = {"from_us": START_US, "to_us": now_us() + HOUR_US, "timeframe": "tick"}
        bars = web.get(f"/api/chart/{series}/bars", params=span).json()
        self.seen: list[Any] = list(bars["columns"][key])
        self.told: list[tuple[str, Any]] = []
        self.position: str = bars["position"] or ""

    def listen(self, count: int) -> None:
        """Until it has seen so many in all, and leaves."""
        headers = {"Last-Event-ID": self.position}
        with self._web.stream("GET", f"/api/chart/{self._series}/live", headers=headers) as answer:
            event = ""
            for line in answer.iter_lines():
                name, _, value = line.partition(": ")
                if name == "event":
                    event = value
                elif name == "id":
                    self.position = value
                elif name == "data" and event == "tick":
                    self.seen += json.loads(value)[self._key]
                elif name == "data":
                    self.told.append((event, json.loads(value)))
                if len(self.seen) >= count and not line:
                    return


def test_trades_from_what_is_stored_into_what_comes(
    sunk: Sinks, venue: Worker, recorder: Recorder, live_web: httpx.Client
) -> None:
    voice = venue.voice()
    voice.tell(trade(START_NS + n * SECOND_NS, n) for n in range(1, 101))
    until("the first hour is stored", lambda: len(_stored(sunk, voice.series)) > 0)
    # The next hour begins while the one before is not final, and is stored up to a later position.
    voice.tell(trade(START_NS + n * SECOND_NS, n) for n in range(101, 151))
    voice.tell(trade(START_NS + HOUR_NS + n * SECOND_NS, 150 + n) for n in range(1, 51))
    until("the second hour is stored", lambda: len(_stored(sunk, voice.series)) == 2)
    early = Browser(live_web, voice.series.name, "trade_id")
    early.listen(200)
    assert sorted(early.seen) == list(range(1, 201))
    voice.tell(trade(START_NS + HOUR_NS + n * SECOND_NS, 150 + n) for n in range(51, 101))
    late = Browser(live_web, voice.series.name, "trade_id")
    early.listen(250)
    late.listen(250)
    assert sorted(early.seen) == sorted(late.seen) == list(range(1, 251))


def test_quotes_that_are_equal_come_as_often_as_they_came(
    sunk: Sinks, venue: Worker, recorder: Recorder, live_web: httpx.Client
) -> None:
    voice = venue.voice(live_series(Kind.QUOTES))
    voice.tell(quote(START_NS + n // 3 * SECOND_NS, 7) for n in range(90))
    until("it is stored", lambda: len(_stored(sunk, voice.series)) > 0)
    browser = Browser(live_web, voice.series.name, "time_us")
    voice.tell(quote(START_NS + (100 + n // 3) * SECOND_NS, 7) for n in range(30))
    browser.listen(120)
    assert browser.seen == [event.exchange_ns // 1000 for event in voice.sent]


def _stored(sunk: Sinks, series: Any) -> list[int]:
    return [hour.hour_us for hour in sunk.store.read_hours(series, START_US, START_US + 3 * HOUR_US)]
