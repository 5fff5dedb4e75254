"""A plain client of an endless answer, and a simulated OANDA that it reads."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from simulators.oanda.testing import RunningOanda

PATIENCE = 20.0


class Reader:
    """Keeps every line, with when it came, and every chunk as it came."""

    def __init__(self, response: aiohttp.ClientResponse, session: aiohttp.ClientSession) -> None:
        self.response = response
        self.session = session
        self.lines: list[tuple[float, bytes]] = []
        self.chunks: list[bytes] = []
        self.rest = b""
        self.objects: list[dict[str, Any]] = []
        self.damaged: list[bytes] = []
        self._of: dict[tuple[str, str | None], list[dict[str, Any]]] = {}
        self.ended = False
        self.error: Exception | None = None

    async def until(self, seen: Callable[["Reader"], object], seconds: float = PATIENCE) -> None:
        """Reads until something was seen."""
        deadline = time.monotonic() + seconds
        while not seen(self):
            assert not self.ended, f"ended by {self.error!r} after {self.lines[-2:]}"
            await self._read(deadline)

    async def for_seconds(self, seconds: float) -> None:
        """Reads for a while; a time without lines can be seen in no other way."""
        deadline = time.monotonic() + seconds
        while not self.ended and time.monotonic() < deadline:
            try:
                await self._read(deadline)
            except TimeoutError:
                return

    async def until_end(self, seconds: float = PATIENCE) -> None:
        deadline = time.monotonic() + seconds
        while not self.ended:
            await self._read(deadline)

    async def _read(self, deadline: float) -> None:
        wait = max(deadline - time.monotonic(), 0.01)
        try:
            data, _ = await asyncio.wait_for(self.response.content.readchunk(), wait)
        except aiohttp.ClientError as error:
            self.ended, self.error = True, error
            return
        if data == b"" and self.response.content.at_eof():
            self.ended = True
        self.chunks.append(data)
        *whole, self.rest = (self.rest + data).split(b"\n")
        for line in whole:
            self.lines.append((time.monotonic(), line))
            try:
                self._keep(json.loads(line))
            except ValueError:
                self.damaged.append(line)

    def _keep(self, told: dict[str, Any]) -> None:
        self.objects.append(told)
        self._of.setdefault((told["type"], told.get("instrument")), []).append(told)

    def prices(self, name: str = "EUR_USD") -> list[dict[str, Any]]:
        return self._of.get(("PRICE", name), [])

    def heartbeats(self) -> list[dict[str, Any]]:
        return self._of.get(("HEARTBEAT", None), [])


@asynccontextmanager
async def reading(
    venue: RunningOanda, instruments: str = "EUR_USD", headers: dict[str, str] | None = None, **query: str
) -> AsyncIterator[Reader]:
    async with (
        aiohttp.ClientSession(headers=venue.headers | (headers or {})) as session,
        session.get(venue.stream_url, params={"instruments": instruments, **query}) as response,
    ):
        assert response.status == 200, await response.text()
        yield Reader(response, session)


async def call(venue: RunningOanda, path: str, **options: Any) -> tuple[int, Any]:
    """Status and body of a REST call."""
    options.setdefault("headers", venue.headers)
    async with (
        aiohttp.ClientSession() as session,
        session.request(options.pop("method", "GET"), f"{venue.url}/v3/{path}", **options) as answer,
    ):
        is_json = answer.content_type == "application/json"
        return answer.status, await (answer.json() if is_json else answer.text())
