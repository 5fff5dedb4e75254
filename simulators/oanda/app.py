"""The venue: the stream and REST below `/v3/`, control at `/_...`, all on one port."""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from candlewick.errors import CandlewickError
from simulators.common.budget import Budget
from simulators.common.clock import Clock
from simulators.common.faults import FaultName, LiveFaults
from simulators.common.live_venue import LiveVenue
from simulators.common.numbers import decimal
from simulators.common.pages import page
from simulators.common.wire import Wire
from simulators.oanda.instruments import BY_NAME, Instrument
from simulators.oanda.market import Market
from simulators.oanda.rest import Access, Refusal, Rest, format_of, refused, told
from simulators.oanda.stream import Stream
from simulators.oanda.tape import Price, Tape

FAULTS = frozenset(FaultName) - {FaultName.MAINTENANCE, FaultName.REJECT_UPGRADE}

_KEPT_LINES = 200_000
_TOO_MANY = "Too many requests"


@dataclass(frozen=True, slots=True)
class Limits:
    """What the venue allows; 0 allows everything.

    Attributes:
        rest_rate: REST calls a second.
        streams: streams at the same time.
        connects: new streams within one second.
    """

    rest_rate: float = 120.0
    streams: int = 20
    connects: int = 2


@dataclass(frozen=True, slots=True)
class Manner:
    """How streams are served.

    Attributes:
        thinned: at most one price of an instrument in each quarter of a second.
        heartbeat: seconds between heartbeats.
        starts: the clock stands until the first stream lets it run.
    """

    thinned: bool = True
    heartbeat: float = 5.0
    starts: bool = False


