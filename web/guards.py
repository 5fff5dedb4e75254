"""Who may ask what: a filter before everything else. The decisions are pure; `Guard` applies them.

A stranger's page may make a browser on this machine send requests here (CSRF), also under a name of its own
that it lets point to this machine (DNS rebinding). So a name in `Host` must be one of this machine, or an
address; and what changes something must come from this machine, by a name of it and with our port, and from
no other page; or it shows the token.
"""

import hmac
import ipaddress
import time
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import orjson
from limits import RateLimitItem
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from starlette.types import ASGIApp, Message, Receive, Scope, Send

READS = frozenset({"GET", "HEAD", "OPTIONS"})
MOST_BYTES = 64 * 1024
_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
_WHERE = "`secrets/web.token` of the home holds it: Authorization: Bearer ..."


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer in place of what was asked for; `retry_s` where asking later helps."""

    status: int
    error: str
    remedy: str
    retry_s: int | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """What of a request decides; headers are lower case, empty where they were not sent."""

    method: str
    client: str
    host: str = ""
    origin: str = ""
    fetch_site: str = ""
    authorization: str = ""
    content_type: str = ""
    length: int = 0


def is_loopback(address: str) -> bool:
    """Whether an address is one of this machine for itself."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None)
    return bool((mapped or found).is_loopback)


def judge(asked: Asked, port: int, token: str) -> Refusal | None:
    """Whether a request may pass; None where it may.

    Args:
        port: where the server listens.
        token: what `Authorization: Bearer` must hold to change something from elsewhere.
    """
    changes = asked.method not in READS
    refusal = _judge_body(asked) if changes else None
    if refusal is not None:
        return refusal
    if asked.authorization:
        shown = asked.authorization.partition(" ")[2].strip()
        known = hmac.compare_digest(shown.encode(), token.encode())
        return None if known else Refusal(401, "the token is not that of this installation", _WHERE)
    name, _ = _host(asked.host)
    if name not in _LOOPBACK_NAMES and not _is_address(name):
        said = name[:80] or "nothing"
        return Refusal(403, f"this server is not called {said}", "ask for it as 127.0.0.1 or localhost")
    return _judge_change(asked, port) if changes else None


def _judge_body(asked: Asked) -> Refusal | None:
    if asked.length > MOST_BYTES:
        return Refusal(413, f"a body may have {MOST_BYTES:,} bytes", "send less")
    if asked.content_type.partition(";")[0].strip() != "application/json":
        return Refusal(415, "changes are asked for in JSON", "set Content-Type: application/json")
    return None


def _judge_change(asked: Asked, port: int) -> Refusal | None:
    name, host_port = _host(asked.host)
    if not is_loopback(asked.client):
        return Refusal(401, "changes from another machine need the token", _WHERE)
    if name not in _LOOPBACK_NAMES or host_port != port:
        return Refusal(403, f"{asked.host[:80]} is not this server", f"ask for http://127.0.0.1:{port}")
    if not _is_own(asked, port):
        return Refusal(403, "a page of another site may change nothing here", f"open http://127.0.0.1:{port}")
    return None


def _is_own(asked: Asked, port: int) -> bool:
    if asked.fetch_site not in {"", "same-origin", "none"}:
        return False
    if not asked.origin:
        return True
    try:
        origin = urlsplit(asked.origin)
        name, origin_port = origin.hostname, origin.port
    except ValueError:
        return False
    return origin.scheme == "http" and name == _host(asked.host)[0] and (origin_port or 80) == port


def _host(host: str) -> tuple[str, int]:
    try:
        found = urlsplit(f"//{host}")
        return found.hostname or "", found.port or 80
    except ValueError:
        return "", 0


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


class _TooLargeError(Exception):
    """A body turned out to be larger than it may be."""


class Guard:
    """ASGI middleware: refuses what may not pass, and bodies that grow beyond what they may have."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        port: int,
        token: str,
        changes: RateLimitItem,
    ) -> None:
        """`changes`: how many of them one client may ask for in how long."""
        self._app = app
        self._port = port
        self._token = token
        self._changes = changes
        self._limiter = MovingWindowRateLimiter(MemoryStorage())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        asked = _asked(scope)
        refusal = judge(asked, self._port, self._token)
        changes = refusal is None and asked.method not in READS
        if changes and not self._limiter.hit(self._changes, asked.client):
            left_s = self._limiter.get_window_stats(self._changes, asked.client).reset_time - time.time()
            refusal = Refusal(429, "too many changes at once", "wait a moment", max(1, round(left_s)))
        if refusal is not None:
            await _answer(refusal, send)
            return
        seen, begun = 0, False

        async def bounded() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > MOST_BYTES:
                raise _TooLargeError
            return message

        async def noted(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, bounded, noted)
        except _TooLargeError:
            if not begun:
                await _answer(Refusal(413, f"a body may have {MOST_BYTES:,} bytes", "send less"), send)


def _asked(scope: Scope) -> Asked:
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    length = headers.get("content-length", "0")
    return Asked(
        scope["method"],
        (scope.get("client") or ("", 0))[0],
        headers.get("host", "").lower(),
        headers.get("origin", "").lower(),
        headers.get("sec-fetch-site", "").lower(),
        headers.get("authorization", ""),
        headers.get("content-type", "").lower(),
        int(length) if length.isdecimal() else 0,
    )


async def _answer(refusal: Refusal, send: Send) -> None:
    body = orjson.dumps({"error": refusal.error, "remedy": refusal.remedy})
    headers: list[Any] = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
    ]
    if refusal.retry_s is not None:
        headers.append((b"retry-after", str(refusal.retry_s).encode()))
    await send({"type": "http.response.start", "status": refusal.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
