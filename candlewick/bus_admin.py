"""What Candlewick needs of the broker, made by code: namespaces, topics, schemas, subscriptions, sinks.

Pulsar's admin REST API over HTTP. Every `ensure_...` may be called again at any time: what is there
already is left alone, what differs is changed in place.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote, unquote, urlencode, urlsplit

import httpx
import stamina

from candlewick import access, health, messages, topics
from candlewick.errors import CandlewickError
from candlewick.instruments import Kind, Series
from candlewick.live import continuity, events
from candlewick.live.channels import channels
from candlewick.live.wanted import DEFINITION as WANTED_DEFINITION
from candlewick.position import Position

if TYPE_CHECKING:
    # Loading what reads settings takes 10 MB, which live workers do without.
    from candlewick.settings import Settings

Json = dict[str, Any]

RETENTION_DAYS = 7
BACKLOG_GIB = 16
"""Unread bytes of one topic from which its producers are refused: nothing is ever evicted."""

UNACKED_MESSAGES = 32
"""Hours of one topic that one instance of a sink may hold; bounds the heap of the broker's process."""

RECEIVER_QUEUE = 16
SINK_INSTANCES = 2
"""Parsing the row and casting it overlap; a second instance lands 1.2 to 1.4 times as much on 2 cores."""

REDELIVERY_MS = 10_000
"""After this long a row that failed is tried again."""

_TIMEOUT_S = 20.0
_STATS_THREADS = 4
_EARLIEST = {"ledgerId": -1, "entryId": -1, "partitionIndex": -1}


class BusAdminError(CandlewickError):
    """The broker's admin API refuses, or does not answer."""


class _PassingError(Exception):
    """An answer that will be another one soon: a leader is being chosen, a lock is held."""


@dataclass(frozen=True, slots=True)
class SinkDatabase:
    """Where the sinks write: as a role of its own, since the broker's admin API shows the password."""

    host: str
    port: int
    database: str
    user: str
    password: str
    schema: str = "public"


