"""supervisord: its configuration, its control socket, and talking to it.

Programs are started by name and not by themselves, so that each waits for what it needs; once up,
supervisord starts them again whenever they end.
"""

import hashlib
import http.client
import os
import shlex
import socket
import subprocess
import sys
import tempfile
import time
import xmlrpc.client
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import psutil
from supervisor.xmlrpc import Faults

from candlewick.errors import CandlewickError
from candlewick.local.home import Home, write_atomically
from candlewick.local.programs import Program

START_SECONDS = 60
CALL_SECONDS = 15
RETRIES = 30
LOG_BYTES = "10MB"
LOG_BACKUPS = 3
LONGEST_SOCKET_PATH = 100
"""Bytes; the kernel takes 107 with the suffix that supervisord adds while it binds."""

# On its way out supervisord gives each group a second of its own, also where nothing of it runs.
_GROUP = "programs"

_ENDED = {"STOPPED", "EXITED", "FATAL"}


@dataclass(frozen=True, slots=True)
class ProcessState:
    """What supervisord says of a program; `state` is one of its words (RUNNING, BACKOFF, FATAL ...)."""

    name: str
    state: str
    pid: int
    started: int
    detail: str


class NotRunningError(Exception):
    """No supervisor answers in this home."""


def config_file(home: Home) -> Path:
    return home.run / "supervisord.conf"


