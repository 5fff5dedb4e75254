"""Columns of what the assets are made of, for Dagster's pages."""

from typing import Any

import dagster as dg

from candlewick.instruments import Kind, Series
from candlewick.topics import hour_table

_HOUR = (
    ("series", "text", "the series' name"),
    ("hour", "timestamptz", "its start"),
    ("revision", "bigint", "microseconds since 1970 when the content left the venue"),
    ("state", "text", "data, closed or pending"),
    ("source", "text", "the transport it came by"),
    ("ticks", "integer", ""),
    ("content_hash", "bytea", "SHA-256 over scales and columns"),
    ("price_scale", "smallint", "decimal digits"),
    ("volume_scale", "smallint", "decimal digits"),
    ("gap_from", "bigint[]", "known holes"),
    ("gap_to", "bigint[]", ""),
    ("us", "bigint[]", "microseconds since the hour began"),
)
_TICKS = {
    Kind.QUOTES: ("bid", "ask", "bid_volume", "ask_volume"),
    Kind.TRADES: ("trade_id", "price", "quantity", "side"),
}
_CANDLE = {
    Kind.QUOTES: (
        *(f"{side}_{price}" for side in ("bid", "ask") for price in ("open", "high", "low", "close")),
        "bid_volume",
        "ask_volume",
        "ticks",
    ),
    Kind.TRADES: ("open", "high", "low", "close", "volume", "buy_volume", "trades"),
}


def hours(series: Series) -> dict[str, Any]:
    """The hour table's columns."""
    columns = [dg.TableColumn(name, kind, description or None) for name, kind, description in _HOUR]
    columns += [dg.TableColumn(name, "bigint[]") for name in _TICKS[series.kind]]
    return {
        "dagster/column_schema": dg.TableSchema(columns),
        "dagster/table_name": hour_table(series.kind),
    }


def candles(series: Series) -> dict[str, Any]:
    """The candle table's columns."""
    columns = [
        dg.TableColumn("series_id", "integer"),
        dg.TableColumn("timeframe", "text", "1m to 1w"),
        dg.TableColumn("ts", "timestamptz", "the candle's start"),
    ]
    columns += [
        dg.TableColumn(name, "numeric" if "volume" in name else "bigint") for name in _CANDLE[series.kind]
    ]
    return {
        "dagster/column_schema": dg.TableSchema(columns),
        "dagster/table_name": f"{series.kind.value.removesuffix('s')}_candle",
    }
