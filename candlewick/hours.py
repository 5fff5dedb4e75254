"""The hour of one series: the unit of fetching, publishing, landing, coverage and candles.

Columns are numpy int64 arrays. `us` counts microseconds since the hour began; prices and volumes
are integers in the hour's scales (a scale of 5 means 108412 is 1.08412).
"""

import hashlib
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from candlewick.instruments import Kind
from candlewick.times import HOUR_US, iso

Column = npt.NDArray[np.int64]


class HourState(StrEnum):
    """What is known of an hour. `DATA` and `CLOSED` are final; see `docs/hours.md`."""

    DATA = "data"
    CLOSED = "closed"
    PENDING = "pending"
    FAILED = "failed"


FINAL_STATES = frozenset({HourState.DATA, HourState.CLOSED})


@dataclass(frozen=True, slots=True)
class Gap:
    """A hole that is known: [from_us, to_us), microseconds since 1970, inside its hour."""

    from_us: int
    to_us: int


def _empty() -> Column:
    return np.empty(0, dtype=np.int64)


@dataclass(frozen=True, slots=True, eq=False)
class Quotes:
    """Quotes of one hour in the venue's order; five int64 columns of one length."""

    us: Column = field(default_factory=_empty)
    bid: Column = field(default_factory=_empty)
    ask: Column = field(default_factory=_empty)
    bid_volume: Column = field(default_factory=_empty)
    ask_volume: Column = field(default_factory=_empty)

    kind: ClassVar[Kind] = Kind.QUOTES
    names: ClassVar[tuple[str, ...]] = ("us", "bid", "ask", "bid_volume", "ask_volume")

    def columns(self) -> tuple[Column, ...]:
        return (self.us, self.bid, self.ask, self.bid_volume, self.ask_volume)

    def __len__(self) -> int:
        return len(self.us)


@dataclass(frozen=True, slots=True, eq=False)
class Trades:
    """Trades of one hour in the venue's order; `side` is the taker's, 1 buy and -1 sell."""

    us: Column = field(default_factory=_empty)
    trade_id: Column = field(default_factory=_empty)
    price: Column = field(default_factory=_empty)
    quantity: Column = field(default_factory=_empty)
    side: Column = field(default_factory=_empty)

    kind: ClassVar[Kind] = Kind.TRADES
    names: ClassVar[tuple[str, ...]] = ("us", "trade_id", "price", "quantity", "side")

    def columns(self) -> tuple[Column, ...]:
        return (self.us, self.trade_id, self.price, self.quantity, self.side)

    def __len__(self) -> int:
        return len(self.us)


Ticks = Quotes | Trades


def content_hash(price_scale: int, volume_scale: int, ticks: Ticks) -> bytes:
    """SHA-256 over both scales and the columns, each number a big-endian 64-bit integer.

    The same ticks give the same 32 bytes whatever the transport and the source.
    """
    digest = hashlib.sha256(np.array([price_scale, volume_scale], dtype=">i8").tobytes())
    for column in ticks.columns():
        digest.update(column.astype(">i8").tobytes())
    return digest.digest()


@dataclass(frozen=True, slots=True, eq=False)
class Hour:
    """One hour of one series, as published and as stored.

    Attributes:
        series: the series' name, `dukascopy:eurusd:quotes`.
        hour_us: start of the hour, microseconds since 1970, UTC.
        revision: microseconds since 1970 when the content left the venue; grows with each change.
        source: where the content came from (the transport, or a recorder's live position).
        gaps: known holes that stay.
    """

    series: str
    hour_us: int
    revision: int
    state: HourState
    source: str
    price_scale: int
    volume_scale: int
    ticks: Ticks
    gaps: tuple[Gap, ...] = ()

    def __post_init__(self) -> None:
        if self.hour_us % HOUR_US:
            raise ValueError(f"{iso(self.hour_us, micros=True)} is not the start of an hour")
        if len({len(column) for column in self.ticks.columns()}) > 1:
            raise ValueError(f"{self.series} {iso(self.hour_us)}: columns differ in length")

    @property
    def hash(self) -> bytes:
        return content_hash(self.price_scale, self.volume_scale, self.ticks)
