"""The venue: WebSocket at `/v2`, REST at `/0/public/`, control at `/_...`, all on one port."""

import asyncio
import random
import time
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from candlewick.errors import CandlewickError
from simulators.common.budget import Budget
from simulators.common.clock import Clock
from simulators.common.connections import Connections
from simulators.common.faults import FaultName, LiveFaults, LiveRule
from simulators.common.journal import Journal
from simulators.common.live_app import ControlApi
from simulators.common.pages import page
from simulators.common.wire import Wire
from simulators.kraken import messages
from simulators.kraken.market import Market, News
from simulators.kraken.numbers import decimal
from simulators.kraken.pairs import BY_SYMBOL
from simulators.kraken.rest import Rest
from simulators.kraken.stream import Stream
from simulators.kraken.tape import RecordedTape, Tape

FAULTS = frozenset(FaultName) - {FaultName.EXPIRE_TOKEN, FaultName.CHUNK_BORDER, FaultName.EMPTY_SIDE}
ONLINE, MAINTENANCE = "online", "maintenance"

_LEAST_PAUSE, _MOST_PAUSE = 0.002, 0.02
_TICK_SECONDS = 0.05
_MAX_BACKLOG = 64 << 20
_ATTEMPTS_SECONDS = 600.0
_MOST_TOLD = 100_000


@dataclass(frozen=True, slots=True)
class Limits:
    """What the venue allows.

    Attributes:
        rest_rate: REST calls a second, for each pair; 0 allows everything.
        attempts: connection attempts within ten minutes; 0 allows everything.
        inclusive: whether REST's `since` includes a trade at that very moment.
    """

    rest_rate: float = 1.0
    attempts: int = 0
    inclusive: bool = False


