"""The control API that live venues share, and a server on loopback."""

import asyncio
import json
import signal
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from aiohttp import web

from candlewick.errors import CandlewickError
from candlewick.times import iso, parse_time
from simulators.common.clock import Clock
from simulators.common.connections import Connections
from simulators.common.faults import LiveFaults, LiveRule
from simulators.common.journal import Journal
from simulators.common.ready import announce, listen

_MODES = ("close", "drop", "reset")
_GRACE_SECONDS = 1.0


class Controlled(Protocol):
    """A venue as the control API sees it."""

    clock: Clock
    faults: LiveFaults
    journal: Journal
    connections: Connections

    def apply_faults(self) -> None:
        """Lets the faults in force befall what is open, at once."""
        ...

    def set_rate(self, wanted: dict[str, Any]) -> dict[str, Any]:
        """Changes how much happens; without wishes, only tells."""
        ...

    def sent(self, query: dict[str, str]) -> dict[str, Any]:
        """The truth: what there is at the venue, and what was sent."""
        ...


class ControlApi:
    """Requests whose paths begin with `_`."""

    def __init__(self, venue: Controlled) -> None:
        self._venue = venue

    def routes(self) -> list[web.RouteDef]:
        return [
            web.route("*", "/_faults", _guarded(self._faults)),
            web.route("*", "/_clock", _guarded(self._clock)),
            web.route("*", "/_requests", _guarded(self._requests)),
            web.route("*", "/_rate", _guarded(self._rate)),
            web.get("/_connections", _guarded(self._connections)),
            web.post("/_connections/close", _guarded(self._close)),
            web.get("/_sent", _guarded(self._sent)),
        ]

    async def _faults(self, request: web.Request) -> object:
        faults = self._venue.faults
        if request.method in {"PUT", "POST"}:
            written = await _json(request)
            rules = [LiveRule.parse(rule) for rule in (written if isinstance(written, list) else [written])]
            if request.method == "PUT":
                faults.replace(rules)
            else:
                for rule in rules:
                    faults.add(rule)
        elif request.method == "DELETE":
            faults.replace([])
        if request.method != "GET":
            self._venue.apply_faults()
        return faults.report()

    async def _clock(self, request: web.Request) -> object:
        clock = self._venue.clock
        if request.method == "PUT":
            written = await _json(request)
            if not isinstance(written, dict) or not isinstance(written.get("now"), str):
                raise CandlewickError(
                    "no time given", 'send {"now": "2024-03-05T12:00:00Z", "running": true, "speed": 1}'
                )
            clock.set(
                parse_time(written["now"]),
                running=bool(written.get("running", False)),
                speed=float(written.get("speed", 1.0)),
            )
        elif request.method == "DELETE":
            clock.set(None)
        return {"now": iso(clock.now_us(), micros=True)}

    async def _requests(self, request: web.Request) -> object:
        if request.method == "DELETE":
            self._venue.journal.reset()
        return self._venue.journal.report(request.query.get("path", "*"), _number(request, "limit", 100))

    async def _rate(self, request: web.Request) -> object:
        wanted = await _json(request) if request.method == "PUT" else {}
        if not isinstance(wanted, dict):
            raise CandlewickError("no rate given", 'send {"rate": 1000}')
        return self._venue.set_rate(wanted)

    async def _connections(self, request: web.Request) -> object:
        del request
        return self._venue.connections.report()

    async def _close(self, request: web.Request) -> object:
        wanted = await _json(request) if request.can_read_body else {}
        if not isinstance(wanted, dict) or wanted.get("mode", "close") not in _MODES:
            raise CandlewickError("no such way to end a connection", f"mode is one of {', '.join(_MODES)}")
        mode, number = wanted.get("mode", "close"), wanted.get("number")
        ended = [c for c in self._venue.connections.open() if number in {None, c.number}]
        for connection in ended:
            self._venue.connections.end(connection, mode, f"control: {mode}")
        return {"closed": [connection.number for connection in ended]}

    async def _sent(self, request: web.Request) -> object:
        return self._venue.sent(dict(request.query))


def _number(request: web.Request, name: str, default: int) -> int:
    text = request.query.get(name, str(default))
    if not text.isdecimal():
        raise CandlewickError(f"{name} {text!r} is no number")
    return int(text)


async def _json(request: web.Request) -> Any:  # noqa: ANN401  (JSON)
    try:
        return json.loads(await request.read())
    except ValueError:
        raise CandlewickError("the body is no JSON") from None


def _guarded(
    answer: Callable[[web.Request], Awaitable[object]],
) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handler(request: web.Request) -> web.Response:
        try:
            value = await answer(request)
        except (CandlewickError, ValueError, TypeError) as error:
            return web.json_response({"error": str(error)}, status=400)
        # Default separators cost a fifth of a large truth.
        return web.Response(text=json.dumps(value, separators=(",", ":")), content_type="application/json")

    return handler


def serve(app: Callable[[], web.Application], port: int, ready_file: Path | None) -> None:
    """Serves on loopback until SIGTERM or SIGINT, which are no failure.

    Raises:
        CandlewickError: the port is taken.
    """
    with listen(port) as listener:
        asyncio.run(_serve(app, listener, ready_file))


async def _serve(app: Callable[[], web.Application], listener: Any, ready_file: Path | None) -> None:  # noqa: ANN401
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    runner = web.AppRunner(app(), access_log=None, handle_signals=False, shutdown_timeout=_GRACE_SECONDS)
    await runner.setup()
    site = web.SockSite(runner, listener, backlog=2048)
    await site.start()
    announce(listener.getsockname()[1], ready_file)
    await stopped.wait()
    with suppress(asyncio.TimeoutError):
        await asyncio.wait_for(runner.cleanup(), 2 * _GRACE_SECONDS)
