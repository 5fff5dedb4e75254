"""Publishing and landing through the real broker and its own JDBC sink."""

import io
import json
import multiprocessing
import os
import time

import fastavro
import httpx
import psycopg
import pulsar
import pytest

from candlewick import access, health, messages, topics
from candlewick.broker import BusError, avro, json_schema
from candlewick.bus import Bus
from candlewick.bus_admin import BusAdmin, BusAdminError
from candlewick.bus_sinks import sink_config
from candlewick.health import Condition, Health
from candlewick.hours import Gap, Hour, HourState, Quotes
from candlewick.instruments import AssetClass, Kind, Series
from candlewick.settings import Settings
from candlewick.times import HOUR_US
from tests.waiting import until

from .sinks import START_US, Sinks, hour, sender, sink_database


def bus_of(settings: Settings, role: str) -> Bus:
    return Bus(access.pulsar_url(settings), access.pulsar_token(settings, role))


@pytest.mark.parametrize("kind", list(Kind))
def test_hours_land_as_they_were_published(landing: Sinks, kind: Kind) -> None:
    series = landing.add_series(kind)
    hours = [hour(series, n, count=200) for n in range(20)]
    published = landing.bus.publish_hours(series, iter(hours))
    assert (published.messages, published.ticks) == (20, 4000)
    assert published.bytes == sum(len(messages.encode(each)) for each in hours)
    until("landed", lambda: landing.landed(series, hours))


def test_gaps_and_empty_hours_land(landing: Sinks) -> None:
    series = landing.add_series()
    closed = Hour(series.name, START_US, 1, HourState.CLOSED, "test", 5, 0, Quotes())
    gap = Gap(START_US + HOUR_US + 5, START_US + HOUR_US + 9)
    holed = Hour(series.name, START_US + HOUR_US, 1, HourState.DATA, "test", 5, 0, Quotes(), (gap,))
    landing.bus.publish_hours(series, [closed, holed])
    until("landed", lambda: landing.count(series) == 2)
    first, second = landing.store.read_hours(series, START_US, START_US + 2 * HOUR_US)
    assert (first.state, first.gaps) == (HourState.CLOSED, ())
    assert (second.state, second.gaps) == (HourState.DATA, (gap,))


def test_publishing_again_changes_nothing_and_an_older_revision_neither(landing: Sinks) -> None:
    series = landing.add_series()
    newest = hour(series, 0, count=60, revision=5)
    last = hour(series, 1)
    landing.bus.publish_hours(series, [newest])
    until("landed", lambda: landing.landed(series, [newest]))
    with psycopg.connect(access.database_url(landing.settings), autocommit=True) as connection:
        before = connection.execute("SELECT xmin, ctid FROM quote_hour").fetchall()
        landing.bus.publish_hours(series, [newest, hour(series, 0, count=10, revision=4), last])
        until("all acknowledged", lambda: sum(b.owed for b in landing.admin.backlog(series.kind)) == 0)
        after = connection.execute(
            "SELECT xmin, ctid FROM quote_hour WHERE hour < %s", ["2024-03-04T01:00Z"]
        ).fetchall()
    assert after == before


def test_a_new_series_lands_at_once(landing: Sinks) -> None:
    warm = landing.add_series()
    landing.bus.publish_hours(warm, [hour(warm, 0)])
    until("the sinks are at work", lambda: landing.count(warm) == 1)
    series = landing.add_series()
    began = time.monotonic()
    landing.bus.publish_hours(series, [hour(series, 0)])
    until("landed", lambda: landing.count(series) == 1)
    assert time.monotonic() - began < 20, "the sink finds new topics by polling"


def test_nothing_is_lost_when_the_sink_comes_after_the_messages(landing: Sinks) -> None:
    landing.admin.delete_sink(Kind.QUOTES)
    series = landing.add_series()
    hours = [hour(series, n) for n in range(3)]
    landing.bus.publish_hours(series, hours)
    assert landing.admin.sink_status(Kind.QUOTES).exists is False
    owed = {backlog.topic: backlog.owed for backlog in landing.admin.backlog(Kind.QUOTES)}
    assert owed[topics.hour_topic(series)] == 3
    landing.admin.ensure_platform(sink_database(landing.settings))
    until("landed", lambda: landing.landed(series, hours))


def test_an_hour_larger_than_a_message_may_be_lands(landing: Sinks) -> None:
    series = landing.add_series(Kind.TRADES)
    large = hour(series, 0, count=400_000)
    assert len(messages.encode(large)) > 3 * 5 * 1024 * 1024
    landing.bus.publish_hours(series, [large, hour(series, 1)])
    until("landed", lambda: landing.landed(series, [large, hour(series, 1)]))


