"""Where the live topic goes on behind what is stored, as a text that a browser hands back. Pure.

A plain position, `12:34`, says: all that lies at or before it is known. While hours are stored up to
different positions, those of hours that hold more follow: `12:34;1798761600000000=12:90`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Self

from candlewick.errors import CandlewickError
from candlewick.position import Position, live_position
from candlewick.times import floor_hour


class EdgeHour(NamedTuple):
    """One of the newest stored hours of a live series.

    Attributes:
        intraday, daily: whether the candles of the level are made of what the hour holds now.
    """

    hour_us: int
    state: str
    source: str
    intraday: bool
    daily: bool


@dataclass(frozen=True, slots=True)
class Resume:
    """What is known of a live topic; `hours` those that are known beyond `begin`, each up to its position."""

    begin: Position
    hours: Mapping[int, Position] = field(default_factory=dict)

    def knows(self, at: Position, exchange_us: int) -> bool:
        """Whether an event is known already."""
        return at <= self.begin or at <= self.hours.get(floor_hour(exchange_us), self.begin)

    def advanced(self, to: Position) -> "Resume":
        """The same once all up to a position is known."""
        return Resume(
            max(self.begin, to),
            {hour_us: at for hour_us, at in self.hours.items() if at > max(to, self.begin)},
        )

    def __str__(self) -> str:
        return ";".join([str(self.begin), *(f"{hour_us}={at}" for hour_us, at in sorted(self.hours.items()))])

    @classmethod
    def parse(cls, text: str) -> Self | None:
        """What was written so; None for the empty text.

        Raises:
            CandlewickError: it is not written so.
        """
        begin, *hours = text.split(";")
        try:
            pairs = [one.split("=") for one in hours]
            known = {int(hour_us): _position(at) for hour_us, at in pairs}
            return cls(_position(begin), known) if text else None
        except ValueError:
            raise CandlewickError(
                "this position is none of a live topic", "take the one that bars give, or none"
            ) from None


def _position(text: str) -> Position:
    found = Position.parse(text)
    if found is None or max(found.ledger, found.entry) >= 2**62:
        raise ValueError(text)
    return found


def resume(hours: Iterable[EdgeHour]) -> Resume | None:
    """Where to go on behind the newest stored hours; None where no recorder made any.

    A final hour holds all of its events; one that is pending may lack what lies behind its position, though
    a later hour was stored up to a later one.
    """
    made = [(one, at) for one in hours if (at := live_position(one.source)) is not None]
    if not made:
        return None
    newest = max(made, key=lambda pair: pair[0].hour_us)
    begin = min([newest[1], *(at for one, at in made if one.state == "pending")])
    return Resume(begin, {one.hour_us: at for one, at in made if at > begin})
