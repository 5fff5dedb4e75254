"""The venue's market as time passes: hands on what has happened since the last look."""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from simulators.common.clock import Clock
from simulators.common.faults import FaultName, LiveFaults
from simulators.oanda.instruments import Instrument
from simulators.oanda.tape import Price, Prices, Tape

_KEPT = 200_000
_NEVER = 1 << 62


class Times:
    """A bounded set of moments; the oldest are forgotten first."""

    def __init__(self) -> None:
        self._times: OrderedDict[int, None] = OrderedDict()

    def add(self, time_ns: int) -> None:
        self._times[time_ns] = None
        if len(self._times) > _KEPT:
            self._times.popitem(last=False)

    def all(self) -> set[int]:
        return set(self._times)


@dataclass(slots=True)
class _Position:
    """How far an instrument has been looked at."""

    until_us: int
    due_us: int


class Market:
    """All instruments; only those that are followed cost anything.

    Args:
        told: gets an instrument's new prices, ascending.
    """

    def __init__(
        self,
        tapes: Mapping[str, Tape],
        clock: Clock,
        faults: LiveFaults,
        told: Callable[[Instrument, list[Price]], None],
    ) -> None:
        self.tapes = tapes
        self.clock = clock
        self.faults = faults
        self.lost: dict[str, Times] = {name: Times() for name in tapes}
        self.withheld: dict[str, Times] = {name: Times() for name in tapes}
        self._told = told
        self._positions: dict[str, _Position] = {}
        self._clock_changes = clock.changes

    def follow(self, names: set[str]) -> None:
        """From now on, what happens in these instruments is handed on, and in no others."""
        now_us = self.clock.now_us()
        for name in set(self._positions) - names:
            del self._positions[name]
        for name in names - set(self._positions):
            self._positions[name] = _Position(now_us, now_us)

    def revise(self) -> None:
        """Looks again when the next thing happens, after a change of rate."""
        for position in self._positions.values():
            position.due_us = position.until_us

    def prices(self, name: str, after_us: int, until_us: int) -> Prices:
        """The prices within (after, until], up to now, without those that are lost."""
        self.advance(name)
        found = self.tapes[name].prices(after_us, min(until_us, self.clock.now_us()))
        return found.without(self.lost[name].all())

    def told_last(self, name: str) -> Price | None:
        """The last price that those who follow an instrument were told of: what a snapshot begins with."""
        return self.tapes[name].last(self._positions[name].until_us)

    def last(self, name: str) -> Price | None:
        self.advance(name)
        return self.tapes[name].last(self.clock.now_us())

    def tell(self) -> int:
        """Hands on what has happened in all followed instruments; when the next thing happens."""
        now_us = self.clock.now_us()
        if self.clock.changes != self._clock_changes:
            # What a set clock passed over is not told.
            self._clock_changes = self.clock.changes
            for position in self._positions.values():
                position.until_us = position.due_us = now_us
        for name, position in list(self._positions.items()):
            if position.due_us <= now_us:
                self.advance(name)
        return min((position.due_us for position in self._positions.values()), default=_NEVER)

    def advance(self, name: str) -> None:
        """Hands on what has happened in one instrument, if it is followed."""
        position = self._positions.get(name)
        now_us = self.clock.now_us()
        if position is None or self.clock.changes != self._clock_changes or now_us <= position.until_us:
            return
        after_us, position.until_us = position.until_us, now_us
        tape = self.tapes[name]
        position.due_us = tape.next_us(now_us)
        rows = tape.prices(after_us, now_us).rows()
        if rows and self.faults.armed:
            rows = self._spared(name, rows)
        if rows:
            self._told(tape.instrument, rows)

    def _spared(self, name: str, rows: list[Price]) -> list[Price]:
        """Prices that are told of; others are withheld from the streams, or are nowhere from now on."""
        spared = []
        for row in rows:
            if self.faults.strikes(FaultName.LOSE, name):
                self.lost[name].add(row.time_ns)
            elif self.faults.strikes(FaultName.SKIP, name):
                self.withheld[name].add(row.time_ns)
            else:
                spared.append(row)
        return spared
