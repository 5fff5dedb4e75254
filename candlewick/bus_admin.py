"""What Candlewick needs of the broker, made by code: namespaces, topics, schemas, subscriptions, sinks.

Pulsar's admin REST API over HTTP. Every `ensure_...` may be called again at any time: what is there
already is left alone, what differs is changed in place.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import httpx

from candlewick import health, messages, topics
from candlewick.bus_needs import Namespace, Need, hour_need, live_needs, namespaces
from candlewick.bus_sinks import SinkDatabase, sink_config
from candlewick.bus_standing import Standing, standing, unacknowledged
from candlewick.errors import CandlewickError
from candlewick.instruments import Kind, Series
from candlewick.live.wanted import DEFINITION as WANTED_DEFINITION
from candlewick.position import Position
from candlewick.retries import retry_context

Json = dict[str, Any]

_TIMEOUT_S = 20.0
_STATS_THREADS = 4
_EARLIEST = {"ledgerId": -1, "entryId": -1, "partitionIndex": -1}


class BusAdminError(CandlewickError):
    """The broker's admin API refuses, or does not answer."""


class BusAdminRefusedError(BusAdminError):
    """The broker's admin API answers that it cannot or will not; `status` is HTTP's."""

    def __init__(self, problem: str, remedy: str, status: int) -> None:
        super().__init__(problem, remedy)
        self.status = status


class _PassingError(Exception):
    """An answer that will be another one soon: a leader is being chosen, a lock is held."""


@dataclass(frozen=True, slots=True)
class SinkStatus:
    """What the functions worker says of a sink; it says `running` of one that lost its database, too."""

    exists: bool
    running: int
    instances: int
    restarts: int
    errors: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Backlog:
    """One topic as its sink's subscription stands.

    Attributes:
        owed: messages that the sink has not yet acknowledged; a chunk counts as one.
        received: messages that the topic took since the broker loaded it.
        consumers: instances of the sink that are connected.
        problem: why the broker cannot open the topic; the counts are 0 then.
    """

    topic: str
    owed: int = 0
    received: int = 0
    consumers: int = 0
    problem: str = ""


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
        for namespace, wanted in namespaces().items():
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

    def ensure_topics(self, needs: Iterable[Need]) -> None:
        """The first step of making what series need.

        Raises:
            BusAdminError: the broker refuses, or does not answer.
        """
        for need in needs:
            self._ensure_topic(need.topic)

    def ensure_schemas(self, needs: Iterable[Need]) -> None:
        """The second step, before anybody writes.

        Raises:
            BusAdminError: the broker refuses, or does not answer.
        """
        for need in needs:
            self._ensure_schema(need.topic, need.encoding, need.definition)

    def ensure_subscriptions(self, needs: Iterable[Need]) -> None:
        """The last step, before the first message.

        Raises:
            BusAdminError: the broker refuses, or does not answer.
        """
        for need in needs:
            if need.reader is not None:
                self._ensure_subscription(need.topic, need.reader)

    def _ensure(self, needs: Sequence[Need]) -> None:
        self.ensure_topics(needs)
        self.ensure_schemas(needs)
        self.ensure_subscriptions(needs)

    def delete_series(self, series: Series) -> None:
        """Removes the topics of a series with their schemas, their readers and what they are owed."""
        for topic in (need.topic for need in (hour_need(series), *live_needs(series))):
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

    def keep_acknowledgements(self, topic: str) -> None:
        """Has what was acknowledged on a topic written down, which the broker else does within a minute.

        The topic is unloaded: whoever reads or writes it is back within a second.

        Raises:
            BusAdminError: the broker refuses, or does not answer.
        """
        self._send("PUT", f"{_topic_path(topic)}/unload")

    def backlog(self, kind: Kind) -> list[Backlog]:
        """Every hour topic of a kind as its sink stands, by name; a topic removed meanwhile is left out.

        One that the broker cannot open keeps nobody from seeing the others.
        """
        subscription = topics.sink_subscription(kind)

        def ask(name: str) -> Backlog | None:
            try:
                stats = self._get(f"{_topic_path(name)}/stats")
            except BusAdminRefusedError as error:
                if error.status < httpx.codes.INTERNAL_SERVER_ERROR:
                    raise
                return Backlog(name, problem=error.problem)
            return _backlog(name, stats, subscription) if stats else None

        with ThreadPoolExecutor(_STATS_THREADS, "bus-admin") as pool:
            found = list(pool.map(ask, self.hour_topics(kind)))
        return [backlog for backlog in found if backlog is not None]

    def unacknowledged(self, topic: str, subscription: str, limit: int) -> list[Position]:
        """Where the first messages lie that a subscription has not acknowledged, oldest first."""
        found = self._get(f"{_topic_path(topic)}/internalStats")
        return unacknowledged(found, subscription, limit) if found else []

    def standing(self, topic: str, subscription: str) -> Standing | None:
        """How far a subscription has got; None where there is no such topic or subscription."""
        found = self._get(f"{_topic_path(topic)}/internalStats")
        return standing(found, subscription) if found else None

    def position_since(self, topic: str, us: int) -> Position:
        """Behind which lies what was published on a topic from a moment (microseconds since 1970) on.

        The broker looks for it by halves, and answers in milliseconds.

        Raises:
            BusAdminError: the broker refuses, or does not answer; there is no such topic.
        """
        # Whatever was published within the millisecond is wanted.
        found = self._send("GET", f"{_topic_path(topic)}/messageid/{max(us // 1000, 0)}").json()
        return Position(found["ledgerId"], found["entryId"] - 1)

    # How

    def _ensure_tenant(self) -> None:
        path = f"/admin/v2/tenants/{topics.TENANT}"
        if self._get(path) is None:
            clusters = self._get("/admin/v2/clusters") or []
            self._send("PUT", path, content={"allowedClusters": clusters}, accepted=(409,))

    def _ensure_namespace(self, namespace: str, wanted: Namespace) -> None:
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
        for attempt in retry_context(
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
        raise BusAdminRefusedError(
            f"the broker refused {verb} {path} ({answer.status_code}): {_reason(answer)}",
            "`candlewick doctor` checks the roles"
            if answer.status_code in (httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN)
            else "see the broker's log",
            answer.status_code,
        )


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
