"""What consumers import, and the SQL functions: the same ticks and candles as were landed."""

from collections.abc import Callable
from datetime import UTC, date, datetime

import numpy as np
import psycopg
import pytest

from candlewick.client import Client
from candlewick.errors import CandlewickError
from candlewick.hours import Quotes, Trades
from candlewick.instruments import Kind
from candlewick.store import UnknownSeriesError, candles
from candlewick.times import HOUR_US, parse_time

from .landing import BTCUSD, EURUSD, Landing

START = parse_time("2026-02-03T09:00:00Z")
HOURS = 3


@pytest.fixture
def client(landing: Landing, some_quotes: Callable[..., Quotes]) -> Client:
    for i in range(HOURS):
        landing.land(landing.hour(EURUSD, START + i * HOUR_US, some_quotes(400, seed=i)))
    big = np.array([2**62, 2**62, 5], dtype=np.int64)
    times, ids = np.array([0, 1, 2], dtype=np.int64), np.array([3, 4, 5], dtype=np.int64)
    trades = Trades(times, ids, ids * 10, big, np.array([1, 1, -1], dtype=np.int64))
    landing.land(landing.hour(BTCUSD, START, trades))
    for series in (EURUSD, BTCUSD):
        landing.refresh(series)
    return Client(landing.url)


def test_ticks_are_those_that_landed(client: Client, landing: Landing) -> None:
    with client:
        table = client.ticks("EUR/USD", START, START + HOURS * HOUR_US)
    hours = list(landing.store.read_hours(EURUSD, START, START + HOURS * HOUR_US))
    assert table["time"].cast("int64").to_pylist() == [
        hour.hour_us + us for hour in hours for us in hour.ticks.us.tolist()
    ]
    for name in Quotes.names[1:]:
        scale = 1e6 if "volume" in name else 1e5
        wanted = np.concatenate([getattr(hour.ticks, name) for hour in hours]) / scale
        assert (table[name].to_numpy() == wanted).all()


