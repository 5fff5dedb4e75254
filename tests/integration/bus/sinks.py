"""A database with its sinks on real servers, and hours to send through them."""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import numpy as np
import psycopg
from pydantic import SecretStr

from candlewick import access, topics
from candlewick.broker import Sender
from candlewick.bus import Bus
from candlewick.bus_admin import BusAdmin
from candlewick.bus_sinks import SinkDatabase
from candlewick.hours import Column, Hour, HourState, Quotes, Trades
from candlewick.instruments import AssetClass, Kind, Series
from candlewick.settings import Settings
from candlewick.store import Store
from candlewick.times import HOUR_US, parse_time

START_US = parse_time("2024-03-04")


def sink_database(settings: Settings) -> SinkDatabase:
    found = urlsplit(access.database_url(settings, access.SINK))
    assert found.hostname
    assert found.port
    assert found.username
    assert found.password
    return SinkDatabase(found.hostname, found.port, found.path.lstrip("/"), found.username, found.password)


def quotes(count: int, seed: int = 0) -> Quotes:
    rng = np.random.default_rng(seed)
    bid: Column = 108_000 + np.cumsum(rng.integers(-3, 4, count))
    return Quotes(
        np.sort(rng.integers(0, HOUR_US, count)),
        bid,
        bid + rng.integers(1, 9, count),
        rng.integers(1, 10**7, count),
        rng.integers(1, 10**7, count),
    )


def trades(count: int, seed: int = 0) -> Trades:
    rng = np.random.default_rng(seed)
    return Trades(
        np.sort(rng.integers(0, HOUR_US, count)),
        np.arange(count, dtype=np.int64) + 10**9,
        rng.integers(10**9, 10**12, count),
        rng.integers(1, 10**12, count),
        rng.choice(np.array([-1, 1], dtype=np.int64), count),
    )


def hour(series: Series, number: int, count: int = 50, revision: int = 1, *, price_scale: int = 5) -> Hour:
    """The hour of that number since `START_US`; the same arguments give the same ticks."""
    make = quotes if series.kind is Kind.QUOTES else trades
    return Hour(
        series.name, START_US + number * HOUR_US, revision, HourState.DATA, "test", price_scale,
        series.volume_scale, make(count, seed=number),
    )  # fmt: skip


class Sinks:
    """The sinks of these servers, writing into one database; series of its own for each test."""

    def __init__(self, settings: Settings, store: Store, admin: BusAdmin, bus: Bus) -> None:
        self.settings = settings
        self.store = store
        self.admin = admin
        self.bus = bus
        self._added: list[Series] = []

    def add_series(self, kind: Kind = Kind.QUOTES, *, stored: bool = True) -> Series:
        """A series with its topic; `stored=False` leaves it out of the database, which refuses its hours."""
        symbol = f"t{secrets.token_hex(4)}"
        series = Series("test", symbol, kind, AssetClass.FOREX, 5, 0, "crypto")
        if stored:
            self.store.add_series(series)
        self.admin.ensure_series(series)
        self._added.append(series)
        return series

    def remove_series(self) -> None:
        """Removes all topics with what is owed on them: another database would refuse it for ever."""
        for series in {*self._added, *self.store.all_series()}:
            self.admin.delete_series(series)

    def landed(self, series: Series, hours: list[Hour]) -> bool:
        """Whether all these hours are stored as they are, their hashes made anew from what is stored."""
        found = self.store.landed(series.name, [hour.hour_us for hour in hours])
        return all(
            hour.hour_us in found
            and found[hour.hour_us].content_hash == hour.hash
            and found[hour.hour_us].revision == hour.revision
            for hour in hours
        )

    def owed(self, series: Series) -> int:
        """Messages on the topic of a series that its sink has not acknowledged."""
        topic = topics.hour_topic(series)
        return next(backlog.owed for backlog in self.admin.backlog(series.kind) if backlog.topic == topic)

    def hang_up(self) -> int:
        """Closes the sinks' connections, which outlive the sinks; returns how many there were."""
        with psycopg.connect(access.database_url(self.settings, access.SINK), autocommit=True) as connection:
            row = connection.execute(
                """SELECT count(pg_terminate_backend(pid))
                FROM pg_stat_activity
                WHERE application_name = ANY(%s) AND usename = current_user""",
                [[topics.sink_name(kind) for kind in Kind]],
            ).fetchone()
        return int(row[0]) if row else 0

    def count(self, series: Series) -> int:
        with psycopg.connect(access.database_url(self.settings)) as connection:
            table = "quote_hour" if series.kind is Kind.QUOTES else "trade_hour"
            row = connection.execute(
                f"SELECT count(*) FROM {table} WHERE series = %s",  # noqa: S608
                [series.name],
            ).fetchone()
        return int(row[0]) if row else 0


@contextmanager
def sender(settings: Settings, role: str = access.PULSAR_PUBLISHER) -> Iterator[Sender]:
    """Sends messages in the name of a role, also such as it may not or should not send."""
    made = Sender(access.pulsar_url(settings), access.pulsar_token(settings, role), log=os.devnull)
    try:
        yield made
    finally:
        made.close()


@contextmanager
def connected(settings: Settings) -> Iterator[Sinks]:
    """The sinks of a platform that runs; they and the series that are added stay."""
    token = access.pulsar_token(settings, access.PULSAR_ADMIN)
    publisher = access.pulsar_token(settings, access.PULSAR_PUBLISHER)
    with (
        Store(access.database_url(settings)) as store,
        BusAdmin(access.pulsar_admin_url(settings), token) as admin,
        Bus(access.pulsar_url(settings), publisher) as bus,
    ):
        yield Sinks(settings, store, admin, bus)


@contextmanager
def sinks(settings: Settings, url: str | None = None) -> Iterator[Sinks]:
    """Points the sinks of running servers at a migrated database, and removes them and their topics after.

    Args:
        url: of the database; by default that of the settings.
    """
    if url is not None:
        settings = settings.model_copy(update={"database_url": SecretStr(url)})
    with connected(settings) as made:
        made.store.prepare_roles(
            access.database_password(settings, access.SINK), access.database_password(settings, access.READER)
        )
        made.admin.ensure_platform(sink_database(made.settings))
        try:
            yield made
        finally:
            made.bus.close()
            made.remove_series()
            # A sink of a database that is dropped would complain for ever.
            for kind in Kind:
                made.admin.delete_sink(kind)
            made.hang_up()
