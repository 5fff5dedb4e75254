"""One WebSocket v2 connection: its subscriptions, and what the faults make of its messages."""

import json
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from aiohttp import WSMessage, WSMsgType, web

from candlewick.times import SECOND_US
from simulators.common.faults import FaultName
from simulators.common.wire import Wire
from simulators.kraken import messages
from simulators.kraken.market import BBO, TRADES, Market, runs
from simulators.kraken.messages import TICKER, TRADE, Frame
from simulators.kraken.tape import Trade

_KEPT_RUNS = 20_000
_HEARTBEAT_SECONDS = 1.0
_FAREWELL_SECONDS = 2.0
_CHANNELS = {TRADE: False, TICKER: True}  # with whether a snapshot is sent unless refused
_ELSEWHERE = {"executions", "balances", "level3", "orders"}


@dataclass(slots=True)
class Subscription:
    """One channel of one symbol."""

    channel: str
    symbol: str
    trigger: str
    generation: int


@dataclass(frozen=True, slots=True)
class Wish:
    """What a request says for each of its symbols."""

    req_id: object
    channel: str
    trigger: str
    snapshot: bool
    in_us: int

    def result(self, symbol: str) -> dict[str, object]:
        told: dict[str, object] = {"channel": self.channel, "symbol": symbol}
        return told | {"event_trigger": self.trigger} if self.trigger else told


class SentIds:
    """Ids that were written to a connection, as runs in the order of writing; repeated ones make runs too."""

    def __init__(self) -> None:
        self._runs: dict[str, deque[list[int]]] = {}

    def note(self, symbol: str, trades: Sequence[Trade]) -> None:
        if not trades:
            return
        known = self._runs.setdefault(symbol, deque(maxlen=_KEPT_RUNS))
        first, last = trades[0].trade_id, trades[-1].trade_id
        parts = [(first, last)]
        if last - first + 1 != len(trades):
            parts = runs([trade.trade_id for trade in trades])
        for begin, end in parts:
            if known and known[-1][1] == begin - 1:
                known[-1][1] = end
            else:
                known.append([begin, end])

    def runs(self, symbol: str) -> list[list[int]]:
        return [list(run) for run in self._runs.get(symbol, ())]