def socket_file(home: Home) -> Path:
    """The control socket: in the home, or in a private folder elsewhere if that path is too long for one."""
    file = home.run / "supervisor.sock"
    if len(os.fsencode(file)) <= LONGEST_SOCKET_PATH:
        return file
    digest = hashlib.sha256(os.fsencode(home.root)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"candlewick-{os.getuid()}-{digest}" / "supervisor.sock"


def render(home: Home, programs: Sequence[Program], environment: Mapping[str, str]) -> str:
    """The configuration file; a change of the programs' environment shows in it, its values do not."""
    fingerprint = hashlib.sha256(repr(sorted(environment.items())).encode()).hexdigest()
    running_as_root = "user = root\n" if os.geteuid() == 0 else ""
    sections = [
        f"""\
; Written at each start of Candlewick; changes here are lost.
; environment {fingerprint}
[unix_http_server]
file = {_escaped(socket_file(home))}
chmod = 0600

[supervisord]
{running_as_root}identifier = {_identity(home)}
pidfile = {_escaped(home.run / "supervisord.pid")}
logfile = {_escaped(home.logs / "supervisord.log")}
logfile_maxbytes = {LOG_BYTES}
logfile_backups = {LOG_BACKUPS}
loglevel = warn
umask = 077
minfds = 1024
nodaemon = true
silent = true

[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface

[eventlistener:revive]
command = {_escaped(shlex.join([sys.executable, "-m", "candlewick.local.revive"]))}
events = PROCESS_STATE_FATAL
autostart = true
autorestart = true
stderr_logfile = {_escaped(home.logs / "revive.log")}
stderr_logfile_maxbytes = {LOG_BYTES}
stderr_logfile_backups = {LOG_BACKUPS}
"""
    ]
    sections += [f"[group:{_GROUP}]\nprograms = {','.join(program.name for program in programs)}\n"]
    sections += [_program(home, program) for program in programs]
    return "\n".join(sections)


def start(home: Home, config: str, environment: Mapping[str, str]) -> None:
    """Start supervisord with this configuration, in a session of its own, and wait until it answers.

    Raises:
        CandlewickError: it ended or does not answer; the log is named.
    """
    write_atomically(config_file(home), config)
    _make_socket_folder(home)
    process = subprocess.Popen(
        _command(home),
        stdin=subprocess.DEVNULL,
        # Not into a file: once the disk is full, supervisord would die of not being able to complain.
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        cwd=home.root,
        env={**os.environ, **environment},
    )
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        if is_running(home):
            return
        time.sleep(0.05)
    process.kill()
    process.wait()
    raise CandlewickError(
        f"supervisord did not start: {_complaint(home)}", f"see {home.logs / 'supervisord.log'}"
    )


def is_running(home: Home) -> bool:
    """Whether this home's supervisor answers."""
    try:
        return bool(_call(home, "getIdentification") == _identity(home))
    except NotRunningError:
        return False


def has_config(home: Home, config: str) -> bool:
    """Whether the supervisor was started with exactly this configuration and environment."""
    try:
        return config_file(home).read_text(encoding="utf-8") == config
    except FileNotFoundError:
        return False


def pid(home: Home) -> int:
    """Raises NotRunningError if there is none."""
    return cast(int, _call(home, "getPID"))


def states(home: Home) -> dict[str, ProcessState]:
    """The programs' states by name.

    Raises:
        NotRunningError: no supervisor answers.
    """
    answers = cast(list[dict[str, Any]], _call(home, "getAllProcessInfo"))
    return {
        answer["name"]: ProcessState(
            answer["name"], answer["statename"], answer["pid"], answer["start"],
            answer["spawnerr"] or answer["description"],
        )
        for answer in answers
        if answer["group"] == _GROUP
    }  # fmt: skip


def start_program(home: Home, name: str) -> None:
    """Ask for a program; that it runs already is no error, that it is ready is for others to find out."""
    try:
        _call(home, "startProcess", f"{_GROUP}:{name}", False)  # noqa: FBT003  (the protocol has no names)
    except xmlrpc.client.Fault as fault:
        if fault.faultCode == Faults.ALREADY_STARTED:
            return
        raise CandlewickError(
            f"{name} could not be started: {fault.faultString}", f"see {home.logs / name}.log"
        ) from fault


def stop_program(home: Home, name: str) -> None:
    """Ask a program to stop, without waiting; that it does not run is no error."""
    try:
        _call(home, "stopProcess", f"{_GROUP}:{name}", False)  # noqa: FBT003
    except xmlrpc.client.Fault as fault:
        if fault.faultCode not in {Faults.NOT_RUNNING, Faults.BAD_NAME}:
            raise CandlewickError(
                f"{name} could not be stopped: {fault.faultString}", f"see {home.logs / name}.log"
            ) from fault


def restart_program(home: Home, name: str, patience: float) -> None:
    """Stop a program, by force where it does not hear, wait until it has ended, and ask for it again.

    Raises:
        NotRunningError: no supervisor answers.
        CandlewickError: it does not end, or cannot be started.
    """
    stop_program(home, name)
    deadline = time.monotonic() + patience
    while states(home)[name].state not in _ENDED:
        if time.monotonic() > deadline:
            raise CandlewickError(
                f"{name} has not ended within {patience:.0f} s", f"see {home.logs / name}.log"
            )
        time.sleep(0.05)
    start_program(home, name)


def shutdown(home: Home, patience: float) -> None:
    """Stop the supervisor, which stops what is left of its programs, and wait until it has ended.

    Raises:
        NotRunningError: no supervisor answers.
    """
    process = psutil.Process(pid(home))
    _call(home, "shutdown")
    _wait_for_end(process, patience)


def _wait_for_end(process: psutil.Process, patience: float) -> None:
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        try:
            # Our own child stays a zombie until someone asks for it.
            if process.status() == psutil.STATUS_ZOMBIE:
                process.wait(0)
                return
        except psutil.NoSuchProcess:
            return
        except psutil.TimeoutExpired:
            return
        time.sleep(0.1)
    process.kill()


def _command(home: Home) -> list[str]:
    return [sys.executable, "-m", "supervisor.supervisord", "-c", str(config_file(home))]


def _complaint(home: Home) -> str:
    """What supervisord says when it is started with this configuration once more."""
    try:
        result = subprocess.run(_command(home), capture_output=True, text=True, check=False, timeout=5)
    except subprocess.TimeoutExpired:
        return "it did not answer in time"
    lines = [line for line in result.stderr.splitlines() if not line.startswith("For help")]
    return lines[-1] if lines else "it said nothing"


class _Transport(xmlrpc.client.Transport):
    """XML-RPC over a Unix socket that does not wait for ever: a supervisor may hang."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self._file = file

    def make_connection(self, host: object) -> http.client.HTTPConnection:
        del host
        return _Connection(self._file)


class _Connection(http.client.HTTPConnection):
    def __init__(self, file: Path) -> None:
        super().__init__("supervisor", timeout=CALL_SECONDS)
        self._file = file

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(CALL_SECONDS)
        self.sock.connect(str(self._file))


def _call(home: Home, method: str, *arguments: object) -> object:
    """One call over the control socket.

    Raises:
        NotRunningError: nobody answers in time.
        xmlrpc.client.Fault: the supervisor refuses.
    """
    transport = _Transport(socket_file(home))
    proxy = xmlrpc.client.ServerProxy("http://supervisor", transport=transport)
    try:
        return getattr(proxy.supervisor, method)(*arguments)
    except (OSError, http.client.HTTPException, xmlrpc.client.ProtocolError) as error:
        raise NotRunningError from error
    finally:
        transport.close()


def _program(home: Home, program: Program) -> str:
    user = f"user = {program.user}\n" if program.user else ""
    return f"""\
[program:{program.name}]
command = {_escaped(program.command)}
{user}autostart = false
autorestart = true
startsecs = 3
startretries = {RETRIES}
stopsignal = {program.stop_signal}
stopwaitsecs = {program.stop_seconds}
stopasgroup = false
killasgroup = true
redirect_stderr = true
stdout_logfile = {_escaped(home.logs / program.name)}.log
stdout_logfile_maxbytes = {LOG_BYTES}
stdout_logfile_backups = {LOG_BACKUPS}
"""


def _identity(home: Home) -> str:
    return hashlib.sha256(os.fsencode(home.root)).hexdigest()[:16]


def _escaped(value: object) -> str:
    return str(value).replace("%", "%%")


def _make_socket_folder(home: Home) -> None:
    folder = socket_file(home).parent
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.stat()
    if status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise CandlewickError(
            f"{folder} belongs to or is open to other users",
            "remove it, or choose a CANDLEWICK_HOME of a shorter path",
        )