@dataclass(frozen=True, slots=True)
class SinkStatus:
    """What the functions worker says of a sink; it says `running` of one that lost its database, too."""

    exists: bool
    running: int
    instances: int
    restarts: int
    errors: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a subscription has got in a topic.

    Attributes:
        read: up to where everything is acknowledged; None where nothing is.
        end: the topic's last message; None where it has none.
    """

    read: Position | None
    end: Position | None


@dataclass(frozen=True, slots=True)
class Need:
    """A topic with its schema, and the subscription that must not miss anything of it, if any.

    What is not recorded (tickers) has no subscription, and so leaves no backlog.
    """

    topic: str
    encoding: str
    definition: messages.Definition
    reader: str | None


@dataclass(frozen=True, slots=True)
class Backlog:
    """One topic as its sink's subscription stands.

    Attributes:
        owed: messages that the sink has not yet acknowledged; a chunk counts as one.
        received: messages that the topic took since the broker loaded it.
        consumers: instances of the sink that are connected.
    """

    topic: str
    owed: int
    received: int
    consumers: int


def sink_database(settings: "Settings") -> SinkDatabase:
    """Where the sinks of an installation write."""
    url = urlsplit(access.database_url(settings, access.SINK))
    return SinkDatabase(
        host=url.hostname or "127.0.0.1",
        port=url.port or 5432,
        database=url.path.lstrip("/"),
        user=unquote(url.username or ""),
        password=unquote(url.password or ""),
    )


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


class BusAdmin:
    """The admin REST API in the name of one role. Safe to share between threads; a context manager."""

    def __init__(
        self,
        admin_url: str,
        token: str | None = None,
        *,
        timeout_s: float = _TIMEOUT_S,
        patience_s: float = 45.0,
    ) -> None:
        """`patience_s` is for a broker that answers that it is not ready yet."""
        self._patience_s = patience_s
        self._http = httpx.Client(
            base_url=admin_url,
            headers={"Authorization": f"Bearer {token}"} if token else {},
            timeout=timeout_s,
            limits=httpx.Limits(max_connections=_STATS_THREADS * 2),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self._http.close()

    # Making

    def ensure_platform(self, database: SinkDatabase) -> None:
        """All that does not belong to one series: namespaces and the sinks.

        Raises:
            BusAdminError: the broker refuses, or does not answer.
        """
        self.ensure_namespaces()
        for kind in Kind:
            self.ensure_sink(kind, database)

    def ensure_namespaces(self) -> None:
        """Tenant, namespaces with their policies and permissions, and the topics of the control namespace.

        Raises:
            BusAdminError: the broker refuses, or does not answer.
        """
        self._ensure_tenant()
        for namespace, wanted in _namespaces().items():
            self._ensure_namespace(namespace, wanted)
        self._ensure_topic(topics.HEALTH_TOPIC)
        self._ensure_schema(topics.HEALTH_TOPIC, "JSON", health.DEFINITION)
        self._ensure_topic(topics.WANTED_TOPIC)
        self._ensure_schema(topics.WANTED_TOPIC, "JSON", WANTED_DEFINITION)

    def ensure_series(self, series: Series) -> None:
        """The topic of a series' hours, its schema, and the sink's subscription at the earliest message.

        With the subscription there before the first message, nothing is lost however late the sink
        finds the topic. Another schema than the registered one must be compatible with it.

        Raises:
            BusAdminError: the broker refuses, or does not answer.
        """
        self._ensure([hour_need(series)])

    def ensure_live(self, series: Series) -> None:
        """The live topics of a series, and their continuity, with schemas and the recorder's subscriptions.

        Raises:
            BusAdminError: the broker refuses, or does not answer.
        """
        self._ensure(live_needs(series))

    def ensure_topics(self, needs: Iterable["Need"]) -> None:
        """The first step of making what series need.

        Raises:
            BusAdminError: the broker refuses, or does not answer.
        """
        for need in needs:
            self._ensure_topic(need.topic)

    def ensure_schemas(self, needs: Iterable["Need"]) -> None:
        """The second step, before anybody writes.

        Raises:
            BusAdminError: the broker refuses, or does not answer.
        """
        for need in needs:
            self._ensure_schema(need.topic, need.encoding, need.definition)

    def ensure_subscriptions(self, needs: Iterable["Need"]) -> None:
        """The last step, before the first message.

        Raises:
            BusAdminError: the broker refuses, or does not answer.
        """
        for need in needs:
            if need.reader is not None:
                self._ensure_subscription(need.topic, need.reader)

    def _ensure(self, needs: Sequence["Need"]) -> None:
        self.ensure_topics(needs)
        self.ensure_schemas(needs)
        self.ensure_subscriptions(needs)

    def delete_series(self, series: Series) -> None:
        """Removes the topics of a series with their schemas, their readers and what they are owed."""
        live = [topics.live_topic(series, channel) for channel in channels(series)]
        continuity_topic = topics.continuity_topic(live[0])
        for topic in (topics.hour_topic(series), *live, continuity_topic):
            path = _topic_path(topic)
            self._send("DELETE", f"{path}?force=true&deleteSchema=true", accepted=(404,))

    def ensure_sink(self, kind: Kind, database: SinkDatabase) -> bool:
        """Creates the sink of a kind, or changes it where it differs; whether anything was done.

        A change keeps the subscription, and so what is owed.

        Raises:
            BusAdminError: the broker refuses, or does not answer.
        """
        path = _sink_path(kind)
        wanted = sink_config(kind, database)
        found = self._get(path)
        if found is not None and _differs(found, wanted) is None:
            return False
        send = "PUT" if found is not None else "POST"
        form = {"sinkConfig": (None, json.dumps(wanted).encode(), "application/json")}
        self._send(send, path, files=form)
        return True

    def delete_sink(self, kind: Kind) -> None:
        """Removes the sink of a kind; its subscriptions, and so what is owed, stay."""
        self._send("DELETE", _sink_path(kind), accepted=(404,))

    # Looking

    def hour_topics(self, kind: Kind) -> list[str]:
        """All topics that hold hours of a kind, by name."""
        listed = self._get(f"/admin/v2/persistent/{topics.namespace(topics.HISTORICAL)}") or []
        return sorted(topic for topic in listed if topics.is_hour_topic(topic, kind))

    def sink_status(self, kind: Kind) -> SinkStatus:
        """How many instances run, how often they were restarted, what they last complained of."""
        answer = self._get(f"{_sink_path(kind)}/status")
        if answer is None:
            return SinkStatus(exists=False, running=0, instances=0, restarts=0, errors=())
        statuses = [instance["status"] for instance in answer["instances"]]
        errors = [status["error"] for status in statuses if status.get("error")]
        for status in statuses:
            for listed in ("latestSinkExceptions", "latestSystemExceptions"):
                errors += [problem["exceptionString"] for problem in status.get(listed) or ()]
        return SinkStatus(
            exists=True,
            running=answer["numRunning"],
            instances=answer["numInstances"],
            restarts=sum(status.get("numRestarts", 0) for status in statuses),
            errors=tuple(dict.fromkeys(error.strip().partition("\n")[0] for error in errors)),
        )

    def restart_sink(self, kind: Kind) -> None:
        """Starts a sink's instances anew; what they held unacknowledged is delivered again.

        Raises:
            BusAdminError: the broker refuses, or does not answer.
        """
        self._send("POST", f"{_sink_path(kind)}/restart")

    def backlog(self, kind: Kind) -> list[Backlog]:
        """Every hour topic of a kind as its sink stands, by name; a topic removed meanwhile is left out."""
        subscription = topics.sink_subscription(kind)
        names = self.hour_topics(kind)
        with ThreadPoolExecutor(_STATS_THREADS, "bus-admin") as pool:
            answers = list(pool.map(lambda name: self._get(f"{_topic_path(name)}/stats"), names))
        return [
            _backlog(name, stats, subscription) for name, stats in zip(names, answers, strict=True) if stats
        ]

    def unacknowledged(self, topic: str, subscription: str, limit: int) -> list[Position]:
        """Where the first messages lie that a subscription has not acknowledged, oldest first."""
        found = self._get(f"{_topic_path(topic)}/internalStats")
        return unacknowledged(found, subscription, limit) if found else []

    def standing(self, topic: str, subscription: str) -> Standing | None:
        """How far a subscription has got; None where there is no such topic or subscription."""
        found = self._get(f"{_topic_path(topic)}/internalStats")
        return standing(found, subscription) if found else None

    # How

    def _ensure_tenant(self) -> None:
        path = f"/admin/v2/tenants/{topics.TENANT}"
        if self._get(path) is None:
            clusters = self._get("/admin/v2/clusters") or []
            self._send("PUT", path, content={"allowedClusters": clusters}, accepted=(409,))

    def _ensure_namespace(self, namespace: str, wanted: "_Namespace") -> None:
        path = f"/admin/v2/namespaces/{namespace}"
        found = self._get(path)
        if found is None:
            self._send("PUT", path, content={}, accepted=(409,))
            found = self._get(path) or {}
        for policy in wanted.policies:
            if _differs(found.get(policy.key), policy.stored) is not None:
                self._send(policy.verb, f"{path}/{policy.name}", content=policy.value)
        granted = found.get("auth_policies", {}).get("namespace_auth", {})
        for role, actions in wanted.permissions.items():
            if set(granted.get(role, ())) != set(actions):
                self._send("POST", f"{path}/permissions/{role}", content=list(actions))

    def _ensure_topic(self, topic: str) -> None:
        self._send("PUT", _topic_path(topic), accepted=(409,))

    def _ensure_subscription(self, topic: str, subscription: str) -> None:
        path = f"{_topic_path(topic)}/subscription/{subscription}"
        self._send("PUT", path, content=_EARLIEST, accepted=(409,))

    def _ensure_schema(self, topic: str, kind: str, definition: messages.Definition) -> None:
        path = f"/admin/v2/schemas/{topic.removeprefix('persistent://')}/schema"
        found = self._get(path)
        if found is not None and found["type"] == kind and json.loads(found["data"]) == definition:
            return
        schema = {"type": kind, "schema": json.dumps(definition), "properties": {}}
        self._send("POST", path, content=schema)

    def _get(self, path: str) -> Any:  # noqa: ANN401 (whatever JSON the broker answers)
        """The answer's JSON, or None where there is no such thing."""
        answer = self._send("GET", path, accepted=(404,))
        return None if answer.status_code == httpx.codes.NOT_FOUND else answer.json()

    def _patiently(self, verb: str, path: str, body: Json) -> httpx.Response:
        for attempt in stamina.retry_context(
            on=_PassingError, attempts=None, timeout=self._patience_s, wait_initial=0.3, wait_max=5.0
        ):
            with attempt:
                answer = self._http.request(verb, path, **body)
                if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
                    raise _PassingError(_reason(answer))
        return answer

    def _send(
        self,
        verb: str,
        path: str,
        *,
        content: object = None,
        files: Mapping[str, tuple[None, bytes, str]] | None = None,
        accepted: Sequence[int] = (),
    ) -> httpx.Response:
        body: Json = {"files": files} if files else {}
        if content is not None:
            body = {"json": content}
        try:
            answer = self._patiently(verb, path, body)
        except _PassingError as error:
            raise BusAdminError(
                f"the broker is not ready for {verb} {path}: {error}", "wait, then try again"
            ) from error
        except httpx.TransportError as error:
            raise BusAdminError(
                f"the broker's admin API does not answer at {self._http.base_url}: {type(error).__name__}",
                "see `candlewick status`; `candlewick up` starts it",
            ) from error
        if answer.is_success or answer.status_code in accepted:
            return answer
        raise BusAdminError(
            f"the broker refused {verb} {path} ({answer.status_code}): {_reason(answer)}",
            "`candlewick doctor` checks the roles"
            if answer.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN)
            else "see the broker's log",
        )


