"""Start and stop what runs on this machine, in order, each step with its progress."""

import contextlib
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

import httpx

from candlewick.errors import CandlewickError
from candlewick.local import downloads, leftovers, osuser, ports, postgres, programs, pulsar, supervisor
from candlewick.local.home import Home, exclusive, prepare
from candlewick.local.programs import Program
from candlewick.settings import Settings

READY_SECONDS = {programs.POSTGRES: 60.0, programs.PULSAR: 120.0}
READY_SECONDS_OTHERS = 60.0
POLL_SECONDS = 0.1


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
    names: Collection[str] | None = None,
    *,
    report: Report | None = None,
    heap_mib: int = pulsar.HEAP_MIB,
    cache: Path | None = None,
) -> None:
    """Start the programs of these names (default: PostgreSQL and Pulsar) and return when all are ready.

    What already runs stays as it is, unless its configuration has changed. What a killed platform left is
    stopped first.

    Raises:
        CandlewickError: with what stands in the way: a used port, a full disk, a home of the other kind,
            a failed download, a program that does not come up.
    """
    report = report or Silent()
    home = prepare(settings)
    wanted = programs.SERVERS if names is None else names
    with exclusive(home, "start"):
        chosen = [program for program in programs.all_programs(settings, home) if program.name in wanted]
        unknown = set(wanted) - {program.name for program in chosen} - set(programs.SERVERS)
        if unknown:
            raise CandlewickError(f"no such program: {', '.join(sorted(unknown))}", "see `candlewick status`")
        _ensure_supervisor(settings, home, report)
        running = supervisor.states(home)
        for program in chosen:
            if running[program.name].state not in {"RUNNING", "STARTING", "BACKOFF"}:
                _prepare(program, settings, home, report, heap_mib=heap_mib, cache=cache)
        for program in chosen:
            _start(program, settings, home, report)


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
        ran = _stop_supervised(settings, home, report)
        left = leftovers.find(home)
        if left:
            with report.step("stopping what an earlier platform left"):
                leftovers.stop(left)
        return ran or bool(left)


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
        # supervisord refuses a configuration that names a user who is not there yet.
        osuser.postgres_user()
    environment = programs.environment(settings, home)
    config = supervisor.render(home, programs.all_programs(settings, home), environment)
    if supervisor.is_running(home):
        if supervisor.has_config(home, config):
            return
        report.say("the settings have changed since the platform was started: starting it again")
        _stop_supervised(settings, home, report)
    left = leftovers.find(home)
    if left:
        with report.step("stopping what an earlier platform left"):
            leftovers.stop(left)
    supervisor.start(home, config, environment)


def _stop_supervised(settings: Settings, home: Home, report: Report) -> bool:
    try:
        states = supervisor.states(home)
        order = [p for p in programs.all_programs(settings, home) if p.name in states]
        for name in [*(s for s in states if s not in {p.name for p in order}), *(p.name for p in reversed(order))]:
            if states[name].state in {"RUNNING", "STARTING", "BACKOFF", "STOPPING"}:
                with report.step(f"stopping {name}"):
                    supervisor.stop_program(home, name)
        supervisor.shutdown(home, patience=30)
    except supervisor.NotRunningError:
        return False
    return True


def _prepare(
    program: Program, settings: Settings, home: Home, report: Report, *, heap_mib: int, cache: Path | None
) -> None:
    for port, purpose in program.listens.items():
        ports.check_free(port, purpose)
    if program.name == programs.POSTGRES:
        with report.step("preparing PostgreSQL"):
            postgres.prepare(settings, home, report.say)
    elif program.name == programs.PULSAR:
        distribution = downloads.ensure_pulsar(cache or downloads.cache_folder(), report.transfer)
        pulsar.prepare(settings, home, distribution, heap_mib)


def _start(program: Program, settings: Settings, home: Home, report: Report) -> None:
    with report.step(f"starting {program.name}"):
        supervisor.start_program(home, program.name)
        _await_ready(program, settings, home)
        if program.name == programs.POSTGRES:
            postgres.ensure_databases(settings)


def _await_ready(program: Program, settings: Settings, home: Home) -> None:
    deadline = time.monotonic() + READY_SECONDS.get(program.name, READY_SECONDS_OTHERS)
    while time.monotonic() < deadline:
        state = supervisor.states(home)[program.name]
        if state.state in {"RUNNING", "STARTING"} and is_ready(program, settings):
            return
        if state.state in {"BACKOFF", "FATAL", "EXITED"}:
            raise CandlewickError(
                f"{program.name} ended at its start: {_last_line(home, program)}",
                f"see {home.logs / program.name}.log, or run `candlewick doctor`",
            )
        time.sleep(POLL_SECONDS)
    raise CandlewickError(
        f"{program.name} does not answer: {_last_line(home, program)}",
        f"see {home.logs / program.name}.log, or run `candlewick doctor`",
    )


def _last_line(home: Home, program: Program) -> str:
    log = home.logs / f"{program.name}.log"
    try:
        lines = log.read_text(errors="replace").strip().splitlines()
    except FileNotFoundError:
        lines = []
    return lines[-1][:300] if lines else "it said nothing"


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False