def test_an_incompatible_producer_is_refused(landing: Sinks) -> None:
    series = landing.add_series()
    topic = topics.hour_topic(series)
    definition = messages.DEFINITIONS[Kind.QUOTES]
    fields = [
        {**field, "type": "string"} if field["name"] == "ticks" else field for field in definition["fields"]
    ]
    with sender(landing.settings) as other:
        with pytest.raises(BusError, match="IncompatibleSchema") as caught:
            other.send(topic, avro({**definition, "fields": fields}), b"", "key")
        assert topic in str(caught.value)
        with pytest.raises(BusError, match="IncompatibleSchema"):
            other.send(topic, json_schema(definition), b"{}", "key")
    client = pulsar.Client(
        landing.bus.url,
        authentication=pulsar.AuthenticationToken(
            access.pulsar_token(landing.settings, access.PULSAR_PUBLISHER)
        ),
        logger=pulsar.FileLogger(pulsar.LoggerLevel.Warn, os.devnull),
    )
    try:
        with pytest.raises(pulsar.PulsarException):
            client.create_producer(topic)
    finally:
        client.close()
    landing.bus.publish_hours(series, [hour(series, 0)])


def test_any_consumer_can_read_an_hour_by_the_registered_schema_alone(landing: Sinks) -> None:
    series = landing.add_series()
    sent = hour(series, 0)
    landing.bus.publish_hours(series, [sent])
    url, token = (
        access.pulsar_url(landing.settings),
        access.pulsar_token(landing.settings, access.PULSAR_READER),
    )
    client = pulsar.Client(
        url,
        authentication=pulsar.AuthenticationToken(token),
        logger=pulsar.FileLogger(pulsar.LoggerLevel.Warn, os.devnull),
    )
    try:
        reader = client.create_reader(topics.hour_topic(series), pulsar.MessageId.earliest)
        message = reader.read_next(10_000)
    finally:
        client.close()
    # As any HTTP client finds it, with the right to consume only.
    answer = httpx.get(
        f"{access.pulsar_admin_url(landing.settings)}/admin/v2/schemas/"
        f"{topics.hour_topic(series).removeprefix('persistent://')}/schema",
        headers={"Authorization": f"Bearer {token}"},
    )
    assert answer.json()["type"] == "AVRO"
    definition = json.loads(answer.json()["data"])
    row = fastavro.schemaless_reader(io.BytesIO(message.data()), definition, None)
    assert isinstance(row, dict)
    assert row["series"] == series.name
    assert row["us"] == messages.row(sent)["us"]
    assert message.partition_key() == row["hour"]


def test_a_series_that_was_not_added_has_no_topic(landing: Sinks) -> None:
    stranger = Series("test", "stranger", Kind.QUOTES, AssetClass.FOREX, 5, 0, "always")
    with pytest.raises(BusError, match=r"raw\.test\.stranger\.quotes") as caught:
        landing.bus.publish_hours(stranger, [hour(stranger, 0)])
    assert "candlewick add" in str(caught.value)


def test_an_hour_of_another_series_is_refused(landing: Sinks) -> None:
    series, other = landing.add_series(), landing.add_series()
    with pytest.raises(ValueError, match="does not belong"):
        landing.bus.publish_hours(series, [hour(series, 0), hour(other, 0)])


def test_ensuring_twice_changes_nothing(landing: Sinks) -> None:
    series = landing.add_series()
    admin = landing.admin

    def everything() -> object:
        url, token = (
            access.pulsar_admin_url(landing.settings),
            access.pulsar_token(landing.settings, access.PULSAR_ADMIN),
        )
        names = [topics.HISTORICAL, topics.CONTROL, *topics.LIVE_NAMESPACES]
        paths = [
            *(f"/admin/v2/namespaces/{topics.namespace(name)}" for name in names),
            f"/admin/v2/persistent/{topics.namespace(topics.HISTORICAL)}",
            *(
                f"/admin/v3/sinks/{topics.namespace(topics.HISTORICAL)}/{topics.sink_name(kind)}"
                for kind in Kind
            ),
            f"/admin/v2/schemas/{topics.hour_topic(series).removeprefix('persistent://')}/schema",
        ]
        with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}) as client:
            return [client.get(path).raise_for_status().json() for path in paths]

    before = everything()
    admin.ensure_platform(sink_database(landing.settings))
    admin.ensure_series(series)
    assert everything() == before
    assert not any(admin.ensure_sink(kind, sink_database(landing.settings)) for kind in Kind)


