"""From the topics of a live series to landed hours, through the real broker, sinks and database."""

import numpy as np

from candlewick.candles import Timeframe
from candlewick.health import Condition
from candlewick.hours import Gap, Hour, HourState, Trades
from candlewick.instruments import Kind, Series
from candlewick.times import HOUR_US, now_us
from streaming.recorder import Recorder
from streaming.refresher import Refresher
from tests.integration.bus.sinks import START_US, Sinks
from tests.live_topics import HOUR_NS, SECOND_NS, Worker, live_series, quote, trade
from tests.waiting import until

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


def test_a_row_of_somebody_else_is_joined(landing: Sinks, venue: Worker, recorder: Recorder) -> None:
    voice = venue.voice()
    backfilled = [trade(START_NS + n * SECOND_NS, n, "rest") for n in range(1, 15)]
    columns = np.array(
        [(t.exchange_ns // 1000 - START_US, t.trade_id, t.price, t.quantity, t.side) for t in backfilled]
    ).T
    gaps = (
        Gap(START_US + 12_000_000, START_US + 14_000_000),
        Gap(START_US + 20_000_000, START_US + 30_000_000),
    )
    theirs = Hour(
        voice.series.name, START_US, now_us() + 10**12, HourState.DATA, "rest", 1, 8, Trades(*columns), gaps
    )
    landing.bus.publish_hours(voice.series, [theirs])
    until("landed", lambda: 0 in stored(landing, voice.series))
    voice.filled(voice.gap(START_NS, START_NS + 1))
    voice.tell(trade(START_NS + n * SECOND_NS, n) for n in range(12, 21))
    voice.gap(START_NS + 20 * SECOND_NS, START_NS + 40 * SECOND_NS, (21, 39))
    voice.tell([trade(START_NS + 40 * SECOND_NS, 40)])
    voice.complete(START_NS + HOUR_NS)
    until("joined", lambda: stored(landing, voice.series)[0].source != "rest")
    hour = stored(landing, voice.series)[0]
    assert hour.revision > theirs.revision
    assert isinstance(hour.ticks, Trades)
    assert hour.ticks.trade_id.tolist() == [*range(1, 21), 40]
    assert [(gap.from_us - START_US, gap.to_us - START_US) for gap in hour.gaps] == [(20_000_000, 40_000_000)]


def test_a_new_recorder_knows_what_the_last_one_knew(landing: Sinks, venue: Worker) -> None:
    """Nothing that it says is less than what was said before, and it reads the open hour again."""
    voice = venue.voice()
    with Recorder(landing.settings):
        voice.filled(voice.gap(START_NS, START_NS + 1))
        voice.tell(trade(START_NS + n * SECOND_NS, n) for n in range(1, 500))
        voice.complete(START_NS + HOUR_NS)
        voice.tell(trade(START_NS + HOUR_NS + n * SECOND_NS, 500 + n) for n in range(500))
        until("final and running", lambda: {0, 1} <= stored(landing, voice.series).keys())
        until("final", lambda: is_final(landing, voice.series, 0))
    before = stored(landing, voice.series)
    voice.tell(trade(START_NS + HOUR_NS + n * SECOND_NS, 500 + n) for n in range(500, 600))
    with Recorder(landing.settings) as second:
        until("said again", lambda: stored(landing, voice.series)[1].revision > before[1].revision)
        assert len(stored(landing, voice.series)[1].ticks) == 600
        assert stored(landing, voice.series)[0].hash == before[0].hash
        assert second.turn().condition is Condition.OK
    voice.complete(START_NS + 2 * HOUR_NS)
    with Recorder(landing.settings):
        until("final", lambda: is_final(landing, voice.series, 0, 1))
    assert len(stored(landing, voice.series)[1].ticks) == 600


def test_candles_follow(landing: Sinks, venue: Worker, recorder: Recorder) -> None:
    voice = venue.voice()
    start_ns = now_us() // HOUR_US * HOUR_US * 1000
    voice.tell(trade(start_ns + n, n) for n in range(1, 100))
    with Refresher(landing.settings) as refresher:

        def count() -> int:
            refresher.turn()
            candles = landing.store.read_candles(voice.series, Timeframe.M1, 0, 2**52)
            return sum(int(chunk.columns["trades"].sum()) for chunk in candles)

        until("candles", lambda: count() == 99)
        assert landing.store.dirty_series(["kraken"], 0) == []
