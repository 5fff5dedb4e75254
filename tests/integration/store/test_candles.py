"""Stored candles: equal to the numpy reference and to a full rebuild, whatever came in which order."""

import threading
from collections.abc import Callable

import numpy as np
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from candlewick.candles import Level
from candlewick.hours import HourState, Quotes, Ticks, Trades
from candlewick.instruments import Kind, Series
from candlewick.store import Store, UnknownSeriesError
from candlewick.times import HOUR_US, parse_time

from .landing import BTCUSD, DAX, EURUSD, Landing

# Around both clock changes of New York, so that short and long trading days occur.
STARTS = [parse_time(text) for text in ("2026-03-08T17:00:00Z", "2026-11-01T17:00:00Z")]

rows = st.lists(
    st.tuples(st.integers(0, HOUR_US - 1), *[st.integers(1, 10**5)] * 2, *[st.integers(0, 2**62)] * 2),
    max_size=6,
)


def ticks_of(kind: Kind, values: list[tuple[int, int, int, int, int]]) -> Ticks:
    us, a, b, c, d = np.array(values, dtype=np.int64).reshape(-1, 5).T
    if kind is Kind.QUOTES:
        return Quotes(us, a, b, c, d)
    return Trades(us, a, b, c, np.where(d % 2 == 0, 1, -1))


steps = st.one_of(
    st.tuples(st.just("land"), st.integers(0, 9), rows),
    st.tuples(st.just("pending"), st.integers(0, 9), rows),
    st.tuples(st.just("delete"), st.integers(0, 9), st.none()),
    st.tuples(st.just("intraday"), st.none(), st.none()),
    st.tuples(st.just("daily"), st.none(), st.none()),
)


