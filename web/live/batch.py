"""Events that travel together, as columns in natural units. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from candlewick.instruments import Kind
from candlewick.live.events import Event, Quote, Trade
from candlewick.position import Position
from web.events import message
from web.positions import Resume

COLUMNS = {
    Kind.QUOTES: ("time_us", "bid", "ask", "bid_volume", "ask_volume"),
    Kind.TRADES: ("time_us", "trade_id", "price", "quantity", "side"),
}
_SIDES = {1: "buy", -1: "sell"}

Row = tuple[object, ...]


def row_of(event: Event) -> Row:
    """An event in natural units, in the order of `COLUMNS`."""
    price, volume = 10.0**event.price_scale, 10.0**event.volume_scale
    us = event.exchange_ns // 1000
    match event:
        case Quote():
            return (
                us,
                event.bid / price,
                event.ask / price,
                event.bid_volume / volume,
                event.ask_volume / volume,
            )
        case Trade():
            return us, event.trade_id, event.price / price, event.quantity / volume, _SIDES[event.side]
    raise ValueError(f"a {type(event).__name__} is no tick of a series")


@dataclass(slots=True)
class Batch:
    """Some events in the order of their topic, never empty; written for the wire once, for all who know none.

    Attributes:
        before: what lies in front of the first one is at or before this.
    """

    kind: Kind
    before: Position
    positions: Sequence[Position]
    rows: Sequence[Row]
    _whole: bytes = field(default=b"")
    _after: Resume | None = field(default=None)

    @property
    def last(self) -> Position:
        return self.positions[-1]

    @classmethod
    def joined(cls, batches: Sequence["Batch"]) -> "Batch":
        """Several that follow one another, at least one, as one."""
        positions = [at for one in batches for at in one.positions]
        return cls(
            batches[0].kind, batches[0].before, positions, [row for one in batches for row in one.rows]
        )

    def __len__(self) -> int:
        return len(self.rows)

    def message(self, known: Resume) -> tuple[bytes, Resume]:
        """What somebody does not know of it, as an event, empty for nothing; and what he knows then."""
        if known.begin <= self.before and not known.hours:
            if self._after is None:
                self._after = Resume(self.last)
                self._whole = self._encode(range(len(self)), self._after)
            return self._whole, self._after
        after = known.advanced(self.last)
        unknown = [
            place
            for place, (at, row) in enumerate(zip(self.positions, self.rows, strict=True))
            if not known.knows(at, row[0])  # type: ignore[arg-type]
        ]
        return self._encode(unknown, after) if unknown else b"", after

    def _encode(self, places: Sequence[int], after: Resume) -> bytes:
        rows = zip(*(self.rows[place] for place in places), strict=True)
        columns = dict(zip(COLUMNS[self.kind], rows, strict=True))
        positions = [str(self.positions[place]) for place in places]
        return message("tick", {"id": str(after), "position": positions, **columns}, str(after))