class Venue:
    """One Kraken.

    Args:
        starts: the moment at which the clock stands until the first subscription lets it run.
    """

    def __init__(
        self,
        tapes: Mapping[str, Tape],
        clock: Clock,
        faults: LiveFaults,
        limits: Limits,
        *,
        seed: int = 0,
        starts: bool = False,
    ) -> None:
        self.clock = clock
        self.faults = faults
        self.journal = Journal()
        self.connections = Connections(clock.now_us)
        self.system = ONLINE
        self._limits = limits
        self._waits_for_first = starts
        self._streams: dict[int, Stream] = {}
        self._past_sent: deque[Stream] = deque(maxlen=1000)
        self._attempts: deque[float] = deque()
        self._ids = random.Random(seed)  # noqa: S311  (not for secrets)
        self._halted: dict[str, float] = {}
        self._wake = asyncio.Event()
        self.market = Market(tapes, clock, faults, self._wanted, self._told)
        self._rest = Rest(
            self.market,
            self.journal,
            Budget(limits.rest_rate),
            lambda: self.system,
            inclusive=limits.inclusive,
        )

    def app(self) -> web.Application:
        app = web.Application()
        app.add_routes(ControlApi(self).routes())
        app.router.add_get("/v2", self._connect)
        app.router.add_get("/0/public/{call}", self._rest.handle)
        app.cleanup_ctx.append(self._run)
        return app

    async def _run(self, app: web.Application) -> AsyncIterator[None]:
        del app
        tasks = [asyncio.create_task(self._pump()), asyncio.create_task(self._ticks())]
        yield
        for stream in list(self._streams.values()):
            self.connections.end(stream, "close", "venue stopped")
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _pump(self) -> None:
        while True:
            self._wake.clear()
            due_us = self.market.tell()
            wait = (due_us - self.clock.now_us()) / 1e6 / max(self.clock.speed, 1e-9)
            with suppress(asyncio.TimeoutError):
                # New subscriptions may want what comes sooner.
                await asyncio.wait_for(self._wake.wait(), min(max(wait, _LEAST_PAUSE), _MOST_PAUSE))

    async def _ticks(self) -> None:
        while True:
            self.apply_faults()
            for stream in list(self._streams.values()):
                stream.tick()
                if stream.wire.backlog > _MAX_BACKLOG:
                    self.connections.end(stream, "drop", "client too slow")
            await asyncio.sleep(_TICK_SECONDS)

    # Connections.

    async def _connect(self, request: web.Request) -> web.StreamResponse:
        refused = self._refusal()
        if refused is not None:
            fault, answer = refused
            self._note(request, answer.status, fault)
            return answer
        socket = web.WebSocketResponse(autoping=False, compress=False, max_msg_size=1 << 20)
        await socket.prepare(request)
        self._note(request, 101, None)
        assert isinstance(request.transport, asyncio.Transport)  # noqa: S101
        stream = Stream(
            self.connections.next_number(),
            socket,
            Wire(request.transport),
            self.market,
            self._subscribed,
        )
        stream.cut = lambda why: self.connections.end(stream, "drop", why)
        self._streams[stream.number] = stream
        self.connections.began(stream)
        why = "connection lost"
        try:
            stream.write(messages.status(self.system, self._ids.getrandbits(63) | 1 << 63))
            why = await stream.converse()
        finally:
            del self._streams[stream.number]
            self._past_sent.append(stream)
            self.connections.ended(stream, why)
            self._subscribed()
        return socket

    def _refusal(self) -> tuple[FaultName | None, web.Response] | None:
        """What a connection attempt gets instead of an upgrade."""
        if (rule := self.faults.strikes(FaultName.THROTTLE)) is not None:
            return rule.fault, page(429, rule.retry_after)
        if (rule := self.faults.strikes(FaultName.UNAVAILABLE)) is not None:
            return rule.fault, page(rule.status or 503, rule.retry_after)
        if (rule := self.faults.strikes(FaultName.REJECT_UPGRADE)) is not None:
            return rule.fault, page(rule.status or 403, rule.retry_after)
        now = time.monotonic()
        while self._attempts and self._attempts[0] < now - _ATTEMPTS_SECONDS:
            self._attempts.popleft()
        if self._limits.attempts and len(self._attempts) >= self._limits.attempts:
            return None, page(429)
        self._attempts.append(now)
        return None

    def _note(self, request: web.Request, status: int, fault: FaultName | None) -> None:
        self.journal.note(
            at_us=self.clock.now_us(),
            method=request.method,
            path=request.path_qs,
            family="connect",
            status=status,
            size=0,
            fault=None if fault is None else str(fault),
        )

    def _wanted(self, symbol: str) -> set[tuple[str, str]]:
        return {want for stream in self._streams.values() for want in stream.follows(symbol)}

    def _told(self, news: News) -> None:
        faulty = self.faults.armed
        joined = {
            want: b"".join([frame.framed for frame in frames]) for want, frames in news.by_channel.items()
        }
        for stream in list(self._streams.values()):
            for want in sorted(stream.follows(news.pair.symbol)):
                if frames := news.by_channel.get(want):
                    stream.deliver(want[0], frames, joined[want], faulty=faulty)

    def _subscribed(self) -> None:
        if self._waits_for_first and any(stream.symbols() for stream in self._streams.values()):
            self._waits_for_first = False
            self.clock.go_on()
        for symbol in self.market.tapes:
            if not self._wanted(symbol):
                self.market.leave(symbol)
        self._wake.set()

    # Faults.

    def apply_faults(self) -> None:
        """Lets the faults in force befall what is open, at once."""
        rule = self.faults.peek(FaultName.MAINTENANCE)
        if (rule is not None) != bool(self._halted):
            self._halt(rule)
        for stream in list(self._streams.values()):
            ending = self.faults.ends(stream.number, stream.symbols())
            if ending is not None:
                self.connections.end(stream, str(ending.fault), str(ending.fault))
        self.faults.swept()

    def _halt(self, rule: LiveRule | None) -> None:
        """Into maintenance, or out of it: no trade happens meanwhile, so ids go on where they were."""
        now_us = self.clock.now_us()
        if rule is not None:
            self.faults.strikes(FaultName.MAINTENANCE)
            self.market.tell()
            self._halted = {symbol: tape.rate() for symbol, tape in self.market.tapes.items()}
            for tape in self.market.tapes.values():
                tape.set_rate(now_us, 0)
            if self._is_recording():
                self.clock.pause()
            self._say(MAINTENANCE)
            if rule.close:
                for stream in list(self._streams.values()):
                    self.connections.end(stream, "close", "maintenance")
            return
        if self._is_recording():
            self.clock.go_on()
        for symbol, rate in self._halted.items():
            self.market.tapes[symbol].set_rate(now_us, rate)
        self._halted = {}
        self.market.revise()
        for system in ("cancel_only", "post_only", ONLINE):
            self._say(system)

    def _say(self, system: str) -> None:
        self.system = system
        for stream in self._streams.values():
            stream.write(messages.status(system, self._ids.getrandbits(63) | 1 << 63))

    def _is_recording(self) -> bool:
        return any(isinstance(tape, RecordedTape) for tape in self.market.tapes.values())

    # Control.

    def set_rate(self, wanted: dict[str, Any]) -> dict[str, Any]:
        """Changes the rate of trades: of one pair, or of all together in their shares."""
        tapes = self.market.tapes
        if wanted:
            rate, symbol = wanted.get("rate"), wanted.get("symbol")
            if not isinstance(rate, int | float) or isinstance(rate, bool) or rate < 0:
                raise CandlewickError("no rate given", 'send {"rate": 1000}, with "symbol" for one pair')
            if symbol is not None and symbol not in tapes:
                raise CandlewickError(f"there is no pair {symbol!r}", f"there are {', '.join(tapes)}")
            self.market.tell()
            now_us = self.clock.now_us()
            for name, per_second in ({symbol: rate} if symbol else shared(list(tapes), rate)).items():
                tapes[name].set_rate(now_us, per_second)
            self.market.revise()
        by_symbol = {symbol: tape.rate() for symbol, tape in tapes.items()}
        return {"rate": sum(by_symbol.values()), "by_symbol": by_symbol}

    def sent(self, query: dict[str, str]) -> dict[str, Any]:
        """All trades that exist in a pair up to now, and which of them were written to which connection.

        Columns rather than objects: a hundred thousand trades are some megabytes.
        """
        symbol = query.get("symbol", next(iter(self.market.tapes)))
        if symbol not in self.market.tapes:
            raise CandlewickError(f"there is no pair {symbol!r}", f"there are {', '.join(self.market.tapes)}")
        limit = min(int(query.get("limit", _MOST_TOLD)), _MOST_TOLD)
        end = self.market.next_id(symbol)
        first = int(query.get("from_id", max(end - limit, 1)))
        last = min(int(query.get("to_id", end - 1)), end - 1, first + limit - 1)
        rows = self.market.history(symbol, first, last)
        pair = self.market.tapes[symbol].pair
        streams = [*self._past_sent, *self._streams.values()]
        return {
            "symbol": symbol,
            "next_id": end,
            "first_id": first,
            "last_id": last,
            "ids": [row.trade_id for row in rows],
            "times_ns": [row.time_ns for row in rows],
            "prices": [decimal(row.price, pair.price_decimals) for row in rows],
            "qtys": [decimal(row.qty, pair.qty_decimals) for row in rows],
            "sides": "".join("b" if row.buy else "s" for row in rows),
            "lost": self.market.lost[symbol].runs(first, last),
            "withheld": self.market.withheld[symbol].runs(first, last),
            "sent": [
                {"connection": stream.number, "runs": sent}
                for stream in sorted(streams, key=lambda stream: stream.number)
                if (sent := stream.sent.runs(symbol))
            ],
        }


def shared(symbols: list[str], rate: float) -> dict[str, float]:
    """A rate of all pairs together, by their usual shares in the trade."""
    total = sum(BY_SYMBOL[symbol].share for symbol in symbols)
    return {symbol: rate * BY_SYMBOL[symbol].share / total for symbol in symbols}
