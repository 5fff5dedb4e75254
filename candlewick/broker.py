"""The Pulsar client as Candlewick uses it: connections, schemas of ready-made payloads, errors."""

import logging

import _pulsar  # type: ignore[import-not-found]  # schema types have no public name
import pulsar
from pulsar.schema import Schema

from candlewick.errors import CandlewickError

Definition = dict[str, object]

_OPERATION_TIMEOUT_S = 60
SEND_ONE_MS = 10_000
LOGGER = logging.getLogger("candlewick.pulsar")
# Whoever logs nothing is told by the exceptions; these lines would only stand beside them.
LOGGER.addHandler(logging.NullHandler())


class BusError(CandlewickError):
    """The broker refuses, or does not answer in time."""


class _Declared(Schema):  # type: ignore[misc]
    """A schema by its definition, for payloads that are encoded already."""

    def __init__(self, kind: _pulsar.SchemaType, definition: Definition) -> None:
        super().__init__(bytes, kind, definition, definition["name"])

    def encode(self, obj: bytes) -> bytes:
        return obj

    def decode(self, data: bytes) -> bytes:
        return data


def avro(definition: Definition) -> Schema:
    """The schema that a producer of ready-made Avro bytes declares."""
    return _Declared(_pulsar.SchemaType.AVRO, definition)


def json_schema(definition: Definition) -> Schema:
    """The schema that a producer of ready-made JSON bytes declares."""
    return _Declared(_pulsar.SchemaType.JSON, definition)


def connect(url: str, token: str | None, *, log: str) -> pulsar.Client:
    """A client in the name of one role; nothing connects before it is needed.

    Make one per process, after any fork, and `close` it at exit.

    Args:
        log: file for what the client library itself has to say.
    """
    return pulsar.Client(
        url,
        authentication=pulsar.AuthenticationToken(token) if token else None,
        operation_timeout_seconds=_OPERATION_TIMEOUT_S,
        stats_interval_in_seconds=0,
        # Not one of Python's: its threads would call it while Python ends, and abort the process.
        logger=pulsar.FileLogger(pulsar.LoggerLevel.Warn, log),
    )


def close(client: pulsar.Client) -> None:
    """Closes a client; what its producers have not sent may be lost."""
    try:
        client.close()
    except pulsar.PulsarException as error:
        if not isinstance(error, pulsar.AlreadyClosed):
            LOGGER.warning("closing the client: %s", error)


class Sender:
    """Sends single messages and waits for each acknowledgement: for what is told now and then.

    Belongs to one thread; `close` may come from another, and ends a call that waits.
    """

    def __init__(self, url: str, token: str | None, *, log: str) -> None:
        self._client = connect(url, token, log=log)
        self._producers: dict[str, pulsar.Producer] = {}

    def send(self, topic: str, schema: Schema, payload: bytes, key: str) -> None:
        """Publishes one message.

        Raises:
            BusError: the broker refused or did not answer; names the topic.
        """
        try:
            if topic not in self._producers:
                self._producers[topic] = self._client.create_producer(
                    topic, schema=schema, send_timeout_millis=SEND_ONE_MS, batching_enabled=False
                )
            self._producers[topic].send(payload, partition_key=key)
        except pulsar.PulsarException as error:
            self._producers.pop(topic, None)
            raise refused(topic, error) from error

    def close(self) -> None:
        close(self._client)


_REMEDIES: tuple[tuple[type[pulsar.PulsarException], str], ...] = (
    (pulsar.TopicNotFound, "add the series first: `candlewick add`"),
    (
        pulsar.IncompatibleSchema,
        "its schema is another one: publish with the Candlewick that runs",
    ),
    (pulsar.AuthorizationError, "this role may not do that: `candlewick doctor` checks the roles"),
    (pulsar.AuthenticationError, "the token is not this broker's: `candlewick doctor` checks the keys"),
)


def refused(topic: str, error: pulsar.PulsarException) -> BusError:
    """What the client library says, as an error that names the topic and the way out."""
    remedy = next(
        (text for kind, text in _REMEDIES if isinstance(error, kind)),
        "see `candlewick status`; trying again is safe",
    )
    return BusError(f"{topic}: {str(error).removeprefix('Pulsar error: ')}", remedy)
