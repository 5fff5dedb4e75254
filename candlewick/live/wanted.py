"""What a venue's worker is to stream, as its message: all of it, so that the last message alone counts.

The database's table of series decides; the message carries it to workers, which so go on, and start,
while the database is away.
"""

from collections.abc import Iterable
from typing import Any

import msgspec

from candlewick.instruments import Series

LIVE_VENUES = frozenset({"kraken", "oanda"})
"""Venues that are streamed; the series of others have a history only."""


def is_live(series: Series) -> bool:
    return series.venue in LIVE_VENUES


class WantedSeries(msgspec.Struct, frozen=True):
    """A series as `instruments.Series` has it."""

    venue: str
    symbol: str
    kind: str
    asset_class: str
    price_scale: int
    volume_scale: int
    calendar: str


class Wanted(msgspec.Struct, frozen=True):
    """All series of all live venues; `at_us`: when the table was read, microseconds since 1970."""

    at_us: int
    series: tuple[WantedSeries, ...] = ()


def of(series: Iterable[Series], at_us: int) -> Wanted:
    """The list of those of these series that are streamed."""
    return Wanted(
        at_us,
        tuple(
            WantedSeries(
                venue=one.venue,
                symbol=one.symbol,
                kind=one.kind.value,
                asset_class=one.asset_class.value,
                price_scale=one.price_scale,
                volume_scale=one.volume_scale,
                calendar=one.calendar,
            )
            for one in sorted(series, key=lambda one: one.name)
            if is_live(one)
        ),
    )


_SERIES_DEFINITION: dict[str, Any] = {
    "type": "record",
    "name": "WantedSeries",
    "fields": [
        *({"name": name, "type": "string"} for name in ("venue", "symbol", "kind", "asset_class")),
        *({"name": name, "type": "int"} for name in ("price_scale", "volume_scale")),
        {"name": "calendar", "type": "string"},
    ],
}

DEFINITION: dict[str, Any] = {
    "type": "record",
    "name": "Wanted",
    "namespace": "candlewick",
    "doc": "The series that live workers are to stream.",
    "fields": [
        {"name": "at_us", "type": "long"},
        {"name": "series", "type": {"type": "array", "items": _SERIES_DEFINITION}},
    ],
}
"""The schema of the message, as registered with the broker (JSON)."""

_decoder = msgspec.json.Decoder(Wanted)
encode = msgspec.json.Encoder().encode


def decode(data: bytes) -> Wanted:
    """The list that a message holds.

    Raises:
        ValueError: the bytes are no such list.
    """
    try:
        return _decoder.decode(data)
    except msgspec.MsgspecError as error:
        raise ValueError(f"no list of wanted series: {error}") from error