@dataclass(frozen=True, slots=True)
class _Policy:
    """One setting of a namespace: how it is set, and how the namespace's policies show it."""

    name: str
    value: object
    key: str
    stored: object
    verb: str = "POST"


@dataclass(frozen=True, slots=True)
class _Namespace:
    policies: tuple[_Policy, ...]
    permissions: Mapping[str, tuple[str, ...]]


def _policy(name: str, key: str, value: object, verb: str = "POST") -> _Policy:
    return _Policy(name, value, key, value, verb)


def _namespaces() -> dict[str, _Namespace]:
    minutes = RETENTION_DAYS * 24 * 60
    quota = {"limitSize": BACKLOG_GIB << 30, "limitTime": -1, "policy": "producer_exception"}
    kept = (
        _policy(
            "retention", "retention_policies", {"retentionTimeInMinutes": minutes, "retentionSizeInMB": -1}
        ),
        # Refusing a producer is loud; the other policies hold it back silently or throw backlog away.
        _Policy("backlogQuota", quota, "backlog_quota_map", {"destination_storage": quota}),
        _policy("messageTTL", "message_ttl_in_seconds", 0),
        _policy("subscriptionExpirationTime", "subscription_expiration_time_minutes", 0),
        _policy("schemaCompatibilityStrategy", "schema_compatibility_strategy", "FULL", "PUT"),
        _policy("schemaValidationEnforced", "schema_validation_enforced", value=True),
    )
    declared = (
        # Topics and their schemas are made by Candlewick; a stray producer makes neither.
        _Policy(
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
        topics.namespace(topics.HISTORICAL): _Namespace((*kept, *declared, unacked), historical),
        topics.namespace(topics.CONTROL): _Namespace((*kept, *declared), control),
        **{
            topics.namespace(name): _Namespace((*kept, *declared, deduplicated), live)
            for name in topics.LIVE_NAMESPACES
        },
    }


_RANGE = re.compile(r"\((\d+):(-?\d+)\.\.(\d+):(-?\d+)\]")


def unacknowledged(internal: Json, subscription: str, limit: int) -> list[Position]:
    """The first positions that a topic's internal statistics show as not acknowledged, in order."""
    cursor = internal["cursors"].get(subscription)
    if cursor is None:
        return []
    last = _position(internal["lastConfirmedEntry"])
    mark = _position(cursor["markDeletePosition"])
    # Of the ledger that is being written the list does not say how much it holds.
    ends = {ledger["ledgerId"]: ledger["entries"] for ledger in internal["ledgers"]} | {
        last.ledger: last.entry + 1
    }
    done: dict[int, list[tuple[int, int]]] = {}
    for first, after, through, end in _RANGE.findall(cursor["individuallyDeletedMessages"]):
        if first == through:
            done.setdefault(int(first), []).append((int(after), int(end)))
        else:
            done.setdefault(int(first), []).append((int(after), ends.get(int(first), 0)))
            done.setdefault(int(through), []).append((-1, int(end)))
    found: list[Position] = []
    for ledger in sorted(ledger for ledger in ends if mark.ledger <= ledger <= last.ledger):
        entry = mark.entry + 1 if ledger == mark.ledger else 0
        for start, end in [*sorted(done.get(ledger, ())), (ends[ledger] - 1, ends[ledger])]:
            upto = range(entry, min(start + 1, entry + limit - len(found)))
            found += [Position(ledger, owed) for owed in upto]
            if len(found) >= limit:
                return found
            entry = max(entry, end + 1)
    return found


def standing(internal: Json, subscription: str) -> Standing | None:
    """How far a subscription has got, by a topic's internal statistics."""
    cursor = internal["cursors"].get(subscription)
    if cursor is None:
        return None
    end: Position | None = _position(internal["lastConfirmedEntry"])
    if end is not None and end.entry < 0:
        # The ledger that is being written is empty.
        written = [ledger for ledger in internal["ledgers"] if ledger["entries"]]
        last = written[-1] if written else None
        end = Position(last["ledgerId"], last["entries"] - 1) if last else None
    mark = _position(cursor["markDeletePosition"])
    return Standing(mark if mark.ledger >= 0 else None, end)


def _position(text: str) -> Position:
    ledger, _, entry = text.partition(":")
    return Position(int(ledger), int(entry))


def sink_config(kind: Kind, database: SinkDatabase) -> Json:
    """The JDBC sink of one hour table, as the functions worker takes it."""
    options = {
        # The look-up of the table's columns ignores this one; table names are unique in the database.
        "currentSchema": database.schema,
        # Arrays, bytes and times come as text, which the database casts.
        "stringtype": "unspecified",
        "ApplicationName": topics.sink_name(kind),
        "tcpKeepAlive": "true",
        "connectTimeout": "10",
        "socketTimeout": "120",
    }
    address = f"{database.host}:{database.port}/{quote(database.database, safe='')}"
    values = [field for field in messages.fields(kind) if field not in messages.KEY_FIELDS]
    return {
        "tenant": topics.TENANT,
        "namespace": topics.HISTORICAL,
        "name": topics.sink_name(kind),
        "archive": "builtin://jdbc-postgres",
        "inputSpecs": {
            topics.hour_topic_pattern(kind): {"regexPattern": True, "receiverQueueSize": RECEIVER_QUEUE}
        },
        "sourceSubscriptionName": topics.sink_subscription(kind),
        "sourceSubscriptionPosition": "Earliest",
        # Shared: one bad row must not hold back those after it; revisions make the order irrelevant.
        "processingGuarantees": "ATLEAST_ONCE",
        "retainOrdering": False,
        "autoAck": True,
        "cleanupSubscription": False,
        "negativeAckRedeliveryDelayMs": REDELIVERY_MS,
        "parallelism": SINK_INSTANCES,
        "configs": {
            "jdbcUrl": f"jdbc:postgresql://{address}?{urlencode(options)}",
            "userName": database.user,
            "password": database.password,
            "tableName": topics.hour_table(kind),
            "insertMode": "UPSERT",
            "key": ",".join(messages.KEY_FIELDS),
            "nonKey": ",".join(values),
            # With more in a batch one bad row fails the others.
            "batchSize": 1,
            "timeoutMs": 500,
        },
    }


def _differs(found: object, wanted: object) -> str | None:
    """Where `found` lacks something of `wanted` (it may hold more); None where it does not."""
    if isinstance(wanted, Mapping):
        if not isinstance(found, Mapping):
            return ""
        for key, value in wanted.items():
            deeper = _differs(found.get(key), value)
            if deeper is not None:
                return f"{key}.{deeper}"
        return None
    return None if found == wanted else ""


def _backlog(topic: str, stats: Json, subscription: str) -> Backlog:
    # A topic without the subscription owes all that it holds.
    standing = stats["subscriptions"].get(subscription, {})
    return Backlog(
        topic=topic,
        owed=standing.get("msgBacklog", 0),
        received=stats["msgInCounter"],
        consumers=len(standing.get("consumers", ())),
    )


def _topic_path(topic: str) -> str:
    return f"/admin/v2/{topic.replace('persistent://', 'persistent/')}"


def _sink_path(kind: Kind) -> str:
    return f"/admin/v3/sinks/{topics.namespace(topics.HISTORICAL)}/{topics.sink_name(kind)}"


def _reason(answer: httpx.Response) -> str:
    """What the broker gives as its reason, one line."""
    try:
        return str(answer.json()["reason"]).partition("\n")[0]
    except (ValueError, KeyError, TypeError):
        return answer.text.partition("\n")[0][:200] or answer.reason_phrase
