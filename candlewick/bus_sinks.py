"""Pulsar's own JDBC sinks, one for each table of hours: where they write, and how they are set up."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlencode, urlsplit

from candlewick import access, messages, topics
from candlewick.instruments import Kind

if TYPE_CHECKING:
    # Loading what reads settings takes 10 MB, which live workers do without.
    from candlewick.settings import Settings

RECEIVER_QUEUE = 16
SINK_INSTANCES = 2
"""Parsing the row and casting it overlap; a second instance lands 1.2 to 1.4 times as much on 2 cores."""

REDELIVERY_MS = 10_000
"""After this long a row that failed is tried again."""


@dataclass(frozen=True, slots=True)
class SinkDatabase:
    """Where the sinks write: as a role of its own, since the broker's admin API shows the password."""

    host: str
    port: int
    database: str
    user: str
    password: str
    schema: str = "public"


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


def sink_config(kind: Kind, database: SinkDatabase) -> dict[str, Any]:
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
