"""The update rule of an hour's row, held against a model of it in any order of arrival."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from candlewick.hours import FINAL_STATES, Gap, Hour, HourState, Quotes
from candlewick.instruments import Kind
from candlewick.times import HOUR_US, MINUTE_US, parse_time

from .landing import BTCUSD, EURUSD, Landing, fields, upsert

HOUR = parse_time("2026-03-04T10:00:00Z")


def ticks(number: int) -> Quotes:
    values = np.arange(number, dtype=np.int64)
    return Quotes(values, values + 5, values + 6, values, values)


@dataclass(frozen=True)
class Message:
    revision: int
    state: HourState
    size: int
    gap: bool
    source: str

    def hour(self) -> Hour:
        gaps = (Gap(HOUR + MINUTE_US, HOUR + 2 * MINUTE_US),) if self.gap else ()
        return Hour(EURUSD.name, HOUR, self.revision, self.state, self.source, 5, 6, ticks(self.size), gaps)


@st.composite
def messages(draw: st.DrawFn) -> Message:
    state = draw(st.sampled_from([HourState.DATA, HourState.CLOSED, HourState.PENDING]))
    closed = state is HourState.CLOSED
    return Message(
        draw(st.integers(1, 6)),
        state,
        0 if closed else draw(st.integers(0, 2)),
        False if closed else draw(st.booleans()),
        draw(st.sampled_from(["day-object", "json"])),
    )


def settled(row: Message | None, message: Message) -> Message:
    """The design's words, in Python."""
    if row is None:
        return message
    row_final, message_final = row.state in FINAL_STATES, message.state in FINAL_STATES
    if row_final and not message_final:
        return row
    if message_final and not row_final:
        return message
    if message.revision < row.revision:
        return row
    if (message.state, message.gap, message.size) != (row.state, row.gap, row.size):
        return message
    return replace(row, revision=message.revision, source=message.source)


@given(st.lists(messages(), min_size=1, max_size=8))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_rows_follow_the_rule(landing: Landing, arriving: list[Message]) -> None:
    landing.connection.execute("DELETE FROM quote_hour")
    row: Message | None = None
    for message in arriving:
        landing.land(message.hour())
        row = settled(row, message)
        [stored] = landing.store.read_hours(EURUSD, HOUR, HOUR + HOUR_US)
        wanted = row.hour()
        assert (stored.revision, stored.state, stored.source) == (row.revision, row.state, row.source)
        assert (stored.hash, stored.gaps) == (wanted.hash, wanted.gaps)


@given(st.lists(messages(), min_size=2, max_size=5, unique_by=lambda message: message.revision), st.data())
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_order_of_arrival_does_not_matter(
    landing: Landing, arriving: list[Message], data: st.DataObject
) -> None:
    rows = []
    for order in (arriving, data.draw(st.permutations(arriving))):
        landing.connection.execute("DELETE FROM quote_hour")
        for message in order:
            landing.land(message.hour())
        rows.append(landing.connection.execute("SELECT * FROM quote_hour").fetchall())
    assert rows[0] == rows[1]


def test_a_new_revision_of_the_same_content_writes_no_arrays(
    landing: Landing, some_quotes: Callable[..., Quotes]
) -> None:
    hour = landing.hour(EURUSD, HOUR, some_quotes(5000))
    landing.land(hour)
    size = "SELECT pg_relation_size(reltoastrelid) FROM pg_class WHERE oid = 'quote_hour'::regclass"
    before = landing.connection.execute(size).fetchone()
    for revision in range(hour.revision + 1, hour.revision + 4):
        landing.land(replace(hour, revision=revision))
    assert landing.connection.execute(size).fetchone() == before
    assert landing.store.landed(EURUSD.name, [HOUR])[HOUR].revision == hour.revision + 3
    assert landing.store.landed(EURUSD.name, [HOUR])[HOUR].content_hash == hour.hash


BROKEN: list[tuple[dict[str, str | int], str]] = [
    ({"series": "dukascopy:gbpusd:quotes"}, "no series dukascopy:gbpusd:quotes"),
    ({"series": BTCUSD.name}, f"no series {BTCUSD.name} of kind quotes"),
    ({"price_scale": 4}, "is kept with scales 5 and 6, not 4 and 6"),
    ({"volume_scale": 2}, "is kept with scales 5 and 6, not 5 and 2"),
    ({"state": "failed"}, "state_known"),
    ({"hour": "2026-03-04T10:30:00Z"}, "starts_an_hour"),
    ({"ticks": 3}, "equal_lengths"),
    ({"bid": "{1}"}, "equal_lengths"),
    ({"ask": "{1,NULL}"}, "no_nulls"),
    ({"us": "{0,3600000000}"}, "ticks_in_the_hour"),
    ({"us": "{-1,0}"}, "ticks_in_the_hour"),
    ({"content_hash": "\\x00"}, "hash_is_sha256"),
    ({"state": "closed"}, "closed_is_empty"),
    ({"gap_from": "{0}", "gap_to": "{3600000001}"}, "gaps_in_the_hour"),
    ({"gap_from": "{0}"}, "gaps_in_the_hour"),
    ({"gap_from": "{5}", "gap_to": "{5}"}, "a gap that ends before it begins"),
]


@pytest.mark.parametrize("replacing", [False, True])
def test_a_broken_row_is_refused_by_name(landing: Landing, *, replacing: bool) -> None:
    if replacing:
        landing.land(landing.hour(EURUSD, HOUR, ticks(2)))
    for changes, message in BROKEN:
        values = fields(landing.hour(EURUSD, HOUR, ticks(2))) | changes
        with pytest.raises(psycopg.errors.IntegrityError, match=message):
            upsert(landing.connection, Kind.QUOTES, values)


def test_an_hour_is_not_moved(landing: Landing) -> None:
    landing.land(landing.hour(EURUSD, HOUR, ticks(2)))
    with pytest.raises(psycopg.errors.IntegrityError, match="not moved"):
        landing.connection.execute("UPDATE quote_hour SET hour = hour + interval '1 hour'")
