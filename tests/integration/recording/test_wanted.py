"""What is in the table of series is on the topic of what is wanted, two seconds later at most."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pulsar

from candlewick import access, topics
from candlewick.broker import close, connect
from candlewick.live import wanted
from streaming.recorder import Recorder
from tests.integration.bus.sinks import Sinks
from tests.live_topics import Worker
from tests.waiting import until


@contextmanager
def listening(landing: Sinks) -> Iterator[pulsar.Reader]:
    token = access.pulsar_token(landing.settings, access.PULSAR_STREAMER)
    client = connect(access.pulsar_url(landing.settings), token, log="/dev/null")
    try:
        yield client.create_reader(
            topics.WANTED_TOPIC, pulsar.MessageId.latest, start_message_id_inclusive=True
        )
    finally:
        close(client)


def test_a_change_of_the_table_is_told(landing: Sinks, venue: Worker, recorder: Recorder) -> None:
    with listening(landing) as reader:
        last: set[str] = set()

        def names() -> set[str]:
            while reader.has_message_available():
                message = wanted.decode(reader.read_next(1000).data())
                last.clear()
                last.update(f"{one.venue}:{one.symbol}:{one.kind}" for one in message.series)
            return last

        series = venue.voice().series
        took = until("told", lambda: series.name in names())
        until("recorded", lambda: series.name in recorder._readers)
        with psycopg.connect(access.database_url(landing.settings), autocommit=True) as connection:
            connection.execute("DELETE FROM series WHERE name = %s", [series.name])
        gone = until("told", lambda: series.name not in names())
        until("no longer recorded", lambda: series.name not in recorder._readers)
        print(f"told after {took:.2f} and {gone:.2f} s")  # noqa: T201
