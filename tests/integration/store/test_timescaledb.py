"""With TimescaleDB: hypertables, and the same candles from compressed chunks. Skipped without it."""

from collections.abc import Callable

import pytest

from candlewick.candles import Timeframe
from candlewick.hours import HourState, Quotes
from candlewick.times import HOUR_US, parse_time

from .landing import EURUSD, Landing

START = parse_time("2020-02-03T09:00:00Z")


@pytest.fixture
def hypertables(landing: Landing) -> Landing:
    found = landing.connection.execute("SELECT FROM pg_extension WHERE extname = 'timescaledb'").fetchone()
    if found is None:
        pytest.skip("this server has no TimescaleDB; CANDLEWICK_TEST_DATABASE_URL names one that has")
    return landing


def test_hours_and_candles_are_hypertables(hypertables: Landing) -> None:
    rows = hypertables.connection.execute(
        "SELECT hypertable_name, compression_enabled FROM timescaledb_information.hypertables ORDER BY 1"
    ).fetchall()
    assert rows == [
        *(("quote_candle", True), ("quote_hour", False)),
        *(("trade_candle", True), ("trade_hour", False)),
    ]


def test_there_is_no_index_but_our_own(hypertables: Landing) -> None:
    rows = hypertables.connection.execute(
        "SELECT indexname FROM pg_indexes WHERE tablename IN "
        "('quote_hour', 'trade_hour', 'quote_candle', 'trade_candle')"
    ).fetchall()
    assert sorted(name for (name,) in rows) == [
        *("quote_candle_pkey", "quote_hour_gaps", "quote_hour_pkey"),
        *("trade_candle_pkey", "trade_hour_gaps", "trade_hour_pkey"),
    ]


def test_old_candles_are_compressed_by_themselves(hypertables: Landing) -> None:
    rows = hypertables.connection.execute(
        "SELECT hypertable_name FROM timescaledb_information.jobs "
        "WHERE proc_name = 'policy_compression' ORDER BY 1"
    ).fetchall()
    assert rows == [("quote_candle",), ("trade_candle",)]


def test_corrections_reach_into_compressed_chunks(
    hypertables: Landing, some_quotes: Callable[..., Quotes]
) -> None:
    landing = hypertables
    for i in range(60):
        landing.land(landing.hour(EURUSD, START + i * HOUR_US, some_quotes(300, seed=i)))
    landing.refresh(EURUSD)
    landing.connection.execute("SELECT compress_chunk(show_chunks('quote_candle'))")
    before = landing.stored_candles(EURUSD)
    assert before == landing.expected_candles(EURUSD)
    [read] = landing.store.read_candles(EURUSD, Timeframe.M1, START, START + 60 * HOUR_US)
    assert len(read) == sum(row[0] == "1m" for row in before)
    landing.land(landing.hour(EURUSD, START, some_quotes(20, seed=99)))
    landing.land(landing.hour(EURUSD, START + HOUR_US, state=HourState.CLOSED))
    landing.land(landing.hour(EURUSD, START + 100 * HOUR_US, some_quotes(50, seed=98)))
    assert landing.refresh(EURUSD) == 6
    assert landing.stored_candles(EURUSD) == landing.expected_candles(EURUSD) != before


def test_a_rebuild_of_compressed_candles_changes_nothing(
    hypertables: Landing, some_quotes: Callable[..., Quotes]
) -> None:
    landing = hypertables
    for i in range(30):
        landing.land(landing.hour(EURUSD, START + i * HOUR_US, some_quotes(300, seed=i)))
    landing.refresh(EURUSD)
    before = landing.stored_candles(EURUSD)
    landing.connection.execute("SELECT compress_chunk(show_chunks('quote_candle'))")
    landing.store.distrust_candles(EURUSD.name)
    landing.refresh(EURUSD)
    assert landing.stored_candles(EURUSD) == before
