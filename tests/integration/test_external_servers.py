"""`CANDLEWICK_DATABASE_URL`: another server is prepared and used, and none of our own started."""

from collections.abc import Iterator

import psycopg
import pytest

from candlewick import access
from candlewick.errors import CandlewickError
from candlewick.local import home, platform, ports, programs
from candlewick.local.home import Home
from candlewick.local.servers import Silent
from candlewick.settings import Settings
from tests.conftest import make_settings, temporary_home


@pytest.fixture
def external(empty_database_url: str) -> Iterator[Settings]:
    with temporary_home() as folder:
        settings = make_settings(folder, database_url=empty_database_url)
        home.prepare(settings)
        try:
            yield settings
        finally:
            dagster = access.database_url(settings, database=access.DAGSTER_DATABASE).rpartition("/")[2]
            with psycopg.connect(empty_database_url, autocommit=True) as connection:
                connection.execute(f"DROP DATABASE IF EXISTS {dagster} WITH (FORCE)")  # type: ignore[arg-type]


def test_another_server_gets_tables_roles_and_dagsters_database(external: Settings) -> None:
    for _ in range(2):
        platform.prepare_external_database(external, Silent())
        platform.prepare_tables(external, Silent())
    for role in (access.SINK, access.READER):
        with psycopg.connect(access.database_url(external, role)) as connection:
            assert connection.execute("SELECT count(*) FROM quote_hour").fetchone() == (0,)
    with psycopg.connect(access.database_url(external, database=access.DAGSTER_DATABASE)) as connection:
        assert connection.info.dbname.endswith("_dagster")


def test_none_of_our_own_is_started_beside_it(external: Settings) -> None:
    names = [program.name for program in programs.all_programs(external, Home(external.home))]
    assert programs.POSTGRES not in names
    assert programs.PULSAR in names


def test_a_server_that_does_not_answer_is_named_without_its_password() -> None:
    with temporary_home() as folder:
        url = f"postgresql://me:hush@127.0.0.1:{ports.free_base(1)}/market"
        settings = make_settings(folder, database_url=url)
        home.prepare(settings)
        with pytest.raises(CandlewickError, match="CANDLEWICK_DATABASE_URL") as caught:
            platform.prepare_external_database(settings, Silent())
        assert "hush" not in str(caught.value)
