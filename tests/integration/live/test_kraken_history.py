"""`candlewick backfill kraken:...:trades`: older trades by REST, through the same hours and sinks."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from candlewick.bus import Bus
from candlewick.candles import Timeframe
from candlewick.control import Step, StepState, collect_live, fill_span
from candlewick.hours import HourState, Trades
from candlewick.instruments import AssetClass, Kind, Series
from candlewick.times import HOUR_US, floor_hour, now_us
from candlewick.venues.kraken_history import FilledHour, fill, wanted_hours
from simulators.kraken.testing import RunningKraken, running
from tests.integration.bus.sinks import Sinks

SERIES = Series("kraken", "adausd", Kind.TRADES, AssetClass.CRYPTO, 6, 8, "crypto")


@pytest.fixture(scope="module")
def venue() -> Iterator[RunningKraken]:
    with running("--synthetic", "--rest-rate", "0") as ready:
        yield ready


@pytest.fixture
def collected(landing: Sinks) -> Iterator[Sinks]:
    collect_live(landing.settings, landing.store, SERIES)
    yield landing
    landing.admin.delete_series(SERIES)


def backfill(landing: Sinks, bus: Bus, venue: RunningKraken, start_us: int, end_us: int) -> list[FilledHour]:
    hours = wanted_hours(landing.store, SERIES, start_us, end_us)
    return list(fill(venue.rest_url, landing.store, bus, SERIES, hours))


def test_hours_that_are_over_have_every_trade_and_are_not_asked_for_again(
    collected: Sinks, venue: RunningKraken
) -> None:
    end_us = floor_hour(now_us())
    start_us = end_us - 3 * HOUR_US
    venue.reset_requests()
    # The last hour may still be the recorder's.
    done = backfill(collected, collected.bus, venue, start_us, now_us())
    assert [one.hour_us for one in done][:2] == [start_us, start_us + HOUR_US]
    stored = list(collected.store.read_hours(SERIES, start_us, start_us + 2 * HOUR_US))
    assert [hour.state for hour in stored] == [HourState.DATA] * 2
    assert not [gap for hour in stored for gap in hour.gaps]
    truth = venue.truth("ADA/USD")
    for hour in stored:
        assert isinstance(hour.ticks, Trades)
        wanted = [
            (trade_id, price, qty)
            for trade_id, ns, price, qty in zip(
                truth.ids, truth.times_ns, truth.prices, truth.qtys, strict=True
            )
            if hour.hour_us <= round(ns / 1000) < hour.hour_us + HOUR_US
        ]
        assert hour.ticks.trade_id.tolist() == [trade_id for trade_id, _, _ in wanted]
        prices = [f"{price / 10**6:.6f}" for price in hour.ticks.price.tolist()]
        assert [float(price) for price in prices] == [float(price) for _, price, _ in wanted]
    asked = venue.count("*Trades*")
    assert backfill(collected, collected.bus, venue, start_us, start_us + 2 * HOUR_US) == []
    assert venue.count("*Trades*") == asked


def test_each_hour_is_told_and_its_candles_are_made(collected: Sinks, venue: RunningKraken) -> None:
    settings = collected.settings.model_copy(update={"kraken_rest_url": venue.rest_url})
    history: Any = SimpleNamespace(settings=settings, store=collected.store)
    start_us = floor_hour(now_us()) - 8 * HOUR_US
    steps: list[Step] = []
    fill_span(history, SERIES, start_us, start_us + 2 * HOUR_US, report=steps.append)
    assert steps[-1].state == StepState.DONE
    assert steps[-1].text.startswith("2 of 2 hours")
    candles = collected.store.read_candles(SERIES, Timeframe.H1, start_us, start_us + 2 * HOUR_US)
    assert sum(len(chunk) for chunk in candles) == 2


def test_an_answer_that_asks_for_patience_is_asked_again(collected: Sinks, venue: RunningKraken) -> None:
    start_us = floor_hour(now_us()) - 5 * HOUR_US
    venue.set_faults("rest-throttle:count=2")
    try:
        (done,) = backfill(collected, collected.bus, venue, start_us, start_us + HOUR_US)
    finally:
        venue.set_faults()
    assert done.trades > 0
