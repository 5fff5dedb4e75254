"""`candlewick up`, `status`, `doctor` and `down` as a user runs them: a demo, from nothing to nothing."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from candlewick import access
from candlewick.local import ports, status
from candlewick.local.doctor import LOOPBACK_ADDRESSES
from candlewick.local.home import Home
from candlewick.settings import Settings
from tests.conftest import PORTS, temporary_home
from tests.waiting import until

CANDLEWICK = Path(sys.executable).with_name("candlewick")
PATIENCE = 240.0


class Installation:
    """A demo in a folder of its own."""

    def __init__(self, folder: Path, home: Path | None = None) -> None:
        self.folder = folder
        self.home = home or folder / "home"
        self.environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("CANDLEWICK_")},
            "CANDLEWICK_DEMO": "1",
            "CANDLEWICK_HOME": str(self.home),
            "CANDLEWICK_PORT_BASE": str(ports.free_base(PORTS)),
            "CANDLEWICK_DEFAULT_SERIES": "EUR/USD",
        }

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [CANDLEWICK, *arguments], env=self.environment, cwd=self.folder,
            capture_output=True, text=True, check=False, timeout=PATIENCE,
        )  # fmt: skip

    def settings(self) -> Settings:
        base = int(self.environment["CANDLEWICK_PORT_BASE"])
        return Settings(_env_file=None, home=self.home, port_base=base, demo=True)  # type: ignore[call-arg]


def listening_on(settings: Settings) -> set[int]:
    p = settings.ports
    mine = {p.postgres, p.pulsar, p.pulsar_admin, p.bookie, p.dagster, p.dagster_code, p.simulator}
    return {port for port in mine if not ports.is_free(port)}


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Installation]:
    with temporary_home() as home:
        mine = Installation(tmp_path, home)
        yield mine
        mine.run("down")


def guard_is_well(demo: Installation) -> bool:
    workers = status.gather(demo.settings()).workers
    return any(worker.name == "guard" and worker.condition == "ok" for worker in workers)


@pytest.mark.timeout(900)
def test_a_demo_from_nothing_to_candles_and_to_nothing_again(demo: Installation, tmp_path: Path) -> None:
    mine = demo
    said = tmp_path / "said"
    with said.open("wb") as output:
        up = subprocess.Popen(
            [CANDLEWICK, "up"], env=mine.environment, cwd=tmp_path, stdout=output, stderr=output,
            start_new_session=True,
        )  # fmt: skip
    try:
        until("being up", lambda: b"Ctrl-C stops it" in said.read_bytes() or up.poll() is not None, PATIENCE)
        assert up.poll() is None, said.read_text()
        assert f"http://127.0.0.1:{mine.settings().ports.dagster}" in said.read_text()

        shown = mine.run("status", "--json")
        assert shown.returncode == 0, shown.stdout
        assert {program["state"] for program in json.loads(shown.stdout)["programs"]} == {"RUNNING"}
        until("the guard to find all well", lambda: guard_is_well(mine), PATIENCE)
        doctor = mine.run("doctor", "--json")
        wrong = [finding for finding in json.loads(doctor.stdout) if finding["verdict"] == "wrong"]
        assert wrong == []
        assert doctor.returncode == 0

        until("landing of ticks", lambda: landed(mine), PATIENCE)
        until("news of them", lambda: b" ticks, up to " in said.read_bytes(), PATIENCE)
        storage = json.loads(mine.run("status", "--json").stdout)["storage"]
        assert 5 < storage["bytes_per_tick"] < 200

        children = psutil.Process(up.pid).children(recursive=True)
        assert len(children) > 5
        assert [one for process in children for one in exposed(process)] == []

        up.send_signal(signal.SIGINT)
        assert up.wait(PATIENCE) == 0, said.read_text()
        _, alive = psutil.wait_procs(children, timeout=10)
        assert alive == []
        assert listening_on(mine.settings()) == set()
    finally:
        if up.poll() is None:
            up.kill()
            up.wait()


def exposed(process: psutil.Process) -> list[tuple[str, object]]:
    """Where a process listens beyond loopback; nothing of one that has ended meanwhile."""
    try:
        return [
            (process.name(), connection.laddr)
            for connection in process.net_connections(kind="tcp")
            if connection.status == psutil.CONN_LISTEN and connection.laddr.ip not in LOOPBACK_ADDRESSES
        ]
    except psutil.NoSuchProcess:
        return []


def landed(mine: Installation) -> bool:
    with psycopg.connect(access.database_url(mine.settings(), access.READER)) as connection:
        row = connection.execute("SELECT coalesce(sum(ticks), 0) FROM quote_hour").fetchone()
    return bool(row and row[0] > 1000)


def test_a_command_without_a_platform_says_what_to_do(tmp_path: Path) -> None:
    mine = Installation(tmp_path)
    status = mine.run("status")
    assert status.returncode == 1
    assert "not started yet" in status.stdout
    down = mine.run("down")
    assert (down.returncode, down.stderr.strip()) == (0, f"nothing runs in {tmp_path / 'home'}")
    assert not (tmp_path / "home").exists()


def test_a_home_of_the_other_kind_is_refused_in_one_line(tmp_path: Path) -> None:
    mine = Installation(tmp_path)
    mine.settings().home.mkdir()
    Home(mine.settings().home).stamp.write_text("real\n")
    up = mine.run("up")
    assert up.returncode == 2
    assert up.stderr.startswith("candlewick: ")
    assert len(up.stderr.strip().splitlines()) == 1
    assert "holds real data" in up.stderr


def test_a_setting_that_makes_no_sense_is_named_in_one_line(tmp_path: Path) -> None:
    mine = Installation(tmp_path)
    mine.environment["CANDLEWICK_DEMO"] = "0"
    mine.environment["CANDLEWICK_PORT_BASE"] = "many"
    up = mine.run("up")
    assert up.returncode == 2
    assert up.stderr.startswith("candlewick: CANDLEWICK_PORT_BASE: ")
