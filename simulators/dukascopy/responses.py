"""Answers as the venue's servers give them, sound and otherwise."""

import asyncio
import hashlib
import socket
import struct
from email.utils import formatdate

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from candlewick.times import SECOND_US
from simulators.dukascopy.answers import Content

TRANSPORT = "simulator.transport"
"""Under this name the server puts the connection's transport among the scope's extensions."""

# What the venue itself says: its 429 carries this body.
_TOO_MANY = (
    b'{"error": "Too Many Requests. For instructions, see: '
    b'https://www.dukascopy.com/wiki/en/development/data-export/"}'
)
_REASONS = {
    400: "400 Bad Request",
    403: "403 Forbidden",
    404: "404 Not Found",
    405: "405 Not Allowed",
    503: "503 Service Temporarily Unavailable",
}
BLOCK_PAGE = (
    b"<!DOCTYPE html>\n<html><head><title>Attention Required! | Cloudflare</title></head>\n"
    b"<body><h1>Sorry, you have been blocked</h1></body></html>\n"
)
_TRICKLE_STEPS = 20


def content_response(content: Content, if_none_match: str | None) -> Response:
    """200 with the body, or 304 where the client holds it already."""
    headers = {
        "etag": f'"{hashlib.sha256(content.body).hexdigest()[:20]}"',
        "last-modified": formatdate(content.modified_us // SECOND_US, usegmt=True),
    }
    if if_none_match == headers["etag"]:
        return Response(status_code=304, headers=headers)
    return Response(content.body, media_type=content.media_type, headers=headers)


def status_page(status: int, headers: dict[str, str] | None = None) -> Response:
    """An error page as nginx writes it."""
    reason = _REASONS[status]
    page = (
        f"<html>\r\n<head><title>{reason}</title></head>\r\n<body>\r\n<center><h1>{reason}</h1></center>\r\n"
        "<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
    )
    return Response(page, status, headers, media_type="text/html")


def too_many(headers: dict[str, str]) -> Response:
    return Response(_TOO_MANY, 429, headers, media_type="application/json")


class Hang(Response):
    """Keeps the connection open and says nothing, then closes it."""

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del send
        gone = asyncio.ensure_future(_disconnected(receive))
        await asyncio.wait([gone], timeout=self._seconds)
        gone.cancel()
        _transport(scope).abort()


class Reset(Response):
    """Breaks the connection with RST instead of an answer."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del receive, send
        transport = _transport(scope)
        connection: socket.socket = transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()


class Cut(Response):
    """Promises the whole body and closes the connection in the middle of it."""

    def __init__(self, sound: Response, fraction: float) -> None:
        super().__init__()
        self._sound = sound
        self._fraction = fraction

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del receive
        body = bytes(self._sound.body)
        await send({"type": "http.response.start", "status": 200, "headers": self._sound.raw_headers})
        part = body[: int(len(body) * self._fraction)]
        await send({"type": "http.response.body", "body": part, "more_body": True})
        _transport(scope).close()


class Slow(Response):
    """A sound answer, its body spread evenly over some seconds."""

    def __init__(self, sound: Response, seconds: float) -> None:
        super().__init__()
        self._sound = sound
        self._seconds = seconds
        self.status_code = sound.status_code

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = bytes(self._sound.body)
        gone = asyncio.ensure_future(_disconnected(receive))
        await send(
            {
                "type": "http.response.start",
                "status": self._sound.status_code,
                "headers": self._sound.raw_headers,
            }
        )
        step = -(-len(body) // _TRICKLE_STEPS) or 1
        for at in range(_TRICKLE_STEPS):
            done, _ = await asyncio.wait([gone], timeout=self._seconds / _TRICKLE_STEPS)
            if done:
                return
            part = body[at * step : (at + 1) * step]
            await send({"type": "http.response.body", "body": part, "more_body": True})
        gone.cancel()
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _transport(scope: Scope) -> asyncio.Transport:
    transport: asyncio.Transport = scope["extensions"][TRANSPORT]["transport"]
    return transport