class Venue(LiveVenue[Stream]):
    """One OANDA."""

    def __init__(
        self,
        tapes: Mapping[str, Tape],
        clock: Clock,
        faults: LiveFaults,
        access: Access,
        *,
        limits: Limits,
        manner: Manner,
    ) -> None:
        super().__init__(clock, faults)
        self._limits = limits
        self._manner = manner
        self._waits_for_first = manner.starts
        self._connects: deque[float] = deque()
        self._budget = Budget(limits.rest_rate)
        self._sent: deque[tuple[int, str, int, int, int, int]] = deque(maxlen=_KEPT_LINES)
        self._ids = 0
        self.market = Market(tapes, clock, faults, self.told)
        self._rest = Rest(self.market, access)

    def routes(self) -> list[web.RouteDef]:
        account = "/v3/accounts/{account}"
        rest = self._rest

        async def accounts(request: web.Request) -> web.Response:
            del request
            return rest.accounts()

        async def instruments(request: web.Request) -> web.Response:
            return rest.instruments(request)

        async def pricing(request: web.Request) -> web.Response:
            return rest.pricing(request)

        return [
            web.get(f"{account}/pricing/stream", self._connect, allow_head=False),
            web.get("/v3/accounts", self._call("accounts", accounts)),
            web.get(f"{account}/instruments", self._call("instruments", instruments)),
            web.get(f"{account}/pricing", self._call("pricing", pricing)),
            web.get("/v3/instruments/{instrument}/candles", self._call("candles", rest.candles)),
            web.get(f"{account}/instruments/{{instrument}}/candles", self._call("candles", rest.candles)),
        ]

    def app(self) -> web.Application:
        app = super().app()
        app.middlewares.append(_plain_errors)
        return app

    def tell(self) -> int:
        return self.market.tell()

    # REST.

    def _call(
        self, family: str, answer: Callable[[web.Request], Awaitable[web.Response]]
    ) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handler(request: web.Request) -> web.Response:
            fault, given = await self._answered(family, answer, request)
            given.headers["RequestID"] = self._request_id()
            self.note(request, family, given.status, fault, given.content_length or 0)
            return given

        return handler

    async def _answered(
        self, family: str, answer: Callable[[web.Request], Awaitable[web.Response]], request: web.Request
    ) -> tuple[FaultName | None, web.Response]:
        if (rule := self.faults.strikes(FaultName.REST_DOWN, path=family)) is not None:
            return rule.fault, page(rule.status or 502, rule.retry_after)
        if (rule := self.faults.strikes(FaultName.REST_THROTTLE, path=family)) is not None:
            return rule.fault, told({"errorMessage": _TOO_MANY}, 429)
        if not self._budget.allows(""):
            return None, told({"errorMessage": _TOO_MANY}, 429)
        try:
            self._rest.check(request)
            return None, await answer(request)
        except Refusal as refusal:
            return None, refused(refusal)

    def _request_id(self) -> str:
        self._ids += 1
        return str(24_000_000_000_000_000 + self._ids)

    # Streams.

    async def _connect(self, request: web.Request) -> web.StreamResponse:
        fault, refusal = self._refused(request)
        if refusal is None:
            try:
                self._rest.check(request)
                chosen = self._rest.instruments_of(request.query)
                if any(self.faults.strikes(FaultName.REFUSE, one.name) for one in chosen):
                    fault = FaultName.REFUSE
                    raise Refusal(400, "Invalid value specified for 'instruments'")
            except Refusal as error:
                refusal = refused(error)
        if refusal is not None:
            refusal.headers["RequestID"] = self._request_id()
            self.note(request, "connect", refusal.status, fault)
            return refusal
        return await self._stream(request, chosen)

    def _refused(self, request: web.Request) -> tuple[FaultName | None, web.Response | None]:
        del request
        by_fault = self.refused_connect()
        if by_fault is not None:
            return by_fault
        now = time.monotonic()
        while self._connects and self._connects[0] <= now - 1:
            self._connects.popleft()
        if self._limits.connects and len(self._connects) >= self._limits.connects:
            return None, told({"errorMessage": "Too many new connections"}, 429)
        self._connects.append(now)
        if self._limits.streams and len(self.streams) >= self._limits.streams:
            return None, told({"errorMessage": "Too many active streams"}, 429)
        return None, None

    async def _stream(self, request: web.Request, chosen: list[Instrument]) -> web.StreamResponse:
        response = web.StreamResponse(headers={"RequestID": self._request_id()})
        response.content_type = "application/octet-stream"
        response.enable_chunked_encoding()
        await response.prepare(request)
        self.note(request, "connect", 200)
        assert isinstance(request.transport, asyncio.Transport)  # noqa: S101
        stream = Stream(
            self.connections.next_number(),
            Wire(request.transport),
            self.market,
            [one.name for one in chosen],
            form=format_of(request),
            thinned=self._manner.thinned,
            heartbeat=self._manner.heartbeat,
            written=self._written,
        )
        stream.cut = lambda why: self.connections.end(stream, "drop", why)
        # Those who follow already are told first: what the snapshot holds is news to nobody afterwards.
        self.market.tell()
        self.began(stream)
        if self._waits_for_first:
            self._waits_for_first = False
            self.clock.go_on()
        self._follow()
        if request.query.get("snapshot", "true").lower() != "false":
            now_us = self.clock.now_us()
            for one in chosen:
                price = self.market.told_last(one.name)
                if price is not None:
                    stream.snapshot(one, price, tradeable=self.market.tapes[one.name].is_open(now_us))
        stream.start()
        try:
            await stream.ending.wait()
        finally:
            stream.stop()
            self.ended(stream, "client gone")
            self._follow()
        # Nobody keeps a connection for another request after an endless answer.
        response.force_close()
        return response

    def _follow(self) -> None:
        self.market.follow({name for stream in self.streams.values() for name in stream.symbols()})
        self.wake()

    def told(self, instrument: Instrument, prices: list[Price]) -> None:
        """New prices of an instrument, to those who asked for it."""
        for stream in list(self.streams.values()):
            stream.news(instrument, prices)

    def _written(self, connection: int, name: str, price: Price, /) -> None:
        self._sent.append((connection, name, *price, self.clock.now_us()))

    def apply_faults(self) -> None:
        if self.faults.peek(FaultName.EXPIRE_TOKEN) is not None:
            for stream in list(self.streams.values()):
                if self.faults.holds(FaultName.EXPIRE_TOKEN, stream.number) is not None:
                    self.connections.end(stream, "close", "expire-token")
        super().apply_faults()

    # Control.

    def set_rate(self, wanted: dict[str, Any]) -> dict[str, Any]:
        """Changes the rate of prices: of one instrument, or of all together in their shares."""
        tapes = self.market.tapes
        if wanted:
            rate, symbol = wanted.get("rate"), wanted.get("symbol")
            if not isinstance(rate, int | float) or isinstance(rate, bool) or rate < 0:
                raise CandlewickError("no rate given", 'send {"rate": 100}, with "symbol" for one instrument')
            if symbol is not None and symbol not in tapes:
                raise CandlewickError(f"there is no instrument {symbol!r}", f"there are {', '.join(tapes)}")
            self.market.tell()
            now_us = self.clock.now_us()
            for name, per_second in ({symbol: rate} if symbol else shared(list(tapes), rate)).items():
                tapes[name].set_rate(now_us, per_second)
            self.market.revise()
        by_symbol = {name: tape.rate() for name, tape in tapes.items()}
        return {"rate": sum(by_symbol.values()), "by_symbol": by_symbol}

    def sent(self, query: dict[str, str]) -> dict[str, Any]:
        """The price lines that were written, and on request all prices that there were at the venue.

        Columns rather than objects: a hundred thousand lines are some megabytes.
        """
        symbol, connection = query.get("symbol"), query.get("connection")
        if symbol is not None and symbol not in self.market.tapes:
            raise CandlewickError(f"there is no instrument {symbol!r}")
        rows = [
            row
            for row in self._sent
            if symbol in {None, row[1]} and (connection is None or row[0] == int(connection))
        ]
        columns = zip(*rows, strict=True) if rows else [()] * 6
        connections, names, times_ns, bids, asks, written_us = map(list, columns)
        answer: dict[str, Any] = {
            "connections": connections,
            "symbols": names,
            "times_ns": times_ns,
            "bids": [decimal(bid, BY_NAME[name].decimals) for bid, name in zip(bids, names, strict=True)],
            "asks": [decimal(ask, BY_NAME[name].decimals) for ask, name in zip(asks, names, strict=True)],
            "written_us": written_us,
        }
        if symbol is not None:
            answer["lost_ns"] = sorted(self.market.lost[symbol].all())
            answer["withheld_ns"] = sorted(self.market.withheld[symbol].all())
        if symbol is not None and "from_us" in query:
            from_us, to_us = int(query["from_us"]), int(query.get("to_us", self.clock.now_us() + 1))
            prices = self.market.prices(symbol, from_us - 1, to_us - 1)
            decimals = BY_NAME[symbol].decimals
            answer["prices"] = {
                "times_ns": prices.times_ns.tolist(),
                "bids": [decimal(bid, decimals) for bid in prices.bid.tolist()],
                "asks": [decimal(ask, decimals) for ask in prices.ask.tolist()],
            }
        return answer


@web.middleware
async def _plain_errors(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """404 and 405 as the venue says them."""
    try:
        return await handler(request)
    except web.HTTPMethodNotAllowed:
        return told({"errorMessage": "The HTTP method is not allowed for this resource."}, 405)
    except web.HTTPNotFound:
        return told({"errorMessage": "The requested resource does not exist."}, 404)


def shared(names: list[str], rate: float) -> dict[str, float]:
    """A rate of all instruments together, by their usual shares."""
    total = sum(BY_NAME[name].share for name in names)
    return {name: rate * BY_NAME[name].share / total for name in names}
