"""Keys of the assets of the live side."""

import dagster as dg

from candlewick import pipeline, topics
from candlewick.instruments import Kind, Series

OWNERS = ["team:market-data"]
SINK_GROUP = "sinks"
RESTART_GROUP = "restart"
RESTART_JOB = "restart"


def venue_key(venue: str) -> dg.AssetKey:
    return dg.AssetKey(pipeline.venue_path(venue))


def stream_key(series: Series) -> dg.AssetKey:
    return dg.AssetKey([series.venue, series.symbol, series.kind.value, "stream"])


def hours_key(series: Series) -> dg.AssetKey:
    return dg.AssetKey([series.venue, series.symbol, series.kind.value, "hours"])


def candles_key(series: Series) -> dg.AssetKey:
    return dg.AssetKey([series.venue, series.symbol, series.kind.value, "candles"])


def sink_key(name: str) -> dg.AssetKey:
    return dg.AssetKey(pipeline.sink_path(name))


def kind_sink_key(kind: Kind) -> dg.AssetKey:
    return sink_key(topics.sink_name(kind))


def restart_key(name: str) -> dg.AssetKey:
    return dg.AssetKey(pipeline.restart_path(name))