@pytest.mark.parametrize("series", [EURUSD, BTCUSD, DAX], ids=lambda series: series.name)
@given(start=st.sampled_from(STARTS), plan=st.lists(steps, max_size=14))
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_candles_equal_the_reference_and_a_rebuild(
    landing: Landing, series: Series, start: int, plan: list[tuple[str, int | None, list | None]]
) -> None:
    """After any replacements, hours gone included, with refreshes of either level in between."""
    landing.connection.execute("TRUNCATE quote_hour, trade_hour, quote_candle, trade_candle, candle_mark")
    for action, hour, values in plan:
        match action:
            case "intraday" | "daily":
                landing.store.refresh(series.name, Level(action))
            case "delete":
                landing.connection.execute(
                    b"DELETE FROM quote_hour WHERE hour = to_timestamp(%(s)s); "
                    if series.kind is Kind.QUOTES
                    else b"DELETE FROM trade_hour WHERE hour = to_timestamp(%(s)s)",
                    {"s": (start + (hour or 0) * HOUR_US) // 10**6},
                )
            case _:
                state = HourState.PENDING if action == "pending" else HourState.DATA
                ticks = ticks_of(series.kind, values or [])
                landing.land(landing.hour(series, start + (hour or 0) * HOUR_US, ticks, state))
    landing.refresh(series)
    refreshed = landing.stored_candles(series)
    assert refreshed == landing.expected_candles(series)
    assert landing.refresh(series) == 0
    landing.store.distrust_candles(series.name)
    landing.refresh(series)
    assert landing.stored_candles(series) == refreshed


def test_only_dirty_hours_are_made_anew(landing: Landing, some_quotes: Callable[..., Quotes]) -> None:
    start = parse_time("2026-02-02T00:00:00Z")
    for i in range(30):
        landing.land(landing.hour(EURUSD, start + i * HOUR_US, some_quotes(50, seed=i)))
    assert landing.store.refresh(EURUSD.name, Level.INTRADAY).hours == 30
    assert landing.store.refresh(EURUSD.name, Level.DAILY).hours == 30
    landing.land(landing.hour(EURUSD, start + 7 * HOUR_US, some_quotes(40, seed=99)))
    made = landing.store.refresh(EURUSD.name, Level.INTRADAY)
    assert (made.hours, made.ticks) == (1, 40)
    assert landing.store.refresh(EURUSD.name, Level.DAILY).hours == 1
    assert landing.stored_candles(EURUSD) == landing.expected_candles(EURUSD)


def test_candles_that_did_not_change_are_not_written(
    landing: Landing, some_quotes: Callable[..., Quotes]
) -> None:
    landing.land(landing.hour(EURUSD, STARTS[0], some_quotes(500)))
    landing.refresh(EURUSD)
    written = "SELECT array_agg(xmin::text ORDER BY timeframe, ts) FROM quote_candle"
    before = landing.connection.execute(written).fetchone()
    landing.store.distrust_candles(EURUSD.name)
    landing.refresh(EURUSD)
    assert landing.connection.execute(written).fetchone() == before


def test_a_span_limits_what_is_refreshed(landing: Landing, some_quotes: Callable[..., Quotes]) -> None:
    start = STARTS[0]
    for i in range(3):
        landing.land(landing.hour(EURUSD, start + i * HOUR_US, some_quotes(5, seed=i)))
    made = landing.store.refresh(EURUSD.name, Level.INTRADAY, start + HOUR_US, start + 2 * HOUR_US)
    assert made.hours == 1
    assert landing.refresh(EURUSD) == 2 + 3


def test_more_hours_than_one_transaction_takes(landing: Landing, some_quotes: Callable[..., Quotes]) -> None:
    start = parse_time("2026-01-05T00:00:00Z")
    for i in range(800):
        landing.land(landing.hour(EURUSD, start + i * HOUR_US, some_quotes(3, seed=i)))
    assert landing.refresh(EURUSD) == 1600
    assert landing.stored_candles(EURUSD) == landing.expected_candles(EURUSD)


def test_stray_candles_vanish_in_a_rebuild(landing: Landing, some_quotes: Callable[..., Quotes]) -> None:
    landing.land(landing.hour(EURUSD, STARTS[0], some_quotes(5)))
    landing.refresh(EURUSD)
    landing.connection.execute(
        "INSERT INTO quote_candle SELECT series_id, timeframe, ts + interval '100 days', bid_open, bid_high, "
        "bid_low, bid_close, ask_open, ask_high, ask_low, ask_close, bid_volume, ask_volume, ticks "
        "FROM quote_candle"
    )
    landing.store.distrust_candles(EURUSD.name)
    landing.refresh(EURUSD)
    assert landing.stored_candles(EURUSD) == landing.expected_candles(EURUSD)


def test_series_do_not_touch_each_other(landing: Landing, some_quotes: Callable[..., Quotes]) -> None:
    for series in (EURUSD, DAX):
        landing.land(landing.hour(series, STARTS[0], some_quotes(50)))
        landing.refresh(series)
    before = landing.stored_candles(DAX)
    landing.land(landing.hour(EURUSD, STARTS[0], Quotes(), HourState.CLOSED))
    landing.refresh(EURUSD)
    assert landing.stored_candles(EURUSD) == []
    assert landing.stored_candles(DAX) == before


def test_an_unknown_series_is_named(landing: Landing) -> None:
    with pytest.raises(UnknownSeriesError, match="oanda:nix:quotes"):
        landing.store.refresh("oanda:nix:quotes", Level.DAILY)


def _waits_for_a_lock(connection: psycopg.Connection) -> bool:
    return bool(
        connection.execute(
            "SELECT count(*) FROM pg_locks JOIN pg_database ON oid = database "
            "WHERE datname = current_database() AND locktype = 'advisory' AND NOT granted"
        ).fetchone()[0]  # type: ignore[index]
    )


def test_a_refresh_sees_what_was_committed_while_it_waited(
    landing: Landing, some_quotes: Callable[..., Quotes]
) -> None:
    """The lock is taken before the snapshot."""
    landing.land(landing.hour(EURUSD, STARTS[0], some_quotes(50)))
    with psycopg.connect(landing.url) as holder:
        holder.execute("SELECT pg_advisory_xact_lock(hashtextextended('candlewick candles', 1))")
        made: list[int] = []
        thread = threading.Thread(
            target=lambda: made.append(landing.store.refresh(EURUSD.name, Level.INTRADAY).ticks)
        )
        thread.start()
        while not _waits_for_a_lock(landing.connection):
            assert thread.is_alive()
        landing.land(landing.hour(EURUSD, STARTS[0], some_quotes(20, seed=1)))
    thread.join(30)
    assert made == [20]
    assert landing.refresh(EURUSD) == 1
    assert landing.stored_candles(EURUSD) == landing.expected_candles(EURUSD)


def test_refreshes_at_the_same_time_end_in_the_right_candles(
    landing: Landing, some_quotes: Callable[..., Quotes]
) -> None:
    stop = threading.Event()
    errors: list[Exception] = []

    def work(level: Level) -> None:
        with Store(landing.url) as store:
            while not stop.is_set():
                try:
                    store.refresh(EURUSD.name, level)
                except psycopg.Error as error:
                    errors.append(error)
                    return

    threads = [threading.Thread(target=work, args=(level,)) for level in (*Level, *Level)]
    for thread in threads:
        thread.start()
    for i in range(60):
        landing.land(landing.hour(EURUSD, STARTS[0] + i % 7 * HOUR_US, some_quotes(60, seed=i)))
    stop.set()
    for thread in threads:
        thread.join(30)
    assert errors == []
    landing.refresh(EURUSD)
    assert landing.stored_candles(EURUSD) == landing.expected_candles(EURUSD)
