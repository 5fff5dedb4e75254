"""The venue's market as time passes: hands on what has happened since the last look."""

from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from simulators.common.clock import Clock
from simulators.common.faults import FaultName, LiveFaults
from simulators.kraken import messages
from simulators.kraken.messages import Frame
from simulators.kraken.pairs import Pair
from simulators.kraken.tape import Tape, Trade

_SNAPSHOT = 50
_KEPT_IDS = 200_000
_MERGED = 8  # one order in so many shares a message with the one before
BBO, TRADES = "bbo", "trades"


class Ids:
    """A bounded set of ids; the oldest are forgotten first."""

    def __init__(self) -> None:
        self._ids: OrderedDict[int, None] = OrderedDict()

    def add(self, number: int) -> None:
        self._ids[number] = None
        if len(self._ids) > _KEPT_IDS:
            self._ids.popitem(last=False)

    def __contains__(self, number: object) -> bool:
        return number in self._ids

    def __bool__(self) -> bool:
        return bool(self._ids)

    def runs(self, first: int, last: int) -> list[tuple[int, int]]:
        """As runs of ids that follow each other, both ends included."""
        return runs([number for number in sorted(self._ids) if first <= number <= last])


def runs(numbers: Sequence[int]) -> list[tuple[int, int]]:
    """Ascending numbers as runs, both ends included."""
    found: list[tuple[int, int]] = []
    for number in numbers:
        if found and found[-1][1] == number - 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found


@dataclass(slots=True)
class _Position:
    """How far a pair has been looked at."""

    next_id: int
    until_us: int
    due_us: int
    last: int


@dataclass(frozen=True, slots=True)
class News:
    """What has happened in one pair, as messages by channel and trigger, made for those who want them."""

    pair: Pair
    trades: list[Trade]
    by_channel: Mapping[tuple[str, str], list[Frame]]


