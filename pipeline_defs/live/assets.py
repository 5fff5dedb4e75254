"""The external assets of the live side: from a venue over its streams, their hours and the sinks to candles.

Dagster computes none of them. The venue's own asset carries what the sensor observes, a table with a line
for each series: an observation of each stream would be a hundred times as many events.
"""

from collections.abc import Sequence
from itertools import groupby

import dagster as dg

from candlewick import access, topics
from candlewick.instruments import Kind, Series
from candlewick.live.channels import channels
from candlewick.live.events import Channel
from candlewick.pipeline import Stage, asset_path
from candlewick.settings import Settings
from pipeline_defs.catalogue import Collected
from pipeline_defs.history import columns
from pipeline_defs.live.names import (
    OWNERS,
    SINK_GROUP,
    candles_key,
    hours_key,
    kind_sink_key,
    restart_key,
    stream_key,
    venue_key,
)


def live_assets(live: Sequence[Collected], settings: Settings) -> list[dg.AssetSpec]:
    """The venues of these series, and what becomes of each series; without the sinks."""
    specs: list[dg.AssetSpec] = []
    for venue, _ in groupby(sorted(one.series.venue for one in live)):
        specs.append(_venue(venue, settings))
    for one in live:
        specs += [_stream(one, settings), _hours(one, settings), _candles(one)]
    return specs


def sink_assets(collected: Sequence[Collected], live: Sequence[Collected]) -> list[dg.AssetSpec]:
    """The two JDBC sinks, which all hours go through, whoever published them."""
    return [_sink(kind, collected, live) for kind in Kind]


def _tags(series: Series) -> dict[str, str]:
    return {"venue": series.venue, "symbol": series.symbol, "class": series.asset_class.value}


def _group(series: Series) -> str:
    return f"{series.venue}_{series.symbol}"


def _venue(venue: str, settings: Settings) -> dg.AssetSpec:
    addresses = {"kraken": settings.kraken_ws_url, "oanda": settings.oanda_stream_url}
    return dg.AssetSpec(
        venue_key(venue),
        description=f"{venue.capitalize()} as its worker sees it. Observed every few minutes and at every "
        "change: the table has a line for each series. The checks say what to do; the asset "
        f"`restart/{venue}` starts the worker anew.",
        group_name=venue,
        owners=OWNERS,
        kinds={venue, "python"},
        tags={"venue": venue},
        metadata={"dagster/uri": addresses[venue]} if venue in addresses else {},
    )


def _stream(one: Collected, settings: Settings) -> dg.AssetSpec:
    series = one.series
    topic = topics.live_topic(series, Channel(series.kind.value))
    others = [topics.live_topic(series, channel) for channel in channels(series)[1:]]
    also = f" The same messages also give {', '.join(f'`{other}`' for other in others)}." if others else ""
    return dg.AssetSpec(
        stream_key(series),
        deps=[venue_key(series.venue)],
        description=f"{series.kind.value.capitalize()} of {one.title} as they happen, one message each, and "
        f"beside them on `{topics.continuity_topic(topic)}` what is known of their completeness.{also} "
        f"`candlewick tail {series.name}` shows them.",
        group_name=_group(series),
        owners=OWNERS,
        kinds={series.venue, "pulsar"},
        tags=_tags(series),
        metadata={"dagster/uri": _uri(settings, topic), "topic": topic},
    )


def _hours(one: Collected, settings: Settings) -> dg.AssetSpec:
    series = one.series
    topic = topics.hour_topic(series)
    return dg.AssetSpec(
        hours_key(series),
        deps=[stream_key(series)],
        description=f"Hours of {one.title}, which the recorder makes of the stream: the running one again "
        "and again, the final one once the worker has said that it is complete. "
        f"`candlewick coverage {series.name} --from DAY --to DAY` shows which are there.",
        group_name=_group(series),
        owners=OWNERS,
        kinds={"pulsar", "python"},
        tags=_tags(series),
        metadata={"dagster/uri": _uri(settings, topic), "topic": topic},
    )


def _candles(one: Collected) -> dg.AssetSpec:
    series = one.series
    return dg.AssetSpec(
        candles_key(series),
        # The sink is everybody's: without the second edge nobody would see whose hours these are made of.
        deps=[kind_sink_key(series.kind), hours_key(series)],
        description=f"Candles of {one.title}, 1m to 1w, which the refresher keeps seconds behind the hours.",
        group_name=_group(series),
        owners=OWNERS,
        kinds={"postgresql", "sql"},
        tags=_tags(series),
        metadata=columns.candles(series),
    )


def _sink(kind: Kind, collected: Sequence[Collected], live: Sequence[Collected]) -> dg.AssetSpec:
    published = [
        dg.AssetKey(asset_path(one.series, Stage.PUBLISHED)) for one in collected if one.series.kind is kind
    ]
    hours = [hours_key(one.series) for one in live if one.series.kind is kind]
    return dg.AssetSpec(
        kind_sink_key(kind),
        deps=[*published, *hours],
        description=f"Pulsar's own JDBC sink, which writes the hours of all series of {kind.value} into "
        f"the table `{topics.hour_table(kind)}`. The guard keeps it going; by hand: "
        f"`{restart_key(topics.sink_name(kind)).to_user_string()}`.",
        group_name=SINK_GROUP,
        owners=OWNERS,
        kinds={"pulsar", "postgresql"},
        metadata={"dagster/table_name": topics.hour_table(kind)},
    )


def _uri(settings: Settings, topic: str) -> str:
    return f"{access.pulsar_url(settings)}/{topic.partition('://')[2]}"
