"""A venue on loopback that answers exactly what a test scripts."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self


@dataclass(frozen=True)
class Scripted:
    """One answer. `until` is waited for before it is sent."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    until: threading.Event | None = None
    announce: int | None = None


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that hung up is what some tests are about."""


class ScriptedVenue:
    """Serves `files` by path, after the answers queued for a path in `first`; unknown paths are 404.

    Attributes:
        asked: the paths asked for, in order.
    """

    def __init__(self) -> None:
        self.files: dict[str, bytes | Scripted] = {}
        self.first: dict[str, list[Scripted]] = {}
        self.asked: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.otherwise: Callable[[str], Scripted] = lambda _path: Scripted(404)
        self._server = _Server(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, path: str) -> Scripted:
        if self.first.get(path):
            return self.first[path].pop(0)
        found = self.files.get(path)
        if found is None:
            return self.otherwise(path)
        return found if isinstance(found, Scripted) else Scripted(200, found)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        venue = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                venue.asked.append(self.path)
                venue.headers.append(dict(self.headers))
                answer = venue.answer(self.path)
                if answer.until is not None:
                    answer.until.wait(20)
                self.send_response(answer.status)
                for name, value in answer.headers.items():
                    self.send_header(name, value)
                length = len(answer.body) if answer.announce is None else answer.announce
                self.send_header("Content-Length", str(length))
                self.end_headers()
                self.wfile.write(answer.body)
                self.close_connection = length != len(answer.body)

            def log_message(self, *_arguments: object) -> None:
                """Quiet."""

        return Handler
