"""A platform of the benchmark's own: real servers in a temporary home, on free ports."""

import contextlib
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from candlewick import access
from candlewick.history import History
from candlewick.hours import Hour
from candlewick.local import platform, ports, programs, servers, supervisor
from candlewick.local.home import Home
from candlewick.settings import Settings
from candlewick.store.database import Database

PORTS = 13
LANDING_DEADLINE_S = 300


@contextlib.contextmanager
def started(**values: object) -> Iterator[Settings]:
    """Everything up, nothing collected; stopped and removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="candlewick-bench-") as folder:
        given = {
            "home": Path(folder) / "home",
            "port_base": ports.free_base(PORTS),
            "default_series": "",
            **values,
        }
        settings = Settings(_env_file=None, **given)  # type: ignore[arg-type]
        try:
            platform.start(settings, servers.Silent())
            yield settings
        finally:
            servers.stop(settings)
            shutil.rmtree(settings.home, ignore_errors=True)


@contextlib.contextmanager
def serving(*servers_needed: str) -> Iterator[Settings]:
    """Some servers and the web server, without anything that works on its own beside them."""
    with tempfile.TemporaryDirectory(prefix="candlewick-bench-") as folder:
        home = Path(folder) / "home"
        base = ports.free_base(PORTS)
        settings = Settings(_env_file=None, home=home, port_base=base, default_series="")
        try:
            servers.start(settings, servers_needed)
            platform.prepare_tables(settings, servers.Silent())
            servers.start(settings, [programs.WEB])
            yield settings
        finally:
            servers.stop(settings)
            shutil.rmtree(settings.home, ignore_errors=True)


def process_of(settings: Settings, name: str) -> psutil.Process:
    """The process of a supervised program."""
    return psutil.Process(supervisor.states(Home(settings.home))[name].pid)


@contextlib.contextmanager
def opened_database(settings: Settings) -> Iterator[Database]:
    database = Database(access.database_url(settings))
    database.open()
    try:
        yield database
    finally:
        database.close()


def await_rows(history: History, hours: list[Hour]) -> None:
    """Return once every hour is a committed row.

    Raises:
        TimeoutError: some did not land.
    """
    series, missing = hours[0].series, {hour.hour_us for hour in hours}
    deadline = time.monotonic() + LANDING_DEADLINE_S
    # Only what is missing, and not too often: the question must not compete with the landing.
    while missing := missing - history.store.landed_marks(series, sorted(missing)).keys():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{len(missing)} hours of {series} did not land within {LANDING_DEADLINE_S} s")
        time.sleep(0.05)