class Stream:
    """A client's connection.

    Args:
        subscribed: called when what the client follows has changed.
    """

    def __init__(
        self,
        number: int,
        socket: web.WebSocketResponse,
        wire: Wire,
        market: Market,
        subscribed: Callable[[], None],
    ) -> None:
        self.number = number
        self.wire = wire
        self.sent = SentIds()
        self.frames = 0
        self._socket = socket
        self._market = market
        self._clock = market.clock
        self._faults = market.faults
        self._subscribed = subscribed
        self._subscriptions: dict[tuple[str, str], Subscription] = {}
        self._generation = 0
        self._held: dict[str, Frame] = {}
        self._wrote_at = time.monotonic()
        self._closing_since: float | None = None

    def symbols(self) -> list[str]:
        return sorted({symbol for _, symbol in self._subscriptions})

    def follows(self, symbol: str) -> set[tuple[str, str]]:
        return {
            (subscription.channel, subscription.trigger)
            for subscription in self._subscriptions.values()
            if subscription.symbol == symbol
        }

    def report(self) -> dict[str, Any]:
        return {
            "subscriptions": [
                {"channel": subscription.channel, "symbol": subscription.symbol}
                | ({"event_trigger": subscription.trigger} if subscription.trigger else {})
                for subscription in self._subscriptions.values()
            ],
            "frames": self.frames,
        }

    async def close(self) -> None:
        self._say_goodbye()

    def _say_goodbye(self) -> None:
        """A close frame, once; the TCP connection ends when the client has answered."""
        if self._closing_since is None:
            self._closing_since = time.monotonic()
            self.wire.write(messages.CLOSE)

    # What goes out.

    def write(self, text: bytes) -> None:
        """A message that belongs to no subscription."""
        if self._held_by(FaultName.SILENT):
            return
        self._write(messages.framed(text))

    def _write(self, framed: bytes, count: int = 1) -> None:
        if self._closing_since is not None:
            return
        self.frames += count
        self._wrote_at = time.monotonic()
        self.wire.write(framed)

    def _held_by(self, name: FaultName) -> bool:
        return self._faults.holds(name, self.number, connection=self.number) is not None

    def tick(self) -> None:
        """Called some times a second: heartbeats, and faults that hold the whole connection."""
        if self._closing_since is not None:
            if time.monotonic() - self._closing_since > _FAREWELL_SECONDS:
                self.wire.drop()
            return
        self.wire.read(on=not self._held_by(FaultName.SLOW_READER))
        slow = self._faults.holds(FaultName.SLOW_WRITER, self.number, connection=self.number)
        self.wire.throttle(None if slow is None else slow.bytes)
        if self._subscriptions and time.monotonic() - self._wrote_at >= _HEARTBEAT_SECONDS:
            self.write(messages.HEARTBEAT)

    def deliver(self, channel: str, frames: list[Frame], joined: bytes, *, faulty: bool) -> None:
        """Messages of one channel and symbol.

        Args:
            joined: all of them as they go over the wire when nothing is wrong.
            faulty: whether any fault is set at all.
        """
        if not faulty and not self._held:
            self._write(joined, len(frames))
            if channel == TRADE:
                for frame in frames:
                    self.sent.note(frame.symbol, frame.trades)
            return
        symbol = frames[0].symbol
        if self._held_by(FaultName.SILENT) or self._held_by(FaultName.HEARTBEATS_ONLY):
            return
        if self._faults.holds(
            FaultName.MUTE, (self.number, symbol, self._generation_of(symbol)), symbol, self.number
        ):
            return
        for frame in frames:
            self._deliver_one(frame)

    def _generation_of(self, symbol: str) -> int:
        return max((s.generation for s in self._subscriptions.values() if s.symbol == symbol), default=0)

    def _strikes(self, name: FaultName, symbol: str) -> bool:
        return self._faults.strikes(name, symbol, self.number) is not None

    def _deliver_one(self, frame: Frame) -> None:
        symbol = frame.symbol
        jump = self._faults.holds(FaultName.CLOCK_JUMP, self.number, symbol, self.number)
        if jump is not None and frame.channel == TRADE:
            pair = self._market.tapes[symbol].pair
            frame = messages.trades(pair, "update", frame.trades, int(jump.seconds * SECOND_US))
        if self._strikes(FaultName.UNKNOWN_MESSAGE, symbol):
            self._write(messages.framed(messages.RUMOUR))
        if self._strikes(FaultName.HALF_FRAME, symbol):
            self.wire.write(frame.framed[: len(frame.framed) // 2])
            self.cut("half-frame")
            return
        if self._strikes(FaultName.INVALID_JSON, symbol):
            self._write(messages.framed(frame.text[: len(frame.text) // 2]))
            return
        if self._strikes(FaultName.WRONG_TYPES, symbol):
            self._write(messages.framed(messages.wrongly_typed(frame.text)))
            return
        if frame.channel != TRADE:
            self._write(frame.framed)
            return
        held = self._held.pop(symbol, None)
        if held is None and self._strikes(FaultName.OUT_OF_ORDER, symbol):
            self._held[symbol] = frame
            return
        self._write_trades(frame)
        if held is not None:
            self._write_trades(held)

    def _write_trades(self, frame: Frame) -> None:
        times = 2 if self._strikes(FaultName.DUPLICATE_TRADES, frame.symbol) else 1
        for _ in range(times):
            self._write(frame.framed)
            self.sent.note(frame.symbol, frame.trades)

    cut: Callable[[str], None]
    """Ends the connection without a close frame; the argument is the reason to be remembered."""

    # What comes in.

    async def converse(self) -> str:
        """Answers until the client goes; why the connection ended, as far as this side saw it."""
        while True:
            message: WSMessage = await self._socket.receive()
            if message.type is WSMsgType.TEXT:
                self._answer(message.data)
            elif message.type is WSMsgType.PING:
                if not self._held_by(FaultName.SILENT):
                    await self._socket.pong(message.data)
            elif message.type in {WSMsgType.CLOSE, WSMsgType.CLOSING, WSMsgType.CLOSED, WSMsgType.ERROR}:
                if message.type is not WSMsgType.CLOSE:
                    return "connection lost"
                if not self._held_by(FaultName.SILENT):
                    self._say_goodbye()
                return "client closed"
            elif message.type is WSMsgType.BINARY:
                self._refuse(None, None, "Malformed request", self._now())

    def _now(self) -> int:
        jump = self._faults.peek(FaultName.CLOCK_JUMP, connection=self.number)
        return self._clock.now_us() + (0 if jump is None else int(jump.seconds * SECOND_US))

    def _refuse(
        self, method: object, req_id: object, error: str, in_us: int, symbol: str | None = None
    ) -> None:
        self.write(messages.refusal(method, req_id, error, in_us=in_us, out_us=self._now(), symbol=symbol))

    def _answer(self, text: str) -> None:
        in_us = self._now()
        try:
            request = json.loads(text)
        except ValueError:
            request = None
        if not isinstance(request, dict):
            self._refuse(None, None, "Malformed request", in_us)
            return
        method, req_id = request.get("method"), request.get("req_id")
        if req_id is not None and (isinstance(req_id, bool) or not isinstance(req_id, int)):
            self._refuse(method, None, "Req_id field must be an integer", in_us)
        elif method == "ping":
            if "params" in request:
                error = "Unsupported field: 'params' for the given msg type: ping"
                self._refuse(method, req_id, error, in_us)
            else:
                self.write(messages.pong(req_id, in_us, self._now()))
        elif method in {"subscribe", "unsubscribe"}:
            params = request.get("params")
            self._request(method, req_id, params if isinstance(params, dict) else {}, in_us)
        else:
            self._refuse(method, req_id, "Unsupported event", in_us)

    def _request(self, method: str, req_id: object, params: dict[str, Any], in_us: int) -> None:
        if params.get("channel") == "heartbeat":
            self.write(messages.ack(method, req_id, {"channel": "heartbeat"}, in_us, self._now()))
            return
        error = _objection(params)
        if error is not None:
            self._refuse(method, req_id, error, in_us)
            return
        channel = params["channel"]
        wish = Wish(
            req_id,
            channel,
            params.get("event_trigger", TRADES) if channel == TICKER else "",
            params.get("snapshot", _CHANNELS[channel]),
            in_us,
        )
        for symbol in params["symbol"]:
            if method == "subscribe":
                self._subscribe(wish, symbol)
            else:
                self._unsubscribe(wish, symbol)
        self._subscribed()

    def _subscribe(self, wish: Wish, symbol: str) -> None:
        refused = self._faults.strikes(FaultName.REFUSE, symbol, self.number)
        error = None
        if refused is not None:
            error = refused.error or "EService:Unavailable"
        elif "/" not in symbol:
            error = f"Currency pair not in ISO 4217-A3 format {symbol}"
        elif symbol not in self._market.tapes:
            error = f"Currency pair not supported {symbol}"
        elif (wish.channel, symbol) in self._subscriptions:
            error = "Already subscribed"
        if error is not None:
            self._refuse("subscribe", wish.req_id, error, wish.in_us, symbol)
            return
        result = wish.result(symbol) | {"snapshot": wish.snapshot}
        self.write(messages.ack("subscribe", wish.req_id, result, wish.in_us, self._now()))
        self._market.follow(symbol)
        # Those who follow already are told first: what the snapshot holds is news to nobody afterwards.
        self._market.advance(symbol)
        self._generation += 1
        self._subscriptions[wish.channel, symbol] = Subscription(
            wish.channel, symbol, wish.trigger, self._generation
        )
        if wish.snapshot:
            trades = wish.channel == TRADE
            frame = self._market.snapshot(symbol) if trades else self._market.ticker(symbol)
            self.deliver(frame.channel, [frame], frame.framed, faulty=self._faults.armed)

    def _unsubscribe(self, wish: Wish, symbol: str) -> None:
        if self._subscriptions.pop((wish.channel, symbol), None) is None:
            self._refuse("unsubscribe", wish.req_id, "Subscription not found", wish.in_us, symbol)
            return
        result = wish.result(symbol)
        self.write(messages.ack("unsubscribe", wish.req_id, result, wish.in_us, self._now()))


def _objection(params: dict[str, Any]) -> str | None:
    """Why no symbol of a request can be had, or None."""
    channel, symbols = params.get("channel"), params.get("symbol")
    objection = None
    if channel in _ELSEWHERE:
        objection = "Private data and trading are unavailable on this endpoint. Try ws-auth.kraken.com"
    elif channel not in _CHANNELS:
        objection = "Subscription name invalid"
    elif not isinstance(symbols, list) or not all(isinstance(symbol, str) for symbol in symbols):
        objection = "Symbol field must be an array"
    elif not symbols:
        objection = "Symbol(s) not found"
    elif channel == TICKER and params.get("event_trigger", BBO) not in {BBO, TRADES}:
        objection = "Event_trigger field must be one of bbo, trades"
    elif not isinstance(params.get("snapshot", False), bool):
        objection = "Snapshot field must be a boolean"
    return objection
