"""Processes of a home that outlived their supervisor (a kill -9 of it): found, and stopped in order."""

import os
import signal

import psutil

from candlewick.local import postgres, pulsar, supervisor
from candlewick.local.home import Home

PATIENCE_SECONDS = 45.0


def find(home: Home) -> list[psutil.Process]:
    """Processes of this home that no living supervisor of it looks after, roots of their trees only."""
    found: dict[int, psutil.Process] = {}
    for process in psutil.process_iter():
        if process.pid != os.getpid() and _belongs(process, home):
            found[process.pid] = process
    server = postgres.postmaster(home)
    if server is not None:
        found[server.pid] = server
    return [process for process in found.values() if _parent(process) not in found]


def stop(processes: list[psutil.Process]) -> None:
    """Ask each to stop, PostgreSQL in its fast way, and kill what has not ended in time."""
    trees = [child for process in processes for child in _tree(process)]
    for process in processes:
        _signal(process)
    _, alive = psutil.wait_procs(trees, timeout=PATIENCE_SECONDS)
    for process in alive:
        process.kill()
    psutil.wait_procs(alive, timeout=5)


def _belongs(process: psutil.Process, home: Home) -> bool:
    try:
        command = process.cmdline()
        if str(supervisor.config_file(home)) in command or pulsar.marker(home) in command:
            return True
        supervised = process.environ()
        return supervised.get("SUPERVISOR_ENABLED") == "1" and supervised.get("CANDLEWICK_HOME") == str(
            home.root
        )
    except psutil.Error:
        return False


def _parent(process: psutil.Process) -> int | None:
    try:
        return process.ppid()
    except psutil.NoSuchProcess:
        return None


def _tree(process: psutil.Process) -> list[psutil.Process]:
    try:
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def _signal(process: psutil.Process) -> None:
    try:
        if process.name() == "postgres":
            process.send_signal(signal.SIGINT)
        else:
            process.terminate()
    except psutil.NoSuchProcess:
        return