def test_a_changed_database_address_keeps_what_is_owed(landing: Sinks) -> None:
    series = landing.add_series()
    database = sink_database(landing.settings)
    lost = sink_database(landing.settings.model_copy(update={}))
    lost = type(lost)(lost.host, 1, lost.database, lost.user, lost.password)
    assert landing.admin.ensure_sink(Kind.QUOTES, lost)
    hours = [hour(series, n) for n in range(5)]
    landing.bus.publish_hours(series, hours)
    assert landing.admin.ensure_sink(Kind.QUOTES, database)
    until("landed", lambda: landing.landed(series, hours))


def test_backlog_is_never_evicted_and_is_kept_for_a_week(landing: Sinks) -> None:
    url, token = (
        access.pulsar_admin_url(landing.settings),
        access.pulsar_token(landing.settings, access.PULSAR_ADMIN),
    )
    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}) as client:
        for name in (topics.HISTORICAL, *topics.LIVE_NAMESPACES):
            policies = client.get(f"/admin/v2/namespaces/{topics.namespace(name)}").json()
            assert policies["backlog_quota_map"]["destination_storage"]["policy"] == "producer_exception"
            assert policies["retention_policies"]["retentionTimeInMinutes"] == 7 * 24 * 60
            assert policies["message_ttl_in_seconds"] == 0
            assert policies.get("deduplicationEnabled", False) == (name in topics.LIVE_NAMESPACES)


def test_each_role_may_do_its_own_work_only(landing: Sinks) -> None:
    series = landing.add_series()
    sent = [hour(series, 0)]
    record = Health("test", 1, Condition.OK, "well").encode()
    for role in (access.PULSAR_GUARD, access.PULSAR_READER):
        with bus_of(landing.settings, role) as bus, pytest.raises(BusError, match="Authorization"):
            bus.publish_hours(series, sent)
    for role in (access.PULSAR_PUBLISHER, access.PULSAR_READER):
        with sender(landing.settings, role) as other, pytest.raises(BusError, match="Authorization"):
            other.send(topics.HEALTH_TOPIC, json_schema(health.DEFINITION), record, "test")
    with sender(landing.settings, access.PULSAR_GUARD) as guard:
        guard.send(topics.HEALTH_TOPIC, json_schema(health.DEFINITION), record, "test")
    url = access.pulsar_admin_url(landing.settings)
    for role in (access.PULSAR_PUBLISHER, access.PULSAR_READER):
        with (
            BusAdmin(url, access.pulsar_token(landing.settings, role)) as admin,
            pytest.raises(BusAdminError),
        ):
            admin.restart_sink(Kind.QUOTES)
    with BusAdmin(url, access.pulsar_token(landing.settings, access.PULSAR_GUARD)) as admin:
        admin.restart_sink(Kind.QUOTES)
        with pytest.raises(BusAdminError):
            admin.ensure_series(Series("test", "x", Kind.QUOTES, AssetClass.FOREX, 5, 0, "always"))
        with pytest.raises(BusAdminError):
            admin.ensure_platform(sink_database(landing.settings))


def test_the_sinks_role_may_write_hours_and_nothing_else(landing: Sinks) -> None:
    config = sink_config(Kind.QUOTES, sink_database(landing.settings))["configs"]
    assert config["userName"] == access.database_user(access.SINK, sink_database(landing.settings).database)
    with psycopg.connect(access.database_url(landing.settings, access.SINK), autocommit=True) as connection:
        for statement in ("DELETE FROM quote_hour", "DELETE FROM series", "SELECT * FROM hour_problem"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(statement)


def test_the_client_library_prints_nothing_beside_the_error(
    landing: Sinks, capfd: pytest.CaptureFixture[str]
) -> None:
    stranger = Series("test", "stranger", Kind.QUOTES, AssetClass.FOREX, 5, 0, "always")
    with bus_of(landing.settings, access.PULSAR_PUBLISHER) as bus, pytest.raises(BusError):
        bus.publish_hours(stranger, [])
    assert capfd.readouterr() == ("", "")


def _publish_in_a_child(bus: Bus, series: Series) -> None:
    try:
        bus.publish_hours(series, [])
    except RuntimeError as error:
        raise SystemExit(7 if "fork" in str(error) else 1) from None


def test_a_forked_process_is_told_to_make_a_client_of_its_own(landing: Sinks) -> None:
    series = landing.add_series()
    landing.bus.publish_hours(series, [])
    child = multiprocessing.get_context("fork").Process(
        target=_publish_in_a_child, args=(landing.bus, series)
    )
    child.start()
    child.join(30)
    assert child.exitcode == 7
