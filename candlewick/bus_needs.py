"""What the broker must have, as data: namespaces with policies and rights, topics, schemas, subscriptions."""

from collections.abc import Mapping
from dataclasses import dataclass

from candlewick import access, messages, topics
from candlewick.instruments import Series
from candlewick.live import continuity, events
from candlewick.live.channels import channels

RETENTION_DAYS = 7
BACKLOG_GIB = 16
"""Unread bytes of one topic from which its producers are refused: nothing is ever evicted."""

UNACKED_MESSAGES = 32
"""Hours of one topic that one instance of a sink may hold; bounds the heap of the broker's process."""


@dataclass(frozen=True, slots=True)
class Need:
    """A topic with its schema, and the subscription that must not miss anything of it, if any.

    What is not recorded (tickers) has no subscription, and so leaves no backlog.
    """

    topic: str
    encoding: str
    definition: messages.Definition
    reader: str | None


def hour_need(series: Series) -> Need:
    """What the hours of a series need."""
    definition = messages.DEFINITIONS[series.kind]
    return Need(topics.hour_topic(series), "AVRO", definition, topics.sink_subscription(series.kind))


def live_needs(series: Series) -> list[Need]:
    """What the events of a live series need."""
    found: list[Need] = []
    for channel in channels(series):
        topic = topics.live_topic(series, channel)
        recorded = channel == series.kind.value
        found.append(Need(topic, "JSON", events.DEFINITIONS[channel], topics.RECORDER if recorded else None))
        if recorded:
            found.append(Need(topics.continuity_topic(topic), "JSON", continuity.DEFINITION, topics.RECORDER))
    return found


@dataclass(frozen=True, slots=True)
class Policy:
    """One setting of a namespace: how it is set, and how the namespace's policies show it."""

    name: str
    value: object
    key: str
    stored: object
    verb: str = "POST"


@dataclass(frozen=True, slots=True)
class Namespace:
    policies: tuple[Policy, ...]
    permissions: Mapping[str, tuple[str, ...]]


def _policy(name: str, key: str, value: object, verb: str = "POST") -> Policy:
    return Policy(name, value, key, value, verb)


def namespaces() -> dict[str, Namespace]:
    minutes = RETENTION_DAYS * 24 * 60
    quota = {"limitSize": BACKLOG_GIB << 30, "limitTime": -1, "policy": "producer_exception"}
    kept = (
        _policy(
            "retention", "retention_policies", {"retentionTimeInMinutes": minutes, "retentionSizeInMB": -1}
        ),
        # Refusing a producer is loud; the other policies hold it back silently or throw backlog away.
        Policy("backlogQuota", quota, "backlog_quota_map", {"destination_storage": quota}),
        _policy("messageTTL", "message_ttl_in_seconds", 0),
        _policy("subscriptionExpirationTime", "subscription_expiration_time_minutes", 0),
        _policy("schemaCompatibilityStrategy", "schema_compatibility_strategy", "FULL", "PUT"),
        _policy("schemaValidationEnforced", "schema_validation_enforced", value=True),
    )
    declared = (
        # Topics and their schemas are made by Candlewick; a stray producer makes neither.
        Policy(
            "autoTopicCreation",
            {"allowAutoTopicCreation": False},
            "autoTopicCreationOverride",
            {"allowAutoTopicCreation": False},
        ),
        _policy("isAllowAutoUpdateSchema", "is_allow_auto_update_schema", value=False),
    )
    unacked = _policy("maxUnackedMessagesPerConsumer", "max_unacked_messages_per_consumer", UNACKED_MESSAGES)
    deduplicated = _policy("deduplication", "deduplicationEnabled", value=True)
    reader = {access.PULSAR_READER: ("consume",)}
    historical = {
        access.PULSAR_PUBLISHER: ("produce",),
        access.PULSAR_RECORDER: ("produce",),
        access.PULSAR_GUARD: ("consume", "sinks"),
        **reader,
    }
    live = {access.PULSAR_STREAMER: ("produce", "consume"), access.PULSAR_RECORDER: ("consume",), **reader}
    control = {
        access.PULSAR_GUARD: ("produce",),
        access.PULSAR_STREAMER: ("produce", "consume"),
        access.PULSAR_RECORDER: ("produce", "consume"),
        **reader,
    }
    return {
        topics.namespace(topics.HISTORICAL): Namespace((*kept, *declared, unacked), historical),
        topics.namespace(topics.CONTROL): Namespace((*kept, *declared), control),
        **{
            topics.namespace(name): Namespace((*kept, *declared, deduplicated), live)
            for name in topics.LIVE_NAMESPACES
        },
    }
