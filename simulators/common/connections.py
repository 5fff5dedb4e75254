"""The connections of a live venue: which are open, and what became of the others."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from simulators.common.wire import Wire

_KEPT = 1000


class Connection(Protocol):
    """What the control API may do with any open connection."""

    number: int
    wire: Wire

    def symbols(self) -> list[str]:
        """What it is subscribed to."""
        ...

    async def close(self) -> None:
        """Ends it as the protocol has it."""
        ...

    def report(self) -> dict[str, Any]:
        """What it was about, for the control API."""
        ...


class Connections:
    """Open ones by number, counted from 1, and the last thousand that ended."""

    def __init__(self, now_us: Callable[[], int]) -> None:
        self._now_us = now_us
        self._count = 0
        self._open: dict[int, tuple[Connection, int]] = {}
        self._past: deque[dict[str, Any]] = deque(maxlen=_KEPT)
        self._why: dict[int, str] = {}

    def next_number(self) -> int:
        self._count += 1
        return self._count

    def began(self, connection: Connection) -> None:
        self._open[connection.number] = (connection, self._now_us())

    def ended(self, connection: Connection, why: str) -> None:
        """Remembers it with the first reason that was noted for its end."""
        _, began_us = self._open.pop(connection.number)
        why = self._why.pop(connection.number, why)
        self._past.append(_line(connection, began_us) | {"ended_us": self._now_us(), "why": why})

    def open(self) -> list[Connection]:
        return [connection for connection, _ in self._open.values()]

    def end(self, connection: Connection, mode: str, why: str) -> None:
        """Ends a connection by `close`, `drop` or `reset`."""
        self._why.setdefault(connection.number, why)
        if mode == "close":
            _in_background(connection.close())
        elif mode == "drop":
            connection.wire.drop()
        else:
            connection.wire.reset()

    def report(self) -> list[dict[str, Any]]:
        """All of them, oldest first; `ended_us` and `why` are null while one is open."""
        lines = [
            _line(connection, began_us) | {"ended_us": None, "why": None}
            for connection, began_us in self._open.values()
        ]
        return sorted([*self._past, *lines], key=lambda line: int(line["number"]))


def _line(connection: Connection, began_us: int) -> dict[str, Any]:
    return {"number": connection.number, "began_us": began_us, **connection.report()}


_tasks: set[asyncio.Future[None]] = set()


def _in_background(work: Awaitable[None]) -> None:
    """The loop keeps no hold of a task by itself."""
    task = asyncio.ensure_future(work)
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)
