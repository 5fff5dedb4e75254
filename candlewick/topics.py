"""Names of topics, subscriptions and sinks: a function each, so that no name is spelt twice."""

import re

from candlewick.instruments import AssetClass, Kind, Series
from candlewick.live.events import Channel

TENANT = "market-data"
HISTORICAL = "historical"
CONTROL = "control"
LIVE_NAMESPACES = tuple(asset_class.value for asset_class in AssetClass)


def namespace(name: str) -> str:
    return f"{TENANT}/{name}"


def hour_topic(series: Series) -> str:
    """Where the hours of a series are published; the JDBC sink of its kind reads it."""
    return f"persistent://{TENANT}/{HISTORICAL}/raw.{series.venue}.{series.symbol}.{series.kind}"


def hour_topic_pattern(kind: Kind) -> str:
    """The sink's input pattern: every hour topic of one kind, also those created later."""
    return f"persistent://{TENANT}/{HISTORICAL}/raw\\..*\\.{kind}"


def sink_name(kind: Kind) -> str:
    return f"{kind.value.removesuffix('s')}-hours"


def sink_subscription(kind: Kind) -> str:
    return f"{sink_name(kind)}-sink"


def hour_table(kind: Kind) -> str:
    return f"{kind.value.removesuffix('s')}_hour"


def is_hour_topic(topic: str, kind: Kind) -> bool:
    """Whether a topic holds hours of a kind: exactly those that the sink's pattern takes."""
    return re.fullmatch(hour_topic_pattern(kind), topic) is not None


def series_name(hour_topic: str) -> str:
    """The series whose hours a topic holds."""
    return ":".join(hour_topic.rpartition("/")[2].split(".")[1:])


RECORDER = "recorder"
"""The subscription by which the recorder reads live topics and their continuity."""


def live_topic(series: Series, channel: Channel) -> str:
    """Where the events of one channel of a series' instrument are published as they happen."""
    return f"persistent://{TENANT}/{series.asset_class}/raw.{series.venue}.{series.symbol}.{channel}"


def continuity_topic(live_topic: str) -> str:
    """What is known of the completeness of a live topic."""
    return f"{live_topic}.continuity"


HEALTH_TOPIC = f"persistent://{TENANT}/{CONTROL}/health"
"""Where every worker says how it is."""

WANTED_TOPIC = f"persistent://{TENANT}/{CONTROL}/wanted"
"""What each venue's worker is to stream: its whole list in each message, the last one counts."""
