"""The platform's programs: what each runs, where it listens, how it is stopped, in the order of starting."""

import importlib.util
import json
import os
import shlex
import sys
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from candlewick import dagster_home
from candlewick.local import osuser, postgres, pulsar
from candlewick.local.home import Home
from candlewick.settings import SOURCES, Settings

POSTGRES = "postgres"
PULSAR = "pulsar"
GUARD = "guard"
DAGSTER_CODE = "dagster-code"
DAGSTER_DAEMON = "dagster-daemon"
DAGSTER_WEB = "dagster-webserver"
SIMULATOR = "simulator"
SIMULATED_KRAKEN = "simulated-kraken"
SIMULATED_OANDA = "simulated-oanda"
RECORDER = "recorder"
REFRESHER = "refresher"
KRAKEN = "kraken"
OANDA = "oanda"
NOTIFIER = "notifier"
WEB = "web"

SERVERS = (POSTGRES, PULSAR)
SIMULATORS = (SIMULATOR, SIMULATED_KRAKEN, SIMULATED_OANDA)


@dataclass(frozen=True, slots=True)
class Program:
    """A supervised process.

    Attributes:
        command: as a shell would split it.
        listens: its ports on loopback, with what each is for.
        user: the OS user it runs as; empty for the present one.
        stop_seconds: how long it may take to stop before it is killed.
    """

    name: str
    command: str
    listens: dict[int, str]
    user: str = ""
    stop_signal: str = "TERM"
    stop_seconds: int = 20


def all_programs(settings: Settings, home: Home) -> list[Program]:
    """Every program of this installation in the order of starting; external servers and packages that are not
    there are left out."""
    return [
        *_servers(settings, home),
        *_simulator(settings),
        *_guard(),
        *_live(settings),
        *_dagster(settings),
        *_web(settings),
    ]


def environment(settings: Settings) -> dict[str, str]:
    """What the programs find in their environment: the settings as `up` found them."""
    values: dict[str, str] = {}
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if isinstance(value, SecretStr):
            value = value.get_secret_value()
        if value is not None:
            values[f"CANDLEWICK_{name.upper()}"] = str(value)
    if settings.archive is not None and "://" not in settings.archive:
        values["CANDLEWICK_ARCHIVE"] = str(Path(settings.archive).absolute())
    values[SOURCES] = json.dumps(type(settings).sources(), sort_keys=True)
    return values | dagster_home.environment(settings) | {"PYTHONUNBUFFERED": "1"}


def is_installed(module: str) -> bool:
    """Whether a module can be imported; nothing of it is run but its parent packages."""
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def _servers(settings: Settings, home: Home) -> list[Program]:
    programs: list[Program] = []
    listens = settings.ports
    if settings.database_url is None:
        programs.append(
            Program(
                POSTGRES,
                postgres.command(home),
                {listens.postgres: "PostgreSQL"},
                # The name alone: whether root's helper user exists is found out when the home is prepared.
                user=osuser.USER_NAME if os.geteuid() == 0 else "",
                stop_signal="INT",
                stop_seconds=60,
            )
        )
    if settings.pulsar_url is None:
        programs.append(
            Program(
                PULSAR,
                pulsar.command(home),
                {
                    listens.pulsar: "Pulsar's broker",
                    listens.pulsar_admin: "Pulsar's admin API",
                    pulsar.bookie_port(settings, home): "Pulsar's bookie",
                },
                stop_seconds=40,
            )
        )
    return programs


def _simulator(settings: Settings) -> list[Program]:
    """The venues of a demo."""
    if not settings.demo:
        return []
    listens = settings.ports
    venues = (
        (SIMULATOR, "dukascopy", listens.simulator),
        (SIMULATED_KRAKEN, "kraken", listens.simulated_kraken),
        (SIMULATED_OANDA, "oanda", listens.simulated_oanda),
    )
    return [
        Program(
            name,
            _python("-m", f"simulators.{venue}", "--synthetic", "--port", str(port)),
            {port: f"the simulated {venue.capitalize()}"},
        )
        for name, venue, port in venues
        if is_installed(f"simulators.{venue}.__main__")
    ]


def _guard() -> list[Program]:
    if not is_installed("streaming.guard"):
        return []
    return [Program(GUARD, _python("-m", "streaming.guard"), {})]


def _live(settings: Settings) -> list[Program]:
    """The recorder before those whose events it reads: it also tells them what to stream."""
    programs: list[Program] = []
    if is_installed("streaming.recorder"):
        programs.append(Program(RECORDER, _python("-m", "streaming.recorder"), {}))
    if is_installed("streaming.refresher"):
        programs.append(Program(REFRESHER, _python("-m", "streaming.refresher"), {}))
    for venue, port in ((KRAKEN, settings.ports.kraken), (OANDA, settings.ports.oanda)):
        if is_installed(f"streaming.venues.{venue}"):
            listens = {port: f"the metrics of the worker for {venue}"}
            programs.append(Program(venue, _python("-m", "streaming.live", venue), listens))
    if settings.notify_urls and is_installed("streaming.notifier"):
        programs.append(Program(NOTIFIER, _python("-m", "streaming.notifier"), {}))
    return programs


def _dagster(settings: Settings) -> list[Program]:
    if not is_installed("pipeline_defs.definitions"):
        return []
    code, web = settings.ports.dagster_code, settings.ports.dagster
    code_server = [_script("dagster"), "code-server", "start", "-h", "127.0.0.1", "-p", str(code)]
    return [
        Program(
            DAGSTER_CODE,
            shlex.join([*code_server, "-m", "pipeline_defs.definitions"]),
            {code: "Dagster's code server"},
            stop_seconds=30,
        ),
        Program(
            DAGSTER_DAEMON, shlex.join([_script("dagster-daemon"), "run", *_workspace()]), {}, stop_seconds=30
        ),
        Program(
            DAGSTER_WEB,
            shlex.join([_script("dagster-webserver"), "-h", "127.0.0.1", "-p", str(web), *_workspace()]),
            {web: "Dagster's pages"},
        ),
    ]


def _web(settings: Settings) -> list[Program]:
    if not is_installed("web.__main__"):
        return []
    return [Program(WEB, _python("-m", "web"), {settings.ports.web: "the pages of Candlewick"})]


def _workspace() -> list[str]:
    return ["-w", str(dagster_home.WORKSPACE)]


def _script(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


def _python(*arguments: str) -> str:
    return shlex.join([sys.executable, *arguments])
