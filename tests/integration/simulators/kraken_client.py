"""A plain WebSocket client, and a simulated Kraken that it talks to."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from simulators.kraken.testing import RunningKraken

PATIENCE = 20.0


class Client:
    """Keeps every message in the order of its arrival."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, session: aiohttp.ClientSession) -> None:
        self.socket = socket
        self.session = session
        self.texts: list[str] = []
        self.messages: list[dict[str, Any]] = []
        self.damaged: list[str] = []
        self._trades: dict[str, list[dict[str, Any]]] = {}
        self.ended: aiohttp.WSMessage | None = None

    async def say(self, **request: Any) -> None:
        await self.socket.send_str(json.dumps(request))

    async def subscribe(self, *symbols: str, channel: str = "trade", req_id: int = 1, **params: Any) -> None:
        await self.say(
            method="subscribe",
            params={"channel": channel, "symbol": list(symbols), **params},
            req_id=req_id,
        )

    async def until(self, seen: Callable[["Client"], object], seconds: float = PATIENCE) -> None:
        """Reads until something was seen."""
        deadline = time.monotonic() + seconds
        while not seen(self):
            assert self.ended is None, f"ended by {self.ended} after {self.texts[-3:]}"
            await self._read(deadline)

    async def for_seconds(self, seconds: float) -> None:
        """Reads for a while; a time without messages can be seen in no other way."""
        deadline = time.monotonic() + seconds
        while self.ended is None and time.monotonic() < deadline:
            try:
                await self._read(deadline)
            except TimeoutError:
                return

    async def until_end(self, seconds: float = PATIENCE) -> aiohttp.WSMessage:
        deadline = time.monotonic() + seconds
        while self.ended is None:
            await self._read(deadline)
        return self.ended

    async def _read(self, deadline: float) -> None:
        message = await asyncio.wait_for(self.socket.receive(), max(deadline - time.monotonic(), 0.01))
        if message.type is aiohttp.WSMsgType.TEXT:
            self._keep(message.data)
        elif message.type not in {aiohttp.WSMsgType.PING, aiohttp.WSMsgType.PONG}:
            self.ended = message

    def _keep(self, text: str) -> None:
        self.texts.append(text)
        try:
            told = json.loads(text)
        except ValueError:
            self.damaged.append(text)
            return
        self.messages.append(told)
        if told.get("channel") == "trade":
            for trade in told["data"]:
                self._trades.setdefault(trade["symbol"], []).append(trade)

    def of(self, channel: str, kind: str | None = None) -> list[dict[str, Any]]:
        """Messages of a channel."""
        return [m for m in self.messages if m.get("channel") == channel and kind in {None, m.get("type")}]

    def acks(self) -> list[dict[str, Any]]:
        return [message for message in self.messages if "success" in message]

    def trades(self, symbol: str = "BTC/USD") -> list[dict[str, Any]]:
        return self._trades.get(symbol, [])

    def ids(self, symbol: str = "BTC/USD") -> list[int]:
        return [trade["trade_id"] for trade in self.trades(symbol)]

    async def rest(self, venue: RunningKraken, call: str, **query: Any) -> Any:
        async with self.session.get(f"{venue.rest_url}/0/public/{call}", params=query) as answer:
            assert answer.status == 200
            return await answer.json()

    async def all_trades(
        self, venue: RunningKraken, pair: str, first: int, last: int, since: int
    ) -> list[Any]:
        """Pages REST from a moment on; rows of these ids."""
        rows: dict[int, Any] = {}
        while last not in rows:
            told = await self.rest(venue, "Trades", pair=pair, since=since - 1)
            assert told["error"] == []
            page = next(value for key, value in told["result"].items() if key != "last")
            rows |= {row[6]: row for row in page}
            assert page, "the last trade did not come"
            since = int(told["result"]["last"])
        return [row for number, row in sorted(rows.items()) if first <= number <= last]


@asynccontextmanager
async def connected(venue: RunningKraken, **options: Any) -> AsyncIterator[Client]:
    async with aiohttp.ClientSession() as session, session.ws_connect(venue.ws_url, **options) as socket:
        yield Client(socket, session)


def contiguous(ids: Sequence[int]) -> bool:
    return list(ids) == list(range(ids[0], ids[0] + len(ids)))


async def streaming(client: Client, *symbols: str) -> None:
    """Subscribes to trades, by default of BTC/USD, and waits for some."""
    await client.subscribe(*(symbols or ("BTC/USD",)))
    await client.until(lambda c: len(c.ids()) > 5)
