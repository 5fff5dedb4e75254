"""An HTTP server on loopback that says when it is ready and on which port."""

import asyncio
import socket
from pathlib import Path
from types import FrameType

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from simulators.common.ready import announce, listen
from simulators.dukascopy.responses import TRANSPORT

_GRACE_SECONDS = 2


class _Protocol(H11Protocol):
    """Gives each request its connection's transport, for the answers that break it."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        app: ASGIApp = self.app

        async def with_transport(scope: Scope, receive: Receive, send: Send) -> None:
            scope.setdefault("extensions", {})[TRANSPORT] = {"transport": transport}
            await app(scope, receive, send)

        self.app = with_transport


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, port: int, ready_file: Path | None) -> None:
        super().__init__(config)
        self._port = port
        self._ready_file = ready_file

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Stopping when told is a success: the signal is not raised again afterwards."""
        del sig, frame
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        announce(self._port, self._ready_file)


def run(app: ASGIApp, port: int, ready_file: Path | None = None) -> None:
    """Serves on loopback until SIGTERM or SIGINT.

    Args:
        port: 0 takes a free one; the line `{"ready": true, "port": ..., "url": ...}` on standard
            output, and in `ready_file`, tells which.

    Raises:
        CandlewickError: the port is taken.
    """
    listener = listen(port)
    config = uvicorn.Config(
        app,
        http=_Protocol,
        ws="none",
        loop="asyncio",
        lifespan="off",
        access_log=False,
        server_header=False,
        headers=[("server", "nginx")],
        log_level="critical",
        backlog=2048,
        timeout_graceful_shutdown=_GRACE_SECONDS,
    )
    with listener:
        _Server(config, listener.getsockname()[1], ready_file).run(sockets=[listener])
