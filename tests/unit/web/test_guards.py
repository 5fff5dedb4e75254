"""Who may ask what: strangers' pages, names that point here, tokens, sizes, rates."""

import asyncio
from typing import Any

import pytest
from limits import RateLimitItem, RateLimitItemPerMinute, RateLimitItemPerSecond
from starlette.types import Message, Receive, Scope, Send

from tests.waiting import until
from web.guards import MOST_BYTES, Asked, Guard, is_loopback, judge

PORT = 8000
TOKEN = "a-secret"  # noqa: S105
OURS = f"127.0.0.1:{PORT}"


def change(**given: Any) -> Asked:
    values = {"client": "127.0.0.1", "host": OURS, "content_type": "application/json", **given}
    return Asked("POST", **values)


def status(asked: Asked) -> int | None:
    refusal = judge(asked, PORT, TOKEN)
    return None if refusal is None else refusal.status


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (change(), None),
        (change(content_type="application/json; charset=utf-8"), None),
        (change(host=f"localhost:{PORT}", origin=f"http://localhost:{PORT}"), None),
        (change(client="::1", host=f"[::1]:{PORT}"), None),
        (change(fetch_site="same-origin", origin=f"http://{OURS}"), None),
        (change(content_type="text/plain"), 415),
        (change(content_type=""), 415),
        (change(length=MOST_BYTES + 1), 413),
        (change(origin="https://evil.example"), 403),
        (change(origin="null"), 403),
        (change(origin=f"http://localhost:{PORT}"), 403),
        (change(origin="http://127.0.0.1:9999"), 403),
        (change(origin=f"https://{OURS}"), 403),
        (change(fetch_site="cross-site"), 403),
        (change(fetch_site="same-site"), 403),
        (change(host=f"evil.example:{PORT}"), 403),
        (change(host="127.0.0.1:9999"), 403),
        (change(host="127.0.0.1"), 403),
        (change(host=f"127.0.0.1.evil.example:{PORT}"), 403),
        (change(host=f"192.168.1.5:{PORT}"), 403),
        (change(host=""), 403),
        (change(host="[::1"), 403),
        (change(client="192.168.1.7"), 401),
        (change(authorization="Bearer wrong"), 401),
        (change(authorization="Bearer "), 401),
        (change(client="192.168.1.7", host="chart.lan", authorization=f"Bearer {TOKEN}"), None),
        (change(authorization=f"Bearer {TOKEN}", content_type="text/plain"), 415),
        (Asked("GET", "127.0.0.1", OURS), None),
        (Asked("GET", "127.0.0.1", "localhost:9999"), None),
        (Asked("GET", "192.168.1.7", "192.168.1.5:8000"), None),
        (Asked("GET", "127.0.0.1", f"evil.example:{PORT}"), 403),
        (Asked("GET", "127.0.0.1", "chart.lan", authorization=f"Bearer {TOKEN}"), None),
    ],
)
def test_who_may_ask(asked: Asked, expected: int | None) -> None:
    assert status(asked) == expected


def test_addresses_of_this_machine() -> None:
    assert all(map(is_loopback, ("127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1")))
    assert not any(map(is_loopback, ("10.0.0.1", "::ffff:10.0.0.1", "", "testclient", "0.0.0.0")))  # noqa: S104


async def _call(body: list[bytes], headers: list[tuple[bytes, bytes]], guard: Guard) -> tuple[int, bytes]:
    sent: list[Message] = []
    waiting = [{"type": "http.request", "body": part, "more_body": True} for part in body]
    waiting.append({"type": "http.request", "body": b"", "more_body": False})

    async def receive() -> Message:
        return waiting.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "client": ("127.0.0.1", 1), "headers": headers}
    await guard(scope, receive, send)
    return sent[0]["status"], sent[1]["body"]


async def _echo(_scope: Scope, receive: Receive, send: Send) -> None:
    read = 0
    while True:
        message = await receive()
        read += len(message["body"])
        if not message["more_body"]:
            break
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(read).encode()})


HEADERS = [(b"host", OURS.encode()), (b"content-type", b"application/json")]


def _guard(changes: RateLimitItem = RateLimitItemPerMinute(10)) -> Guard:  # noqa: B008 (it does not change)
    return Guard(_echo, port=PORT, token=TOKEN, changes=changes)


def test_a_body_that_does_not_say_its_length_is_cut_off() -> None:
    parts = [bytes(MOST_BYTES // 2)] * 2
    assert asyncio.run(_call(parts, HEADERS, _guard())) == (200, str(MOST_BYTES).encode())
    assert asyncio.run(_call([*parts, b"x"], HEADERS, _guard()))[0] == 413


def test_too_many_changes_are_told_to_wait() -> None:
    guard = _guard(RateLimitItemPerSecond(1, 2))
    assert asyncio.run(_call([], HEADERS, guard))[0] == 200
    assert asyncio.run(_call([], HEADERS, guard))[0] == 429
    until("it may be asked again", lambda: asyncio.run(_call([], HEADERS, guard))[0] == 200, 10)
