"""Start and stop what runs on this machine, in order, each step with its progress."""

import contextlib
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

import httpx

from candlewick.errors import CandlewickError
from candlewick.local import downloads, leftovers, ports, postgres, programs, pulsar, supervisor
from candlewick.local.home import Home, exclusive, prepare
from candlewick.local.programs import Program
from candlewick.settings import Settings

READY_SECONDS = 300.0
"""PostgreSQL may have to replay what it wrote before a crash; Pulsar takes 10 s, and on a machine that has
more to do than it can a minute or two."""
STOP_SECONDS = 60.0
POLL_SECONDS = 0.1
ATTEMPTS = 3
"""Starts of a program after which a start of the platform gives it up (the supervisor does not)."""

ALIVE = frozenset({"RUNNING", "STARTING", "BACKOFF", "STOPPING"})


class Report(Protocol):
    """Where a start tells what it does."""

    def step(self, name: str) -> AbstractContextManager[None]:
        """Around a step that takes a while."""

    def say(self, text: str) -> None:
        """One line that the user should see."""

    def transfer(self, name: str, total: int) -> AbstractContextManager[Callable[[int], None]]:
        """Around a download or unpacking of `total` bytes; the function is told of each piece."""


class Silent:
    """A report that nobody reads."""

    @contextlib.contextmanager
    def step(self, name: str) -> Iterator[None]:
        del name
        yield

    def say(self, text: str) -> None:
        del text

    @contextlib.contextmanager
    def transfer(self, name: str, total: int) -> Iterator[Callable[[int], None]]:
        del name, total
        yield lambda _count: None


def start(
    settings: Settings,
    names: Collection[str] = programs.SERVERS,
    *,
    report: Report | None = None,
    after: Mapping[str, Callable[[], None]] | None = None,
    heap_mib: int = pulsar.HEAP_MIB,
    cache: Path | None = None,
) -> None:
    """Start the programs of these names and return when all are ready.

    They start together and are waited for in their order; `after` holds what to do once the program of
    that name is ready. What already runs stays as it is, unless its configuration has changed. What a
    killed platform left is stopped first. Names of servers that the settings place elsewhere are passed over.

    Raises:
        CandlewickError: with what stands in the way: a used port, a full disk, a home of the other kind,
            a failed download, a program that does not come up.
    """
    report = report or Silent()
    home = prepare(settings)
    with exclusive(home, "start"):
        chosen = [program for program in programs.all_programs(settings, home) if program.name in names]
        _ensure_supervisor(settings, home, report)
        states = supervisor.states(home)
        for program in chosen:
            if states[program.name].state not in ALIVE:
                _prepare(program, settings, home, report, heap_mib=heap_mib, cache=cache)
        for program in chosen:
            supervisor.start_program(home, program.name)
        for program in chosen:
            with report.step(f"starting {program.name}"):
                _await_ready(program, settings, home)
            if after is not None and program.name in after:
                after[program.name]()


def stop(settings: Settings, report: Report | None = None) -> bool:
    """Stop everything of this home, last started first; whether anything ran.

    Raises:
        CandlewickError: another command is starting or stopping it.
    """
    report = report or Silent()
    home = Home(settings.home)
    if not home.root.is_dir():
        return False
    with exclusive(home, "stop"):
        ran = _stop_supervised(home, report)
        return _stop_leftovers(home, report) or ran


def is_ready(program: Program, settings: Settings) -> bool:
    """Whether a program answers its health check."""
    checks: dict[str, Callable[[], bool]] = {
        programs.POSTGRES: lambda: postgres.is_ready(settings),
        programs.PULSAR: lambda: pulsar.is_ready(settings),
        programs.DAGSTER_WEB: lambda: _answers(f"http://127.0.0.1:{settings.ports.dagster}/server_info"),
    }
    if program.name in checks:
        return checks[program.name]()
    return all(not ports.is_free(port) for port in program.listens)


def _ensure_supervisor(settings: Settings, home: Home, report: Report) -> None:
    if settings.database_url is None:
        # First: the configuration names PostgreSQL's OS user and where its programs are.
        postgres.prepare_programs(home, report.say)
    environment = programs.environment(settings)
    config = supervisor.render(home, programs.all_programs(settings, home), environment)
    if supervisor.is_running(home):
        if supervisor.has_config(home, config):
            return
        report.say("the settings have changed since the platform was started: starting it again")
        _stop_supervised(home, report)
    _stop_leftovers(home, report)
    supervisor.start(home, config, environment)


def _stop_supervised(home: Home, report: Report) -> bool:
    try:
        others = [name for name in supervisor.states(home) if name not in programs.SERVERS]
        # What works on the servers stops before them, and the broker, whose sinks write, before the database.
        for wave in (others, [programs.PULSAR], [programs.POSTGRES]):
            _stop_together(home, wave, report)
        supervisor.shutdown(home, patience=STOP_SECONDS)
    except supervisor.NotRunningError:
        return False
    return True


def _stop_together(home: Home, names: Collection[str], report: Report) -> None:
    states = supervisor.states(home)
    running = [name for name in names if name in states and states[name].state in ALIVE]
    for name in running:
        supervisor.stop_program(home, name)
    for name in running:
        with report.step(f"stopping {name}"):
            # The supervisor kills whatever takes longer than it may.
            while supervisor.states(home)[name].state in ALIVE:
                time.sleep(POLL_SECONDS)


def _stop_leftovers(home: Home, report: Report) -> bool:
    left = leftovers.find(home)
    if left:
        with report.step("stopping what a killed platform left"):
            leftovers.stop(left)
    return bool(left)


def _prepare(
    program: Program, settings: Settings, home: Home, report: Report, *, heap_mib: int, cache: Path | None
) -> None:
    for port, purpose in program.listens.items():
        ports.check_free(port, purpose)
    if program.name == programs.POSTGRES:
        with report.step("preparing PostgreSQL"):
            postgres.prepare(settings, home)
    elif program.name == programs.PULSAR:
        distribution = downloads.ensure_pulsar(cache or downloads.cache_folder(), report.transfer)
        pulsar.prepare(settings, home, distribution, heap_mib)


def _await_ready(program: Program, settings: Settings, home: Home) -> None:
    deadline = time.monotonic() + READY_SECONDS
    starts: set[int] = set()
    while time.monotonic() < deadline:
        state = supervisor.states(home)[program.name]
        # What listens nowhere has nothing to ask: the supervisor calls it running once it has lasted.
        lives = {"RUNNING", "STARTING"} if program.listens else {"RUNNING"}
        if state.state in lives and is_ready(program, settings):
            if program.name == programs.POSTGRES:
                postgres.ensure_databases(settings)
            return
        starts.add(state.started)
        # One that has ended is started again by the supervisor.
        has_ended = state.state in {"BACKOFF", "EXITED"}
        if state.state == "FATAL" or (has_ended and len(starts) >= ATTEMPTS):
            raise _failure(program, home, "ended at its start")
        time.sleep(POLL_SECONDS)
    raise _failure(program, home, "does not answer")


def _failure(program: Program, home: Home, what: str) -> CandlewickError:
    log = home.logs / f"{program.name}.log"
    lines = log.read_text(errors="replace").strip().splitlines() if log.exists() else []
    last = lines[-1][:300] if lines else "it said nothing"
    return CandlewickError(f"{program.name} {what}: {last}", f"see {log}, or run `candlewick doctor`")


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False
