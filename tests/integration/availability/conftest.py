"""A venue's host on loopback, and the packaged Lambda."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from tests.integration.availability.lambda_support import VenueHost, build


@pytest.fixture
def host() -> Iterator[VenueHost]:
    venue = VenueHost()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            with venue.lock:
                venue.asked.append((self.command, self.path))
                venue.headers.append(dict(self.headers))
            if venue.hangs is not None:
                venue.hangs.wait(30)
            status = venue.statuses.get(self.path, 404)
            body = b"x" * venue.size if status == 200 else b""
            if self.command == "HEAD" and venue.refuse_head:
                status, body = 405, b""
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Last-Modified", "Mon, 04 Feb 2019 11:02:00 GMT")
            if venue.retry_after is not None:
                self.send_header("Retry-After", venue.retry_after)
            if status == 302:
                self.send_header("Location", f"{venue.url}/elsewhere")
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        do_HEAD = do_GET = _answer  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Nothing to stderr."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    venue.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield venue
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


@pytest.fixture(scope="session")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("lambda") / "lambda.zip")
