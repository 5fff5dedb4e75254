"""Migrations: once each, by one process at a time, never backwards."""

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest

from candlewick.errors import CandlewickError
from candlewick.instruments import AssetClass, Kind, Series
from candlewick.store import DatabaseUnavailableError, Store

from .landing import EURUSD, Landing


def test_a_second_run_finds_nothing_to_do(empty_database_url: str) -> None:
    store = Store(empty_database_url)
    assert store.migrate()[0] == "0001_series"
    assert store.migrate() == []


def test_processes_that_migrate_at_once_share_the_work(empty_database_url: str) -> None:
    with ThreadPoolExecutor(4) as pool:
        applied = list(pool.map(lambda _: Store(empty_database_url).migrate(), range(4)))
    assert sum(map(bool, applied)) == 1


def test_a_lock_that_a_killed_process_left_behind_is_no_obstacle(empty_database_url: str) -> None:
    Store(empty_database_url).migrate()
    with psycopg.connect(empty_database_url, autocommit=True) as connection:
        connection.execute("INSERT INTO yoyo_lock (locked, ctime, pid) VALUES (1, now(), 1)")
    assert Store(empty_database_url).migrate() == []


def test_a_database_of_a_newer_version_is_refused(landing: Landing) -> None:
    landing.connection.execute(
        "INSERT INTO schema_migration (migration_hash, migration_id, applied_at_utc) "
        "VALUES ('x', '9999_from_the_future', now())"
    )
    with pytest.raises(CandlewickError, match="9999_from_the_future"):
        landing.store.migrate()


def test_demo_and_real_data_do_not_mix(landing: Landing) -> None:
    for _ in range(2):
        landing.store.stamp("real")
    with pytest.raises(CandlewickError, match="holds real data, not demo data"):
        landing.store.stamp("demo")


def test_a_series_keeps_its_scales(landing: Landing) -> None:
    assert landing.store.add_series(EURUSD) == landing.store.add_series(EURUSD)
    finer = Series("dukascopy", "eurusd", Kind.QUOTES, AssetClass.FOREX, 6, 6, "fx")
    with pytest.raises(CandlewickError, match="kept with 5 price and 6 volume decimals, not 6 and 6"):
        landing.store.add_series(finer)
    assert landing.store.series(EURUSD.name) == EURUSD
    assert landing.store.series("dukascopy:nix:quotes") is None
    assert EURUSD in landing.store.all_series()


def test_a_database_that_is_not_there_is_named() -> None:
    url = "postgresql://nobody@127.0.0.1:1/nowhere"
    with pytest.raises(DatabaseUnavailableError, match="the database does not answer"):
        Store(url).migrate()
