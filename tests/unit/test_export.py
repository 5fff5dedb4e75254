"""csv, json and parquet: columns, digits and times exactly as documented."""

import contextlib
import csv
import io
from decimal import Decimal, localcontext
from pathlib import Path

import numpy as np
import orjson
import pyarrow.parquet
import pytest
from hypothesis import given
from hypothesis import strategies as st

from candlewick.candles import QUOTE_CANDLE_COLUMNS, Candles
from candlewick.export import Format, output, write
from candlewick.hours import Quotes, Ticks, Trades
from candlewick.instruments import AssetClass, Kind, Series
from candlewick.tables import candle_schema, candle_table, tick_schema, tick_table
from candlewick.times import parse_time

EURUSD = Series("dukascopy", "eurusd", Kind.QUOTES, AssetClass.FOREX, 5, 6, "forex")
BTCUSD = Series("kraken", "btcusd", Kind.TRADES, AssetClass.CRYPTO, 1, 8, "crypto")
HOUR = parse_time("2019-02-04T10:00:00Z")


def column(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int64)


QUOTES = Quotes(
    *(column(43_000, 209_001), column(114_452, 114_450), column(114_457, 114_460)),
    *(column(1_750_000, 1), column(0, 10_000)),
)
TRADES = Trades(column(0, 0), column(7, 8), column(5, 90_001), column(1, 150_000_000), column(1, -1))
CANDLES = Candles(
    column(HOUR), {name: column(value) for value, name in enumerate(QUOTE_CANDLE_COLUMNS, start=114_000)}
)


def written(series: Series, ticks: Ticks, file_format: Format) -> bytes:
    sink = io.BytesIO()
    exact = file_format is Format.CSV
    table = tick_table(series, HOUR, ticks, exact=exact)
    write([table], tick_schema(series, exact=exact), file_format, sink, unit="us")
    return sink.getvalue()


def written_candles(file_format: Format) -> bytes:
    sink = io.BytesIO()
    exact = file_format is Format.CSV
    table = candle_table(EURUSD, CANDLES, exact=exact)
    write([table], candle_schema(EURUSD, exact=exact), file_format, sink, unit="s")
    return sink.getvalue()


def test_quotes_as_csv() -> None:
    assert written(EURUSD, QUOTES, Format.CSV).decode() == (
        "time,bid,ask,bid_volume,ask_volume\n"
        "2019-02-04T10:00:00.043000Z,1.14452,1.14457,1.750000,0.000000\n"
        "2019-02-04T10:00:00.209001Z,1.14450,1.14460,0.000001,0.010000\n"
    )


def test_trades_as_csv() -> None:
    assert written(BTCUSD, TRADES, Format.CSV).decode() == (
        "time,trade_id,price,quantity,side\n"
        "2019-02-04T10:00:00.000000Z,7,0.5,0.00000001,buy\n"
        "2019-02-04T10:00:00.000000Z,8,9000.1,1.50000000,sell\n"
    )


def test_json_has_numbers() -> None:
    assert orjson.loads(written(EURUSD, QUOTES, Format.JSON))[0] == {
        "time": "2019-02-04T10:00:00.043000Z",
        "bid": 1.14452,
        "ask": 1.14457,
        "bid_volume": 1.75,
        "ask_volume": 0.0,
    }
    assert b'"price":9000.1,"quantity":1.5,"side":"sell"' in written(BTCUSD, TRADES, Format.JSON)


def test_candles_carry_whole_seconds() -> None:
    lines = written_candles(Format.CSV).decode().splitlines()
    assert lines[0] == (
        "time,bid_open,bid_high,bid_low,bid_close,ask_open,ask_high,ask_low,ask_close,"
        "bid_volume,ask_volume,ticks"
    )
    assert lines[1].startswith("2019-02-04T10:00:00Z,1.14000,1.14001,")
    assert lines[1].endswith(",0.114008,0.114009,114010")
    assert orjson.loads(written_candles(Format.JSON))[0]["bid_high"] == 1.14001


def test_parquet_has_utc_times_and_doubles() -> None:
    table = pyarrow.parquet.read_table(io.BytesIO(written(EURUSD, QUOTES, Format.PARQUET)))
    assert str(table.schema.field("time").type) == "timestamp[us, tz=UTC]"
    assert {str(field.type) for field in list(table.schema)[1:]} == {"double"}
    assert table["bid"].to_pylist() == [1.14452, 1.1445]


@pytest.mark.parametrize("file_format", Format)
def test_nothing_is_still_a_whole_file(file_format: Format) -> None:
    sink = io.BytesIO()
    schema = candle_schema(EURUSD)
    write([], schema, file_format, sink, unit="s")
    content = sink.getvalue()
    match file_format:
        case Format.CSV:
            assert content.decode() == ",".join(schema.names) + "\n"
        case Format.JSON:
            assert orjson.loads(content) == []
        case Format.PARQUET:
            assert pyarrow.parquet.read_table(io.BytesIO(content)).schema == schema


@given(st.lists(st.integers(1 - 2**63, 2**100), min_size=1), st.integers(0, 18))
def test_csv_is_exact_beyond_64_bits(values: list[int], scale: int) -> None:
    series = Series("kraken", "pepeusd", Kind.TRADES, AssetClass.CRYPTO, 0, scale, "crypto")
    big = np.array(values, dtype=object)
    with contextlib.suppress(OverflowError):
        big = np.array(values, dtype=np.int64)
    columns = dict.fromkeys(("open", "high", "low", "close", "volume", "buy_volume"), big)
    candles = Candles(column(*[0] * len(values)), columns | {"trades": column(*[1] * len(values))})
    sink = io.BytesIO()
    table = candle_table(series, candles, exact=True)
    write([table], candle_schema(series, exact=True), Format.CSV, sink, unit="s")
    rows = list(csv.DictReader(io.StringIO(sink.getvalue().decode())))
    with localcontext(prec=60):
        assert [row["volume"] for row in rows] == [f"{Decimal(value).scaleb(-scale):f}" for value in values]


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "ticks.csv"
    path.write_text("before")
    with pytest.raises(ZeroDivisionError), output(path, Format.CSV) as sink:
        sink.write(b"half" * (1 // 0))
    assert path.read_text() == "before"
    with output(path, Format.CSV) as sink:
        sink.write(b"whole")
    assert path.read_text() == "whole"
    assert [file.name for file in path.parent.iterdir()] == ["ticks.csv"]
