"""From the topics of a live series to landed hours, through the real broker, sinks and database."""

import numpy as np

from candlewick.hours import Gap, Hour, HourState, Trades
from candlewick.instruments import Kind, Series
from candlewick.times import HOUR_US
from streaming.recorder import Recorder
from tests.integration.bus.sinks import START_US, Sinks, until
from tests.live_topics import HOUR_NS, SECOND_NS, Worker, live_series, quote, trade

START_NS = START_US * 1000


def stored(landing: Sinks, series: Series) -> dict[int, Hour]:
    """By number since `START_US`."""
    hours = landing.store.read_hours(series, START_US, START_US + 100 * HOUR_US)
    return {(hour.hour_us - START_US) // HOUR_US: hour for hour in hours}


def is_final(landing: Sinks, series: Series, *numbers: int) -> bool:
    found = stored(landing, series)
    return all(n in found and found[n].state is not HourState.PENDING for n in numbers)


def test_trades_become_a_running_and_then_a_final_hour(
    landing: Sinks, venue: Worker, recorder: Recorder
) -> None:
    voice = venue.voice()
    gap = voice.gap(START_NS, START_NS + SECOND_NS)
    voice.filled(gap)
    voice.tell(trade(START_NS + n * SECOND_NS + 1999, n) for n in range(1, 1000))
    until("running", lambda: 0 in stored(landing, voice.series))
    assert stored(landing, voice.series)[0].state is HourState.PENDING
    voice.complete(START_NS + HOUR_NS + 1)
    until("final", lambda: is_final(landing, voice.series, 0))
    hour = stored(landing, voice.series)[0]
    assert (hour.state, hour.gaps, hour.source) == (HourState.DATA, (), f"live:{voice.last}")
    assert isinstance(hour.ticks, Trades)
    assert hour.ticks.trade_id.tolist() == list(range(1, 1000))
    assert hour.ticks.us.tolist() == [n * 1_000_000 + 1 for n in range(1, 1000)]


def test_quotes_gaps_and_empty_hours(landing: Sinks, venue: Worker, recorder: Recorder) -> None:
    voice = venue.voice(live_series(Kind.QUOTES))
    voice.gap(START_NS, START_NS + 5 * SECOND_NS)
    voice.tell(quote(START_NS + 5 * SECOND_NS + n // 2 * SECOND_NS, n) for n in range(100))
    voice.gap(START_NS + HOUR_NS // 2, START_NS + 2 * HOUR_NS)
    voice.complete(START_NS + 3 * HOUR_NS)
    until("final", lambda: is_final(landing, voice.series, 0, 1, 2))
    first, second, third = (stored(landing, voice.series)[n] for n in range(3))
    half = START_US + HOUR_US // 2
    assert first.gaps == (Gap(START_US, START_US + 5_000_000), Gap(half, START_US + HOUR_US))
    assert np.array_equal(first.ticks.columns()[1], [620_000 + n for n in range(100)])
    assert (second.state, len(second.ticks)) == (HourState.DATA, 0)
    assert second.gaps == (Gap(START_US + HOUR_US, START_US + 2 * HOUR_US),)
    assert (third.state, third.gaps) == (HourState.CLOSED, ())


def test_late_trades_and_a_filled_gap_change_a_final_hour(
    landing: Sinks, venue: Worker, recorder: Recorder
) -> None:
    voice = venue.voice()
    voice.filled(voice.gap(START_NS, START_NS + SECOND_NS))
    voice.tell(trade(START_NS + n * SECOND_NS, n) for n in range(1, 10))
    gap = voice.gap(START_NS + 9 * SECOND_NS, START_NS + 15 * SECOND_NS, (10, 14))
    voice.tell(trade(START_NS + n * SECOND_NS, n) for n in range(15, 20))
    voice.complete(START_NS + HOUR_NS)
    until("final", lambda: is_final(landing, voice.series, 0))
    before = stored(landing, voice.series)[0]
    assert len(before.gaps) == 1
    until("settled", lambda: not recorder._readers[voice.series.name].assembly.books)
    voice.tell(trade(START_NS + n * SECOND_NS, n, "rest") for n in range(10, 15))
    voice.filled(gap)
    until("filled", lambda: not stored(landing, voice.series)[0].gaps)
    after = stored(landing, voice.series)[0]
    assert after.revision > before.revision
    assert isinstance(after.ticks, Trades)
    assert after.ticks.trade_id.tolist() == list(range(1, 20))
