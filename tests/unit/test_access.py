"""Addresses and roles, of our own servers and of others."""

from pathlib import Path

import pytest

from candlewick import access
from candlewick.errors import CandlewickError
from candlewick.local import home
from candlewick.settings import Settings


def settings(folder: Path, **values: object) -> Settings:
    return Settings(_env_file=None, home=folder, port_base=15000, **values)  # type: ignore[call-arg, arg-type]


def test_before_the_first_start_the_remedy_is_to_start(tmp_path: Path) -> None:
    with pytest.raises(CandlewickError, match="candlewick up"):
        access.database_url(settings(tmp_path / "none"))
    with pytest.raises(CandlewickError, match="candlewick up"):
        access.pulsar_token(settings(tmp_path / "none"), access.PULSAR_GUARD)


def test_the_roles_of_our_own_database(tmp_path: Path) -> None:
    mine = settings(tmp_path)
    home.prepare(mine)
    users = {
        role: access.database_url(mine, role).split("//")[1].split(":")[0] for role in access.DATABASE_ROLES
    }
    assert users == {
        "postgres": "postgres", "candlewick": "candlewick",
        "sink": "candlewick_sink", "reader": "candlewick_reader",
    }  # fmt: skip
    assert access.database_url(mine, database="dagster").endswith("@127.0.0.1:15000/dagster")


def test_a_database_of_the_settings(tmp_path: Path) -> None:
    mine = settings(tmp_path, database_url="postgresql://me:p%40ss@db.example:5433/market?sslmode=require")
    home.prepare(mine)
    assert access.database_url(mine) == "postgresql://me:p%40ss@db.example:5433/market?sslmode=require"
    assert "/market_dagster?" in access.database_url(mine, database=access.DAGSTER_DATABASE)
    sink = access.database_url(mine, access.SINK)
    assert sink.startswith("postgresql://market_sink:")
    assert "@db.example:5433/market?sslmode=require" in sink
    assert "p%40ss" not in sink


def test_a_broker_of_the_settings_needs_both_addresses(tmp_path: Path) -> None:
    with pytest.raises(CandlewickError, match="CANDLEWICK_PULSAR_ADMIN_URL"):
        access.pulsar_admin_url(settings(tmp_path, pulsar_url="pulsar://broker:6650"))
    both = settings(tmp_path, pulsar_url="pulsar://broker:6650", pulsar_admin_url="http://broker:8080/")
    assert access.pulsar_admin_url(both) == "http://broker:8080"
    assert access.pulsar_token(both, access.PULSAR_ADMIN) is None
    assert access.pulsar_token(both.model_copy(update={"pulsar_token": None}), access.PULSAR_READER) is None
