"""`candlewick up`, `down`, `status`, `doctor`: the platform on this machine."""

import contextlib
import dataclasses
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from types import FrameType
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from candlewick.local import doctor as local_doctor
from candlewick.local import platform, servers, supervisor
from candlewick.local import status as local_status
from candlewick.local.console import ConsoleReport, new_console
from candlewick.local.home import ROOM_TO_RUN, Home
from candlewick.settings import Settings

Demo = Annotated[bool, typer.Option("--demo", help="Use the demo's home, ports and simulated venue.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]

WATCH_SECONDS = 5.0


def register(app: typer.Typer) -> None:
    app.command()(up)
    app.command()(down)
    app.command()(status)
    app.command()(doctor)


def up(
    *,
    demo: Demo = False,
    detach: Annotated[
        bool, typer.Option("--detach", help="Return when all is ready; stop with `down`.")
    ] = False,
) -> None:
    """Start the platform and show what goes on until Ctrl-C stops it."""

    settings = _settings(demo=demo)
    console = new_console(stderr=True)
    report = ConsoleReport(console)
    # A platform that is half up would hold ports and memory for nothing; one that ran before is let run.
    stays_up = supervisor.is_running(Home(settings.home))
    with _interruptible():
        try:
            begun = time.monotonic()
            platform.start(settings, report)
            _print_welcome(settings, console, time.monotonic() - begun)
            stays_up = detach
            if not detach:
                console.print("Ctrl-C stops it.\n")
                _watch(settings, console)
        except KeyboardInterrupt:
            stays_up = False
            console.print("\nstopping; a second Ctrl-C leaves the rest to `candlewick down`")
        finally:
            if not stays_up:
                servers.stop(settings, report)


def down(*, demo: Demo = False) -> None:
    """Stop the platform; what is stored stays."""

    settings = _settings(demo=demo)
    console = new_console(stderr=True)
    if not servers.stop(settings, ConsoleReport(console)):
        console.print(f"nothing runs in {settings.home}")


def status(*, demo: Demo = False, as_json: Json = False) -> None:
    """Show what runs, what is stored and what it costs; exits 1 if anything does not run."""

    found = local_status.gather(_settings(demo=demo))
    if as_json:
        content = dataclasses.asdict(found) | {"is_up": found.is_up}
        if found.storage is not None:
            content["storage"] |= {
                "bytes_per_tick": found.storage.bytes_per_tick,
                "bytes_per_candle": found.storage.bytes_per_candle,
            }
        sys.stdout.write(json.dumps(content, indent=2) + "\n")
    else:
        _print_status(found, new_console())
    if not found.is_up:
        raise typer.Exit(1)


def doctor(*, demo: Demo = False, as_json: Json = False) -> None:
    """Check the installation and say how to mend what is wrong; exits 1 if anything is."""

    console = new_console()
    findings: list[local_doctor.Finding] = []
    for finding in local_doctor.examine(_settings(demo=demo)):
        findings.append(finding)
        if not as_json:
            _print_finding(finding, console)
    if as_json:
        sys.stdout.write(json.dumps([dataclasses.asdict(finding) for finding in findings], indent=2) + "\n")
    if any(finding.verdict is local_doctor.Verdict.WRONG for finding in findings):
        raise typer.Exit(1)


def _settings(*, demo: bool) -> Settings:
    if demo:
        os.environ["CANDLEWICK_DEMO"] = "true"
    return Settings()


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    """SIGTERM and SIGHUP stop the platform as Ctrl-C does; that, too, where a shell had it ignored."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {
        number: signal.signal(number, interrupt) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _print_welcome(settings: Settings, console: Console, seconds: float) -> None:
    console.print(f"\n[bold]Candlewick is up[/] after {seconds:.0f} s, in {settings.home}", highlight=False)
    pages = platform.pages(settings, Home(settings.home))
    width = max(len(page.name) for page in pages)
    for page in pages:
        console.print(f"  {page.name:{width}}  {page.url}", highlight=False)
    console.print("  What goes on: candlewick status; what is wrong: candlewick doctor\n", highlight=False)


def _watch(settings: Settings, console: Console) -> None:
    """Print what changes, until interrupted or until someone else stops the platform."""

    pause = threading.Event()
    # All run: so much has been said already.
    shown = {
        name: line for name, line in _news(local_status.gather(settings)).items() if line.endswith(" runs")
    }
    while True:
        found = local_status.gather(settings)
        if not found.supervisor:
            console.print("the platform was stopped by another command")
            return
        for subject, line in _news(found).items():
            if shown.get(subject) != line:
                console.print(f"[dim]{time.strftime('%H:%M:%S')}[/] {line}", highlight=False)
            shown[subject] = line
        pause.wait(WATCH_SECONDS)


def _news(found: local_status.Status) -> dict[str, str]:
    """One line per subject; a line is news when it differs from the last one of its subject."""
    lines = {program.name: _program_line(program) for program in found.programs}
    if found.disk_free < ROOM_TO_RUN:
        lines["disk"] = f"[red]the disk is full[/]: {found.disk_free / 1e6:.0f} MB free for {found.home}"
    if found.database_problem is not None:
        lines["database"] = f"[red]the database does not answer[/]: {found.database_problem}"
    lines |= {f"what {worker.name} says": _worker_line(worker) for worker in found.workers}
    lines |= {host.host: _host_line(host) for host in found.hosts}
    return lines | {series.name: _series_line(series) for series in found.series}


def _program_line(program: local_status.ProgramStatus) -> str:
    if program.state == "RUNNING":
        return f"{program.name} runs"
    return f"[red]{program.name} is {program.state}[/] {program.detail}"


def _worker_line(worker: local_status.WorkerStatus) -> str:
    color = {"ok": "green", "waiting": "yellow"}.get(worker.condition, "red")
    return f"{worker.name}: [{color}]{worker.condition}[/], {escape(worker.summary)}"


def _host_line(host: local_status.HostStatus) -> str:
    if host.circuit == "closed":
        return f"{host.host} answers"
    return f"[red]{host.host} does not answer[/] ({host.last_outcome}); it is tried again and again"


def _series_line(series: local_status.SeriesStatus) -> str:
    parts = [f"{series.hours:,} hours", f"{series.ticks:,} ticks"] if series.hours else ["nothing yet"]
    if series.last_hour:
        parts.append(f"up to {series.last_hour}")
    if series.failed:
        parts.append(f"[red]{series.failed:,} hours failed[/]")
    if series.waiting:
        parts.append(f"{series.waiting:,} awaited")
    if series.reason:
        parts.append(f"[dim]{_in_short(series.reason)}[/]")
    return f"[bold]{series.name}[/] " + ", ".join(parts)


def _print_status(found: local_status.Status, console: Console) -> None:
    console.print(
        f"[bold]{found.home}[/] ({found.kind}), {found.disk_free / 1e9:.1f} GB free", highlight=False
    )
    table = Table("program", "state", "pid", "for", "memory", "ports", box=None, pad_edge=False)
    for program in found.programs:
        color = "green" if program.state == "RUNNING" else "red"
        table.add_row(
            program.name,
            f"[{color}]{program.state}[/]",
            str(program.pid or ""),
            _duration(program.seconds),
            f"{program.memory / 1e6:.0f} MB" if program.memory else "",
            " ".join(map(str, program.ports)),
        )
    console.print(table)
    for worker in found.workers:
        console.print(_worker_line(worker), highlight=False)
    if found.streams:
        console.print(_stream_table(found.streams))
    for page in found.pages:
        console.print(f"{page.name:16} {page.url}", highlight=False)
    if found.database_problem is not None:
        console.print(f"[red]database[/]: {found.database_problem}")
        return
    table = Table(
        "series", "hours", "ticks", "up to", "failed", "awaited", "newest reason", box=None, pad_edge=False
    )
    for series in found.series:
        table.add_row(
            series.name,
            f"{series.hours:,}",
            f"{series.ticks:,}",
            series.last_hour or "",
            str(series.failed or ""),
            str(series.waiting or ""),
            _in_short(series.reason or ""),
        )
    console.print(table if found.series else "no series yet: `candlewick add EUR/USD`")
    for host in found.hosts:
        console.print(
            f"{host.host}: {host.answered:,} of {host.requests:,} requests answered, "
            f"{host.throttled:,} refused, {host.failed:,} failed"
            + (f"; [red]left alone[/] for {host.resumes_in} s" if host.circuit != "closed" else ""),
            highlight=False,
        )
    storage = found.storage
    if storage is not None and storage.ticks:
        console.print(
            f"disk: ticks {storage.tick_bytes / 1e6:,.1f} MB, {storage.bytes_per_tick} bytes each; "
            f"candles {storage.candle_bytes / 1e6:,.1f} MB, {storage.bytes_per_candle or 0} bytes each",
            highlight=False,
        )


def _stream_table(streams: list[local_status.StreamStatus]) -> Table:
    """A line for each live series."""
    table = Table(
        "stream", "state", "events", "lag", "last event", "gaps", "problem", box=None, pad_edge=False
    )
    for one in streams:
        color = "red" if one.problem else {"streaming": "green", "closed": "dim"}.get(one.state, "yellow")
        gaps = [f"{one.open_gaps} being filled"] if one.open_gaps else []
        gaps += [f"{one.lasting_gaps} stay"] if one.lasting_gaps else []
        table.add_row(
            one.name,
            f"[{color}]{one.state}[/]",
            f"{one.events:,}",
            f"{one.lag_ms:,.0f} ms" if one.last_event else "",
            f"{one.last_event}, {one.quiet_s:.0f} s ago" if one.last_event else "",
            ", ".join(gaps),
            escape(one.problem),
        )
    return table


def _print_finding(finding: local_doctor.Finding, console: Console) -> None:
    marks = {"fine": "[green]✓[/]", "notable": "[yellow]•[/]", "wrong": "[red]✗[/]"}
    console.print(f"{marks[finding.verdict.value]} {finding.subject}: {finding.detail}", highlight=False)
    if finding.remedy:
        console.print(f"  → {finding.remedy}", highlight=False)


def _in_short(reason: str) -> str:
    """A reason's first word; `candlewick coverage` has the rest."""
    return reason.partition(":")[0]


def _duration(seconds: int) -> str:
    if not seconds:
        return ""
    hours, rest = divmod(seconds, 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}"
