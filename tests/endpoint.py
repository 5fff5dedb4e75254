"""A web hook of a test's own."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Endpoint:
    """Takes what is told to it over HTTP, or refuses it."""

    url: str = ""
    taken: list[dict[str, Any]] = field(default_factory=list)
    refuses: bool = False

    def texts(self) -> list[str]:
        return [f"{one['title']}: {one['message']}" for one in self.taken]


@contextmanager
def listening() -> Iterator[Endpoint]:
    """Its address, as Apprise spells it, has a password."""
    made = Endpoint()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if not made.refuses:
                made.taken.append(json.loads(body))
            self.send_response(503 if made.refuses else 200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    made.url = f"json://someone:hidden-word@127.0.0.1:{server.server_port}/hook"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield made
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