class Market:
    """All pairs; only those that are followed cost anything.

    Args:
        wanted: which (channel, trigger) of a symbol anyone is subscribed to.
        told: gets the news of a pair.
    """

    def __init__(
        self,
        tapes: Mapping[str, Tape],
        clock: Clock,
        faults: LiveFaults,
        wanted: Callable[[str], set[tuple[str, str]]],
        told: Callable[[News], None],
    ) -> None:
        self.tapes = tapes
        self.lost: dict[str, Ids] = {symbol: Ids() for symbol in tapes}
        self.withheld: dict[str, Ids] = {symbol: Ids() for symbol in tapes}
        self.clock = clock
        self.faults = faults
        self._wanted = wanted
        self._told = told
        self._positions: dict[str, _Position] = {}
        self._clock_changes = clock.changes

    def follow(self, symbol: str) -> None:
        """From now on, what happens in this pair is handed on."""
        position = self._positions.setdefault(symbol, self._at(symbol, self.clock.now_us()))
        # Whoever is new may want what comes sooner.
        position.due_us = position.until_us

    def leave(self, symbol: str) -> None:
        self._positions.pop(symbol, None)

    def _at(self, symbol: str, now_us: int) -> _Position:
        tape = self.tapes[symbol]
        number = tape.next_id(now_us + 1)
        before = tape.trades(number - 1, number - 1)
        last = before[0].price if before else tape.best(now_us).bid
        return _Position(number, now_us, now_us, last)

    def next_id(self, symbol: str) -> int:
        """The id that the next trade will have: all before it are there by now."""
        self.advance(symbol)
        position = self._positions.get(symbol)
        return self.tapes[symbol].next_id(self.clock.now_us() + 1) if position is None else position.next_id

    def history(self, symbol: str, first: int, last: int) -> list[Trade]:
        """Trades by id, up to now, without those that are lost."""
        found = self.tapes[symbol].trades(first, min(last, self.next_id(symbol) - 1))
        lost = self.lost[symbol]
        return [trade for trade in found if trade.trade_id not in lost] if lost else found

    def snapshot(self, symbol: str) -> Frame:
        """The last 50 trades that were told of."""
        # Without a look at what has happened since: that would be told before the snapshot, and again in it.
        end = self._positions[symbol].next_id
        hidden = (self.withheld[symbol], self.lost[symbol])
        found = [
            trade
            for trade in self.tapes[symbol].trades(end - 2 * _SNAPSHOT, end - 1)
            if not any(trade.trade_id in ids for ids in hidden)
        ]
        return messages.trades(self.tapes[symbol].pair, "snapshot", found[-_SNAPSHOT:])

    def ticker(self, symbol: str, kind: str = "snapshot") -> Frame:
        tape, now_us = self.tapes[symbol], self.clock.now_us()
        best = tape.best(now_us)
        position = self._positions.get(symbol) or self._at(symbol, now_us)
        return messages.ticker(tape.pair, kind, best, last=position.last, day=tape.day(now_us), at_us=now_us)

    def revise(self) -> None:
        """Looks again when the next thing happens, after a change of rate."""
        for position in self._positions.values():
            position.due_us = position.until_us

    def _restart(self) -> None:
        """Takes up at the present moment: what a set clock passed over is not told."""
        self._clock_changes = self.clock.changes
        for symbol in self._positions:
            self._positions[symbol] = self._at(symbol, self.clock.now_us())

    def tell(self) -> int:
        """Hands on what has happened in all pairs that are followed, and says when the next thing happens."""
        if self.clock.changes != self._clock_changes:
            self._restart()
        now_us = self.clock.now_us()
        for symbol, position in list(self._positions.items()):
            if position.due_us <= now_us:
                self.advance(symbol)
        return min((position.due_us for position in self._positions.values()), default=1 << 62)

    def advance(self, symbol: str) -> None:
        """Hands on what has happened in one pair, if it is followed."""
        position = self._positions.get(symbol)
        if position is None or self.clock.changes != self._clock_changes:
            return
        tape, now_us = self.tapes[symbol], self.clock.now_us()
        if now_us <= position.until_us:
            return
        after_us, first = position.until_us, position.next_id
        # Set before anyone is told: whoever is told may ask for more.
        position.until_us, position.next_id = now_us, tape.next_id(now_us + 1)
        wanted = self._wanted(symbol)
        moves_too = (messages.TICKER, BBO) in wanted
        rows = tape.trades(first, position.next_id - 1) if position.next_id > first else []
        position.due_us = min(
            tape.time_us(position.next_id), tape.next_move_us(now_us) if moves_too else 1 << 62
        )
        if rows and self.faults.armed:
            rows = self._spared(tape.pair.symbol, rows)
        by_channel: dict[tuple[str, str], list[Frame]] = {}
        if rows and any(channel == messages.TRADE for channel, _ in wanted):
            by_channel[messages.TRADE, ""] = [
                messages.trades(tape.pair, "update", together) for together in _orders(rows)
            ]
        day = tape.day(now_us) if any(channel == messages.TICKER for channel, _ in wanted) else None
        if day is not None and moves_too:
            by_channel[messages.TICKER, BBO] = [
                messages.ticker(
                    tape.pair,
                    "update",
                    best,
                    last=_last_at(rows, best.time_ns, position.last),
                    day=day,
                    at_us=best.time_ns // 1000,
                )
                for best in tape.moves(after_us, now_us)
            ]
        if day is not None and rows and (messages.TICKER, TRADES) in wanted:
            by_channel[messages.TICKER, TRADES] = [
                messages.ticker(
                    tape.pair,
                    "update",
                    tape.best(row.time_ns // 1000),
                    last=row.price,
                    day=day,
                    at_us=row.time_ns // 1000,
                )
                for row in (together[-1] for together in _orders(rows))
            ]
        if rows:
            position.last = rows[-1].price
        if any(by_channel.values()):
            self._told(News(tape.pair, rows, by_channel))

    def _spared(self, symbol: str, rows: list[Trade]) -> list[Trade]:
        """Trades that are told of; others are withheld from the stream, or are nowhere from now on."""
        spared = []
        for row in rows:
            if self.faults.strikes(FaultName.LOSE, symbol):
                self.lost[symbol].add(row.trade_id)
            elif self.faults.strikes(FaultName.SKIP, symbol):
                self.withheld[symbol].add(row.trade_id)
            else:
                spared.append(row)
        return spared


def _orders(rows: list[Trade]) -> list[list[Trade]]:
    """Trades by message: those of one moment together, now and then with the moment before."""
    found: list[list[Trade]] = []
    for row in rows:
        if found and (found[-1][-1].time_ns == row.time_ns or row.trade_id % _MERGED == 0):
            found[-1].append(row)
        else:
            found.append([row])
    return found


def _last_at(rows: list[Trade], time_ns: int, before: int) -> int:
    """The price of the last trade at a moment."""
    last = before
    for row in rows:
        if row.time_ns > time_ns:
            break
        last = row.price
    return last
