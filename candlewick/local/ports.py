"""Ports on loopback: is one free, and who holds it."""

import secrets
import socket

import psutil

from candlewick.errors import CandlewickError

LOOPBACK = "127.0.0.1"


def is_free(port: int) -> bool:
    """Whether a server could listen on `port` of loopback now."""
    with socket.socket() as probe:
        # As servers do: connections of a predecessor that linger in TIME_WAIT are no obstacle.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def holder(port: int) -> str:
    """Who listens on `port`, in words: name, pid and command where this user may know them."""
    for connection in _listening():
        if not connection.laddr or connection.laddr.port != port or connection.pid is None:
            continue
        try:
            process = psutil.Process(connection.pid)
            command = " ".join(process.cmdline())[:120]
            return f"{process.name()} (pid {process.pid}: {command})"
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            return f"pid {connection.pid}"
    return "a process of another user"


def check_free(port: int, purpose: str) -> None:
    """Raises CandlewickError that names the port and who holds it."""
    if not is_free(port):
        raise CandlewickError(
            f"port {port}, wanted for {purpose}, is held by {holder(port)}",
            "stop that program, or set CANDLEWICK_PORT_BASE to a number from which on ports are free",
        )


def free_base(count: int) -> int:
    """The first of `count` consecutive ports that are all free just now (for tests and trials)."""
    for _ in range(200):
        # Below the ports that the system itself hands out, where a passing connection could take one.
        base = 12_000 + secrets.randbelow(20_000)
        if all(is_free(port) for port in range(base, base + count)):
            return base
    raise CandlewickError(f"no {count} consecutive free ports found", "stop some programs and try again")


def _listening() -> list["psutil._ntuples.sconn"]:
    try:
        connections = psutil.net_connections(kind="tcp")
    except psutil.AccessDenied:
        return []
    return [c for c in connections if c.status == psutil.CONN_LISTEN]
