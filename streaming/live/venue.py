"""What a venue's adapter gives, and what it is asked for. It knows messages; it never waits or retries."""

from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import msgspec

from candlewick.instruments import Series
from candlewick.live.events import Channel, Event, Quote, Trade


class Feed(NamedTuple):
    """A subscription as the venue counts them: its channel's name there, and the series' symbol."""

    name: str
    symbol: str


class Events(msgspec.Struct, gc=False):
    """Events of one channel in the venue's order; `snapshot`: the state that opens a subscription."""

    channel: Channel
    symbol: str
    events: Sequence[Event]
    snapshot: bool = False


@dataclass(frozen=True, slots=True)
class Heard:
    """A sign of life: a heartbeat, or the answer to a ping, which says less (`is_answer`).

    `venue_ns` is the venue's clock where the message has it: what it sent on this connection before it
    happened before.
    """

    venue_ns: int | None
    is_answer: bool = False


@dataclass(frozen=True, slots=True)
class Acknowledged:
    feed: Feed
    venue_ns: int


@dataclass(frozen=True, slots=True)
class Refused:
    feed: Feed
    reason: str


@dataclass(frozen=True, slots=True)
class Status:
    """What the venue says of itself; while it is not trading, no event is missed."""

    text: str
    trading: bool


@dataclass(frozen=True, slots=True)
class Resting:
    """A symbol's market is closed: its last price is no quote; `venue_ns` is that price's time."""

    symbol: str
    venue_ns: int


@dataclass(frozen=True, slots=True)
class Unknown:
    """A message that is none of the documented ones: counted, shown, and otherwise without effect."""

    text: str


@dataclass(frozen=True, slots=True)
class Inexact:
    """A number that the series' scale cannot hold: not published, and never rounded.

    `exchange_ns` is the event's time, `trade_id` of a trade only.
    """

    channel: Channel
    symbol: str
    exchange_ns: int
    reason: str
    trade_id: int | None = None


Item = Events | Heard | Acknowledged | Refused | Status | Resting | Unknown | Inexact


class BadFrameError(ValueError):
    """A frame that cannot be read: what it held is lost, so the connection is not trusted any more."""


class ConnectError(Exception):
    """The venue did not accept a connection.

    Attributes:
        cause: a short word for the metric of reconnects.
        retry_after_s: what the venue asked for, or 0.
    """

    def __init__(self, cause: str, reason: str, retry_after_s: float = 0.0) -> None:
        super().__init__(reason)
        self.cause = cause
        self.retry_after_s = retry_after_s


class ClosedError(Exception):
    """The connection ended; `cause` is a short word for the metric of reconnects."""

    def __init__(self, cause: str, reason: str) -> None:
        super().__init__(reason)
        self.cause = cause


class RestError(Exception):
    """The venue's REST side refuses or does not answer; `retry_after_s` is what it asked for, or 0."""

    def __init__(self, reason: str, retry_after_s: float = 0.0) -> None:
        super().__init__(reason)
        self.retry_after_s = retry_after_s


class Connection(Protocol):
    """One connection to the venue's stream."""

    opening: "Sequence[Item]"
    """What its opening alone says, answers for symbols in its address among it; true once the first frame
    has come."""

    async def receive(self) -> bytes:
        """The next frame; not called, the peer is held back.

        Raises:
            ClosedError: the connection has ended.
        """

    async def send(self, frame: bytes) -> None:
        """Raises ClosedError."""

    async def close(self) -> None:
        """Ends it; never raises, and never waits for more than a moment."""


class Venue(Protocol):
    """An adapter. Symbols are those of series (`btcusd`)."""

    name: str
    unconfigured: str
    """What is not set that the venue needs; empty where it can be streamed."""
    snapshot_is_old: bool
    """Whether the price that opens a subscription has the time at which it was made, not that of now."""
    resubscribes_one: bool
    """Whether one symbol can be subscribed to again without a new connection."""
    silent_s: float
    """Seconds without any frame after which a connection is dead."""
    connect_interval_s: float
    connect_burst: int
    """The venue's budget of connection attempts: `connect_burst` at once, then one each interval."""
    ping_s: float | None
    """How often to ask for the venue's clock; None where heartbeats have it."""
    settles_s: float
    """What the venue stamps with a time it may send this much later than its clock."""

    def use(self, series: Collection[Series]) -> None:
        """The series that are wanted now: their symbols and scales."""

    def feeds(self, series: Series) -> tuple[Feed, ...]:
        """What a series needs to be subscribed to."""

    async def connect(self, symbols: Sequence[str]) -> Connection:
        """Opens the stream; `symbols` only where they are part of the address.

        Raises:
            ConnectError: the venue does not answer, or refuses.
        """

    def subscribe(self, feeds: Sequence[Feed]) -> list[bytes] | None:
        """What to send to subscribe; None where that takes a new connection, beside the present one."""

    def unsubscribe(self, feeds: Sequence[Feed]) -> list[bytes]:
        """What to send to unsubscribe; nothing where the next connection leaves them out."""

    def ping(self) -> bytes:
        """What to send to be told the venue's clock."""

    def read(self, frame: bytes, receive_ns: int) -> list[Item]:
        """What a frame says, every entry of it.

        Raises:
            BadFrameError: it cannot be read.
        """

    async def newest_trade(self, symbol: str) -> Trade | None:
        """The last trade that the venue has, by REST. Raises RestError, as for a quote."""

    async def newest_quote(self, symbol: str) -> Quote | None:
        """The best bid and ask of now, by REST; None while its market rests.

        Raises:
            RestError: it does not answer, the symbol is not wanted any more, or the series cannot hold them.
        """

    async def moved(self, symbol: str, from_ns: int, to_ns: int) -> str:
        """What the venue can tell, by REST, of a time whose quotes it cannot give; empty for nothing.

        Raises RestError.
        """

    def trades(self, symbol: str, since_ns: int) -> AsyncIterator[list[Trade]]:
        """Pages of trades from `since_ns` up to now, in order, by REST. Raises RestError."""
