"""One pricing stream: its thinning and heartbeats, and what the faults make of its lines."""

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

from candlewick.times import SECOND_US
from simulators.common.faults import FaultName, LiveFaults, LiveRule
from simulators.common.wire import Wire
from simulators.oanda import lines
from simulators.oanda.instruments import Instrument
from simulators.oanda.lines import Format
from simulators.oanda.market import Market
from simulators.oanda.tape import Price

WINDOW_SECONDS = 0.25
_SEVERAL = 3


class Written(Protocol):
    """Gets to know each price line that went to a socket."""

    def __call__(self, connection: int, name: str, price: Price, /) -> None: ...


class Stream:
    """A client's endless answer.

    Args:
        names: the instruments it asked for.
        thinned: whether it gets at most one price of an instrument in each quarter of a second.
        heartbeat: seconds between two heartbeats.
        written: told of each price line.
    """

    def __init__(
        self,
        number: int,
        wire: Wire,
        market: Market,
        names: list[str],
        *,
        form: Format,
        thinned: bool,
        heartbeat: float,
        written: Written,
    ) -> None:
        self.number = number
        self.wire = wire
        self.lines = 0
        self.ending = asyncio.Event()
        self._market = market
        self._faults: LiveFaults = market.faults
        self._names = frozenset(names)
        self._form = form
        self._thinned = thinned
        self._heartbeat = heartbeat
        self._written = written
        self._pending: dict[str, tuple[Instrument, Price]] = {}
        self._held: dict[str, tuple[bytes, Price]] = {}
        self._carried = b""
        self._collected: list[bytes] = []
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        self._timers: dict[str, asyncio.TimerHandle] = {}

    cut: Callable[[str], None]
    """Ends the connection as TCP does; the argument is the reason to be remembered."""

    def symbols(self) -> list[str]:
        return sorted(self._names)

    def report(self) -> dict[str, Any]:
        return {"subscriptions": self.symbols(), "lines": self.lines}

    async def close(self) -> None:
        """The body ends as if that were all."""
        self.ending.set()

    def start(self) -> None:
        """Begins the windows and heartbeats, both counted from now."""
        self._every("heartbeat", self._heartbeat, 1, self._beat)
        if self._thinned:
            self._every("window", WINDOW_SECONDS, 1, self._flush)

    def stop(self) -> None:
        for timer in self._timers.values():
            timer.cancel()

    def _every(self, name: str, seconds: float, count: int, act: Callable[[], None]) -> None:
        """Acts at whole multiples of a period since the beginning, however long acting takes."""

        def fire() -> None:
            act()
            passed = int((self._loop.time() - self._began) / seconds)
            self._every(name, seconds, max(count + 1, passed), act)

        self._timers[name] = self._loop.call_at(self._began + count * seconds, fire)

    # What goes out.

    def tick(self) -> None:
        if not self.wire.is_open:
            self.ending.set()
            return
        self.wire.read(on=not self._held_by(FaultName.SLOW_READER))
        slow = self._held_by(FaultName.SLOW_WRITER)
        self.wire.throttle(None if slow is None else slow.bytes)
        if not self._faults.peek(FaultName.CHUNK_BORDER, connection=self.number):
            self._let_go()

    def _held_by(self, name: FaultName) -> LiveRule | None:
        return self._faults.holds(name, self.number, connection=self.number)

    def _shift_ns(self) -> int:
        jump = self._held_by(FaultName.CLOCK_JUMP)
        return 0 if jump is None else int(jump.seconds * SECOND_US) * 1000

    def _beat(self) -> None:
        if self._held_by(FaultName.SILENT):
            return
        time_ns = self._market.clock.now_us() * 1000 + self._shift_ns()
        self._write([lines.heartbeat(time_ns, self._form)])

    def snapshot(self, instrument: Instrument, price: Price, *, tradeable: bool) -> None:
        """The price in force, however old, as the first line of an instrument."""
        if self._silenced(instrument.name):
            return
        self._write([lines.price_line(instrument, price, self._form, tradeable=tradeable)])
        self._written(self.number, instrument.name, price)

    def news(self, instrument: Instrument, prices: list[Price]) -> None:
        """New prices: each is sent, or the last of the window when that ends."""
        if instrument.name not in self._names:
            return
        if self._thinned:
            self._pending[instrument.name] = (instrument, prices[-1])
        else:
            self._send([(instrument, price) for price in prices])

    def mixed(self, prices: list[tuple[Instrument, Price]]) -> None:
        """New prices of several instruments, each of them sent."""
        mine = [entry for entry in prices if entry[0].name in self._names]
        if mine:
            self._send(mine)

    def _flush(self) -> None:
        # So that a window holds all that happened until its end.
        for name in self._names:
            self._market.advance(name)
        pending, self._pending = self._pending, {}
        if pending:
            self._send(sorted(pending.values(), key=lambda entry: entry[1].time_ns))

    def _send(self, prices: list[tuple[Instrument, Price]]) -> None:
        if not self._faults.armed and not self._held:
            self._write([lines.price_line(instrument, price, self._form) for instrument, price in prices])
            for instrument, price in prices:
                self._written(self.number, instrument.name, price)
            return
        for instrument, price in prices:
            if self.wire.is_open and not self._silenced(instrument.name):
                self._send_one(instrument, price)

    def _silenced(self, name: str) -> bool:
        return (
            self._held_by(FaultName.SILENT) is not None
            or self._held_by(FaultName.HEARTBEATS_ONLY) is not None
            or self._faults.holds(FaultName.MUTE, (self.number, name), name, self.number) is not None
        )

    def _strikes(self, fault: FaultName, name: str) -> bool:
        return self._faults.strikes(fault, name, self.number) is not None

    def _send_one(self, instrument: Instrument, price: Price) -> None:
        name = instrument.name
        told = price._replace(time_ns=price.time_ns + self._shift_ns())
        line = lines.price_line(instrument, told, self._form)
        if self._strikes(FaultName.UNKNOWN_MESSAGE, name):
            self._write([lines.RUMOUR])
        if self._strikes(FaultName.HALF_FRAME, name):
            self._chunk(line[: len(line) // 2])
            self.cut("half-frame")
        elif self._strikes(FaultName.INVALID_JSON, name):
            self._write([line[: len(line) // 2] + b"\n"])
        elif self._strikes(FaultName.WRONG_TYPES, name):
            self._write([lines.wrongly_typed(line)])
        else:
            if self._strikes(FaultName.EMPTY_SIDE, name):
                empty = "bids" if price.time_ns // 1000 % 2 else "asks"
                line = lines.price_line(instrument, told, self._form, empty=empty)
            self._send_whole(name, line, told)

    def _send_whole(self, name: str, line: bytes, price: Price) -> None:
        held = self._held.pop(name, None)
        if held is None and self._strikes(FaultName.OUT_OF_ORDER, name):
            self._held[name] = (line, price)
            return
        for text, what in [(line, price), *([held] if held else [])]:
            for _ in range(2 if self._strikes(FaultName.DUPLICATE_TRADES, name) else 1):
                self._write([text])
                self._written(self.number, name, what)

    def _write(self, texts: list[bytes]) -> None:
        """Whole lines, in one chunk unless a fault moves its borders."""
        self.lines += len(texts)
        border = (
            self._faults.holds(FaultName.CHUNK_BORDER, self.number, connection=self.number)
            if self._faults.armed
            else None
        )
        data = b"".join(texts)
        if border is None:
            self._chunk(self._carried + b"".join(self._collected) + data)
            self._carried, self._collected = b"", []
        elif border.style == "bytes":
            for byte in data:
                self._chunk(bytes((byte,)))
        elif border.style == "several":
            self._collected += texts
            if len(self._collected) >= _SEVERAL:
                self._chunk(b"".join(self._collected))
                self._collected = []
        else:
            # The rest waits for the next line, so that no chunk ends where a line does.
            middle = len(data) - len(texts[-1]) // 2
            self._chunk(self._carried + data[:middle])
            self._carried = data[middle:]

    def _let_go(self) -> None:
        """What a lifted fault had kept back."""
        if self._carried or self._collected:
            self._chunk(self._carried + b"".join(self._collected))
            self._carried, self._collected = b"", []

    def _chunk(self, data: bytes) -> None:
        self.wire.write(b"%x\r\n%b\r\n" % (len(data), data))
