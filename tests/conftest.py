"""Fixtures that all tests share: recordings, databases, servers, a platform.

Take the least that a test needs; all of these are started once, by the first test that asks for them:

- `database_url`: a migrated database of the test's own.
- `servers`: one real PostgreSQL and one real Pulsar. Nothing here may be stopped or restarted.
- `platform`, with its `venue`: everything that `candlewick up` starts, in a home of its own. Tests may kill
  any part of it, for `platform` waits until all is up again. They keep apart by series or by dates: what is
  in its database is everybody's, and stays.

`make test` shares the tests between two processes: `side_by_side.py` says which stay together.
"""

import contextlib
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import hypothesis
import psycopg
import pytest
from psycopg import sql

from candlewick import access
from candlewick.local import ports, programs
from candlewick.local import servers as local_servers
from candlewick.settings import Settings
from tests.platform import Platform, Venue

pytest_plugins = ["tests.side_by_side"]

# A busy machine is no failure.
hypothesis.settings.register_profile(
    "candlewick", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("candlewick")

PORTS = 13
HEAP_MIB = 512

for name in [name for name in os.environ if name.startswith("CANDLEWICK_")]:
    # What a developer's own platform is set to must not reach a test.
    if not name.startswith("CANDLEWICK_TEST_"):
        del os.environ[name]


def make_settings(home: Path, **values: object) -> Settings:
    """Settings of a platform of its own in `home`, on free ports, that collects nothing by itself."""
    given = {"port_base": ports.free_base(PORTS), "default_series": "", **values}
    return Settings(_env_file=None, home=home, **given)  # type: ignore[call-arg, arg-type]


@pytest.fixture(scope="session")
def fixtures() -> Path:
    """The folder of real recordings; tests that need it are skipped where it is not."""
    folder = Path(__file__).parents[2] / "shared" / "fixtures"
    if not folder.is_dir():
        pytest.skip("the folder of recordings (../shared/fixtures) is not here")
    return folder


@contextmanager
def temporary_home() -> Iterator[Path]:
    """A folder for a home, removed afterwards.

    Not below `tmp_path`: each run of pytest closes that folder to all other users, and with it locks out
    the OS user that PostgreSQL runs as under root in another run that goes on at the same time.
    """
    folder = Path(tempfile.mkdtemp(prefix="candlewick-test-"))
    try:
        yield folder / "home"
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def running(settings: Settings, *names: str) -> Iterator[Settings]:
    """Servers that run inside the block; everything of their home is stopped on leaving."""
    try:
        local_servers.start(settings, names or programs.SERVERS, heap_mib=HEAP_MIB)
        yield settings
    finally:
        local_servers.stop(settings)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Settings]:
    """PostgreSQL of its own for the whole run."""
    with temporary_home() as home, running(make_settings(home), programs.POSTGRES) as settings:
        yield settings


@pytest.fixture(scope="session")
def servers(postgres_server: Settings) -> Settings:
    """PostgreSQL and Pulsar with its functions worker and the JDBC sink, for the whole run."""
    local_servers.start(postgres_server, programs.SERVERS, heap_mib=HEAP_MIB)
    return postgres_server


@pytest.fixture(scope="session")
def venue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Venue]:
    """The platform's venue: what a test puts in its folder is what the venue has."""
    with Venue.started(tmp_path_factory.mktemp("venue")) as running:
        yield running


@pytest.fixture(scope="session")
def shared_platform(venue: Venue) -> Iterator[Platform]:
    """The platform of the whole run as the test before left it; tests take `platform`."""
    with temporary_home() as home, Platform.started(home, venue) as running:
        yield running


@pytest.fixture
def platform(shared_platform: Platform) -> Platform:
    """The platform of the whole run, with all of it up, whatever the test before did to it."""
    shared_platform.await_up()
    return shared_platform


@pytest.fixture(scope="session")
def database_server_url(request: pytest.FixtureRequest) -> str:
    """A server on which tests may create databases: `CANDLEWICK_TEST_DATABASE_URL`, or one of our own."""
    given = os.environ.get("CANDLEWICK_TEST_DATABASE_URL")
    if given:
        return given
    settings: Settings = request.getfixturevalue("postgres_server")
    return access.database_url(settings, database="postgres")


@pytest.fixture(scope="session")
def _migrated_template(database_server_url: str) -> Iterator[str]:
    from candlewick.store import Store  # noqa: PLC0415  (tests of other parts need not wait for it)

    with new_database(database_server_url) as url:
        Store(url).migrate()
        name = url.rpartition("/")[2]
        # A database that anyone is connected to cannot be copied, and TimescaleDB's workers connect to all.
        with psycopg.connect(database_server_url, autocommit=True) as connection:
            connection.execute(
                sql.SQL("ALTER DATABASE {} WITH ALLOW_CONNECTIONS false").format(sql.Identifier(name))
            )
            connection.execute(
                "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = %s", [name]
            )
        yield name


@pytest.fixture
def empty_database_url(database_server_url: str) -> Iterator[str]:
    """A database without anything in it, dropped afterwards."""
    with new_database(database_server_url) as url:
        yield url


@pytest.fixture
def database_url(database_server_url: str, _migrated_template: str) -> Iterator[str]:
    """A freshly migrated database of the test's own, dropped afterwards."""
    with new_database(database_server_url, template=_migrated_template) as url:
        yield url


class new_database:  # noqa: N801  (reads as the function that it replaces)
    """Context: a database of a name of its own on this server; gives its URL."""

    def __init__(self, server_url: str, template: str = "template0") -> None:
        self._server_url = server_url
        self._template = template
        self._name = f"test_{secrets.token_hex(6)}"

    def __enter__(self) -> str:
        self._execute("CREATE DATABASE {} TEMPLATE {}", self._name, self._template)
        return f"{self._server_url.rpartition('/')[0]}/{self._name}"

    def __exit__(self, *_exception: object) -> None:
        for role in (access.SINK, access.READER):
            # Whoever has the role's rights may end its sessions: a deleted sink leaves one open for a while.
            with contextlib.suppress(psycopg.errors.UndefinedObject):
                self._execute("GRANT {} TO CURRENT_USER", access.database_user(role, self._name))
        try:
            self._execute("DROP DATABASE IF EXISTS {} WITH (FORCE)", self._name)
        except psycopg.errors.InsufficientPrivilege:
            # An autovacuum worker is at it: only a superuser may end it by force; without, it gives way.
            self._execute("DROP DATABASE IF EXISTS {}", self._name)
        for role in (access.SINK, access.READER):
            self._execute("DROP ROLE IF EXISTS {}", access.database_user(role, self._name))

    def _execute(self, statement: str, *names: str) -> None:
        with psycopg.connect(self._server_url, autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))  # type: ignore[arg-type]
