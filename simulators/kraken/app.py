"""The venue: WebSocket at `/v2`, REST at `/0/public/`, control at `/_...`, all on one port."""

import asyncio
import random
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from candlewick.errors import CandlewickError
from simulators.common.budget import Budget
from simulators.common.clock import Clock
from simulators.common.faults import FaultName, LiveFaults, LiveRule
from simulators.common.live_venue import LiveVenue
from simulators.common.numbers import decimal
from simulators.common.pages import page
from simulators.common.wire import Wire
from simulators.kraken import messages
from simulators.kraken.market import Market, News
from simulators.kraken.pairs import BY_SYMBOL
from simulators.kraken.rest import Rest
from simulators.kraken.stream import SentIds, Stream
from simulators.kraken.tape import RecordedTape, Tape

FAULTS = frozenset(FaultName) - {FaultName.EXPIRE_TOKEN, FaultName.CHUNK_BORDER, FaultName.EMPTY_SIDE}
ONLINE, MAINTENANCE = "online", "maintenance"

_ATTEMPTS_SECONDS = 600.0
_MOST_TOLD = 100_000
_KEPT = 1000


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


class Venue(LiveVenue[Stream]):
    """One Kraken.

    Args:
        starts: the clock stands until the first subscription lets it run.
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
        super().__init__(clock, faults)
        self.system = ONLINE
        self._limits = limits
        self._waits_for_first = starts
        self._past: deque[tuple[int, SentIds]] = deque(maxlen=_KEPT)
        self._attempts: deque[float] = deque()
        self._ids = random.Random(seed)  # noqa: S311  (not for secrets)
        self._halted: dict[str, float] = {}
        self.market = Market(tapes, clock, faults, self._wanted, self._told)
        self._rest = Rest(
            self.market,
            self.journal,
            Budget(limits.rest_rate),
            lambda: self.system,
            inclusive=limits.inclusive,
        )

    def routes(self) -> list[web.RouteDef]:
        return [web.get("/v2", self._connect), web.get("/0/public/{call}", self._rest.handle)]

    def tell(self) -> int:
        return self.market.tell()

    # Connections.

    async def _connect(self, request: web.Request) -> web.StreamResponse:
        refused = self.refused_connect()
        if refused is not None:
            self.note(request, "connect", refused[1].status, refused[0])
            return refused[1]
        if self._too_many_attempts():
            self.note(request, "connect", 429)
            return page(429)
        socket = web.WebSocketResponse(autoping=False, autoclose=False, compress=False, max_msg_size=1 << 20)
        await socket.prepare(request)
        self.note(request, "connect", 101)
        assert isinstance(request.transport, asyncio.Transport)  # noqa: S101
        number = self.connections.next_number()
        stream = Stream(number, socket, Wire(request.transport), self.market, self._subscribed)
        stream.cut = lambda why: self.connections.end(stream, "drop", why)
        self.began(stream)
        why = "connection lost"
        try:
            stream.write(messages.status(self.system, self._connection_id()))
            why = await stream.converse()
        finally:
            self.ended(stream, why)
            self._past.append((stream.number, stream.sent))
            self._subscribed()
        return socket

    def _connection_id(self) -> int:
        # As the venue's, beyond what a signed 64-bit integer holds.
        return self._ids.getrandbits(63) | 1 << 63

    def _too_many_attempts(self) -> bool:
        now = time.monotonic()
        while self._attempts and self._attempts[0] < now - _ATTEMPTS_SECONDS:
            self._attempts.popleft()
        if self._limits.attempts and len(self._attempts) >= self._limits.attempts:
            return True
        self._attempts.append(now)
        return False

    def _wanted(self, symbol: str) -> set[tuple[str, str]]:
        return {want for stream in self.streams.values() for want in stream.follows(symbol)}

    def _told(self, news: News) -> None:
        faulty = self.faults.armed
        joined = {
            want: b"".join([frame.framed for frame in frames]) for want, frames in news.by_channel.items()
        }
        for stream in list(self.streams.values()):
            for want in sorted(stream.follows(news.pair.symbol)):
                if frames := news.by_channel.get(want):
                    stream.deliver(want[0], frames, joined[want], faulty=faulty)

    def _subscribed(self) -> None:
        if self._waits_for_first and any(stream.symbols() for stream in self.streams.values()):
            self._waits_for_first = False
            self.clock.go_on()
        for symbol in self.market.tapes:
            if not self._wanted(symbol):
                self.market.leave(symbol)
        self.wake()

    # Faults.

    def apply_faults(self) -> None:
        """Lets the faults in force befall what is open, at once."""
        rule = self.faults.peek(FaultName.MAINTENANCE)
        if (rule is not None) != bool(self._halted):
            self._halt(rule)
        super().apply_faults()

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
                for stream in list(self.streams.values()):
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
        for stream in self.streams.values():
            stream.write(messages.status(system, self._connection_id()))

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
        written = [*self._past, *((stream.number, stream.sent) for stream in self.streams.values())]
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
                {"connection": number, "runs": runs}
                for number, sent in sorted(written, key=lambda entry: entry[0])
                if (runs := sent.runs(symbol))
            ],
        }


def shared(symbols: list[str], rate: float) -> dict[str, float]:
    """A rate of all pairs together, by their usual shares in the trade."""
    total = sum(BY_SYMBOL[symbol].share for symbol in symbols)
    return {symbol: rate * BY_SYMBOL[symbol].share / total for symbol in symbols}
