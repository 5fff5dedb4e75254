"""The ticks of one hour as they come: cheap to add to, put in order when they are asked for."""

from array import array

import numpy as np

from candlewick.hours import Quotes, Ticks, Trades
from candlewick.instruments import Kind
from candlewick.live.events import Event, Origin, Quote, Trade

_WIDTH = 6
"""The five columns of an hour, and whether the tick was asked for later."""

BYTES_EACH = _WIDTH * 8


class Growing:
    """Ticks in the order of their arrival."""

    def __init__(self) -> None:
        self._rows = array("q")
        self.asked_later = False
        """Whether any of them was."""

    def __len__(self) -> int:
        return len(self._rows) // _WIDTH

    def trade(self, us: int, trade: Trade) -> None:
        later = trade.origin == Origin.REST
        self.asked_later |= later
        self._rows.extend((us, trade.trade_id, trade.price, trade.quantity, trade.side, later))

    def quote(self, us: int, quote: Quote) -> None:
        self._rows.extend((us, quote.bid, quote.ask, quote.bid_volume, quote.ask_volume, 0))

    def table(self) -> np.ndarray:
        """A copy of all rows: the columns of an hour, then 1 where the tick was asked for later."""
        # While a view of it lives an array cannot grow, so that only a copy may leave.
        return np.array(self._rows, dtype=np.int64).reshape(-1, _WIDTH)


def add(growing: Growing, us: int, event: Event) -> None:
    if isinstance(event, Trade):
        growing.trade(us, event)
    elif isinstance(event, Quote):
        growing.quote(us, event)


def empty(kind: Kind) -> Ticks:
    return Quotes() if kind is Kind.QUOTES else Trades()


def quotes(table: np.ndarray) -> Quotes:
    """Quotes in the order of time, then arrival."""
    if (np.diff(table[:, 0]) < 0).any():
        table = table[np.argsort(table[:, 0], kind="stable")]
    return Quotes(*(np.ascontiguousarray(table[:, column]) for column in range(5)))


def trades(table: np.ndarray) -> tuple[Trades, np.ndarray]:
    """Trades by id, each once: as it happened rather than as asked for later, the first to come rather than
    a later one. Also which of them were asked for later."""
    if not (np.diff(table[:, 1]) > 0).all():
        table = table[np.lexsort((table[:, 5], table[:, 1]))]
        first = np.ones(len(table), dtype=bool)
        first[1:] = np.diff(table[:, 1]) > 0
        table = table[first]
    made = Trades(*(np.ascontiguousarray(table[:, column]) for column in range(5)))
    return made, table[:, 5].astype(bool)