def test_moments_in_any_spelling(client: Client) -> None:
    with client:
        whole = client.ticks(EURUSD.name, "2026-02-03", "2026-02-04")
        assert whole.num_rows == 400 * HOURS
        for start, end in (
            (date(2026, 2, 3), date(2026, 2, 4)),
            (datetime(2026, 2, 3, tzinfo=UTC), "2026-02-03T12:00:00+00:00"),
        ):
            assert client.ticks("eurusd", start, end).equals(whole)
        part = client.ticks("eurusd", START + HOUR_US // 2, START + HOUR_US + 1)
    inside = [
        us for us in whole["time"].cast("int64").to_pylist() if START + HOUR_US // 2 <= us <= START + HOUR_US
    ]
    assert part["time"].cast("int64").to_pylist() == inside


def test_spans_cut_hours_where_their_ticks_lie(client: Client, landing: Landing) -> None:
    """Repeated times, bounds on a tick and between ticks, and trades whose times are out of order."""
    us = np.array([0, 5, 5, 5, 9, 3_599_999_999], dtype=np.int64)
    hour_us = START + 10 * HOUR_US
    prices = np.arange(1, 7, dtype=np.int64)
    landing.land(landing.hour(EURUSD, hour_us, Quotes(us, prices, prices, prices, prices)))
    late = np.array([7, 3, 9, 4], dtype=np.int64)
    trades = Trades(late, *[np.arange(1, 5, dtype=np.int64)] * 3, np.ones(4, dtype=np.int64))
    landing.land(landing.hour(BTCUSD, hour_us, trades))
    with client:
        for first in (0, 1, 5, 6, 9, 10, 3_599_999_999):
            for end in (1, 5, 6, 9, 10, 3_599_999_999, 3_600_000_000):
                table = client.ticks(EURUSD.name, hour_us + first, hour_us + end)
                wanted = prices[(us >= first) & (us < end)].tolist()
                assert [round(bid * 1e5) for bid in table["bid"].to_pylist()] == wanted, (first, end)
        table = client.ticks(BTCUSD.name, hour_us + 4, hour_us + 9)
        assert table["trade_id"].to_pylist() == [1, 4]


def test_candles_and_sql_functions_agree(client: Client, landing: Landing) -> None:
    with client:
        for timeframe in ("1m", "1h", "1d", "1w"):
            table = client.candles(EURUSD.name, timeframe, "2026-01-01", "2026-03-01")
            rows = landing.connection.execute(
                "SELECT * FROM quote_candles(%s, %s, '2026-01-01', '2026-03-01')", [EURUSD.name, timeframe]
            ).fetchall()
            assert table.num_rows > 0
            assert [tuple(row.values()) for row in table.to_pylist()] == rows
        ticks = client.ticks(EURUSD.name, START + 7, START + HOUR_US + 7)
    rows = landing.connection.execute(
        "SELECT * FROM quotes(%s, to_timestamp(%s) + interval '7 us', to_timestamp(%s) + interval '7 us')",
        [EURUSD.name, START // 10**6, (START + HOUR_US) // 10**6],
    ).fetchall()
    assert [tuple(row.values()) for row in ticks.to_pylist()] == rows


def test_trades_and_sums_beyond_64_bits(client: Client, landing: Landing) -> None:
    with client:
        ticks = client.ticks(BTCUSD.name, "2026-02-03", "2026-02-04").to_pylist()
        [candle] = client.candles(BTCUSD.name, "1d", "2026-02-03", "2026-02-04").to_pylist()
    assert [(row["trade_id"], row["price"], row["side"]) for row in ticks] == [
        (3, 3.0, "buy"),
        (4, 4.0, "buy"),
        (5, 5.0, "sell"),
    ]
    assert candle["volume"] == float(2**63 + 5) / 1e8
    assert candle["buy_volume"] == float(2**63) / 1e8
    sql = "SELECT trade_id, price, quantity, side FROM trades(%s, '2026-02-03', '2026-02-04')"
    rows = landing.connection.execute(sql, [BTCUSD.name]).fetchall()
    assert [tuple(row.values())[1:] for row in ticks] == rows


def test_candles_come_in_parts(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    with client:
        whole = client.candles(EURUSD.name, "1m", "2026-02-03", "2026-02-04")
        monkeypatch.setattr(candles, "CANDLES_AT_ONCE", 7)
        parts = list(client.iter_candles(EURUSD.name, "1m", "2026-02-03", "2026-02-04"))
        assert {part.num_rows for part in parts[:-1]} == {7}
        assert client.candles(EURUSD.name, "1m", "2026-02-03", "2026-02-04").equals(whole)


def test_coverage_as_a_table(client: Client) -> None:
    with client:
        table = client.coverage("eurusd", START, START + 4 * HOUR_US)
    assert table["state"].to_pylist() == ["data"] * 3 + ["pending"]
    assert table["ticks"].to_pylist() == [400, 400, 400, 0]


def test_nothing_has_the_same_columns(client: Client) -> None:
    with client:
        for span in (("2020-01-01", "2020-01-02"), ("2026-02-03", "2026-02-04")):
            assert client.ticks("eurusd", *span).column_names == ["time", *Quotes.names[1:]]
            assert client.candles("eurusd", "1m", *span).column_names[-1] == "ticks"


def test_what_is_unknown_is_named(client: Client, landing: Landing) -> None:
    with client:
        with pytest.raises(UnknownSeriesError, match="dukascopy:gbpusd:quotes"):
            client.ticks("GBP/USD", "2020-01-01", "2020-01-02")
        with pytest.raises(CandlewickError, match="no '7m' candles"):
            client.candles("eurusd", "7m", "2020-01-01", "2020-01-02")
    with pytest.raises(psycopg.errors.InvalidParameterValue, match="there are no '7m' candles"):
        landing.connection.execute("SELECT * FROM quote_candles(%s, '7m', now(), now())", [EURUSD.name])
    for function in (
        "quotes(%s, now(), now())",
        "coverage(%s, now(), now())",
        "quote_candles(%s, '1m', now(), now())",
    ):
        with pytest.raises(psycopg.errors.NoDataFound, match="no series nix is collected here"):
            landing.connection.execute(f"SELECT * FROM {function}".encode(), ["nix"])  # noqa: S608


def test_the_reader_may_read_and_nothing_else(client: Client, landing: Landing) -> None:
    landing.store.prepare_roles("sink's secret", "reader's secret")
    info = psycopg.conninfo.conninfo_to_dict(landing.url)
    url = psycopg.conninfo.make_conninfo(
        **{**info, "user": f"{info['dbname']}_reader", "password": "reader's secret"}
    )
    with Client(url) as reader:
        assert reader.ticks("eurusd", "2026-02-03", "2026-02-04").num_rows == 400 * HOURS
        assert reader.candles("eurusd", "1h", "2026-02-03", "2026-02-04").num_rows == HOURS
        assert reader.coverage("eurusd", "2026-02-03", "2026-02-04").num_rows == 24
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET default_transaction_read_only = off")
        for statement in (
            "DELETE FROM quote_hour",
            "INSERT INTO installation (kind) VALUES ('demo')",
            "CREATE TABLE mine ()",
            "SELECT prepare_sink_role('x')",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)


def test_the_sink_may_upsert_hours_and_nothing_else(
    landing: Landing, some_quotes: Callable[..., Quotes]
) -> None:
    landing.store.prepare_roles("sink's secret", "reader's secret")
    landing.store.prepare_roles("another secret", "reader's secret")
    info = psycopg.conninfo.conninfo_to_dict(landing.url)
    database = info["dbname"]
    url = psycopg.conninfo.make_conninfo(**{**info, "user": f"{database}_sink", "password": "another secret"})
    with psycopg.connect(url, autocommit=True) as connection:
        sink = Landing(landing.url, landing.store, connection)
        for count in (5, 6):
            sink.land(sink.hour(EURUSD, START, some_quotes(count)))
        for statement in (
            "SELECT * FROM series",
            "SELECT * FROM quote_candle",
            "SELECT * FROM installation",
            "DELETE FROM quote_hour",
            "TRUNCATE quote_hour",
            "CREATE TABLE mine ()",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)
    assert landing.store.landed(EURUSD.name, [START])[START].ticks == 6
    assert EURUSD.kind is Kind.QUOTES
