"""Live events: quotes, trades, tickers; one message each on the topic of their series and channel.

They travel as JSON, which msgspec writes and reads an order of magnitude faster than Avro is written from
Python (docs/decisions/0006). The schema registered with the broker is their Avro definition.

Times are nanoseconds since 1970, UTC: when the venue says it happened, when it was received, when it was
given to Pulsar. Prices and volumes are integers in the scales that each event states.
"""

from enum import StrEnum
from typing import Any

import msgspec

Definition = dict[str, Any]


class Channel(StrEnum):
    """The live topics of an instrument; `QUOTES` and `TRADES` become hours."""

    QUOTES = "quotes"
    TRADES = "trades"
    TICKER = "ticker"


class Origin(StrEnum):
    """How an event came: as it happened, in the state that opens a subscription, or asked for later."""

    STREAM = "stream"
    SNAPSHOT = "snapshot"
    REST = "rest"


class Quote(msgspec.Struct, gc=False):
    """The best bid and ask of one moment."""

    exchange_ns: int
    receive_ns: int
    bid: int
    ask: int
    bid_volume: int
    ask_volume: int
    price_scale: int
    volume_scale: int
    origin: str = Origin.STREAM
    publish_ns: int = 0


class Trade(msgspec.Struct, gc=False):
    """One trade; `side` is the taker's, 1 buy and -1 sell; ids of a series are consecutive."""

    exchange_ns: int
    receive_ns: int
    trade_id: int
    price: int
    quantity: int
    side: int
    price_scale: int
    volume_scale: int
    origin: str = Origin.STREAM
    publish_ns: int = 0


class Ticker(msgspec.Struct, gc=False):
    """Quote, last price and what happened in the last 24 hours; null where the venue does not say."""

    exchange_ns: int
    receive_ns: int
    bid: int
    ask: int
    bid_volume: int
    ask_volume: int
    last: int | None
    volume: int | None
    vwap: int | None
    low: int | None
    high: int | None
    change: int | None
    price_scale: int
    volume_scale: int
    publish_ns: int = 0


Event = Quote | Trade | Ticker

_TYPES: dict[Channel, type[Quote] | type[Trade] | type[Ticker]] = {
    Channel.QUOTES: Quote,
    Channel.TRADES: Trade,
    Channel.TICKER: Ticker,
}
_NAMES = {Channel.QUOTES: "Quote", Channel.TRADES: "Trade", Channel.TICKER: "Ticker"}


def _definition(channel: Channel) -> Definition:
    fields: list[Definition] = []
    for field in msgspec.structs.fields(_TYPES[channel]):
        of: Any = "long"
        if field.name in {"price_scale", "volume_scale", "side"}:
            of = "int"
        elif field.name == "origin":
            of = "string"
        elif field.type == int | None:
            of = ["null", "long"]
        fields.append({"name": field.name, "type": of})
    return {
        "type": "record",
        "name": _NAMES[channel],
        "namespace": "candlewick",
        "doc": "Times in nanoseconds since 1970, UTC; prices and volumes as integers in the stated scales.",
        "fields": fields,
    }


DEFINITIONS: dict[Channel, Definition] = {channel: _definition(channel) for channel in Channel}
"""The schema of each channel's events, as registered with the broker (JSON)."""

_encoder = msgspec.json.Encoder()
_decoders: dict[Channel, Any] = {
    channel: msgspec.json.Decoder(of, strict=True) for channel, of in _TYPES.items()
}

encode = _encoder.encode
"""An event or record as its message."""


def decode(channel: Channel, data: bytes) -> Event:
    """The event that a message holds.

    Raises:
        ValueError: the bytes are no event of this channel.
    """
    try:
        event: Event = _decoders[channel].decode(data)
    except msgspec.MsgspecError as error:
        raise ValueError(f"no {channel.value} event: {error}") from error
    return event
