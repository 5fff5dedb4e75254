"""Lines of the pricing stream as the venue writes them."""

import re
from collections.abc import Callable
from functools import lru_cache

from candlewick.times import SECOND_US, iso
from simulators.common.numbers import decimal
from simulators.oanda.instruments import Instrument
from simulators.oanda.tape import Price

RUMOUR = b'{"type":"ANNOUNCEMENT","notice":"scheduled","affects":["pricing"]}\n'
"""Of a type that nobody knows."""

# Liquidity of the offers behind each other, each one point worse than the one before.
_TWO = ((0, 10_000_000), (2, 10_000_000))
_FOUR = ((0, 1_000_000), (1, 2_000_000), (2, 5_000_000), (4, 10_000_000))
_DEEP = frozenset({"EUR_USD", "GBP_USD", "AUD_USD"})
_CLOSE_OUT = 4

Format = Callable[[int], str]
"""A moment, nanoseconds since 1970, as text."""


def rfc3339(time_ns: int) -> str:
    second, nanos = divmod(time_ns, 1000 * SECOND_US)
    return f"{_second(second)}.{nanos:09d}Z"


def unix(time_ns: int) -> str:
    second, nanos = divmod(time_ns, 1000 * SECOND_US)
    return f"{second}.{nanos:09d}"


@lru_cache(maxsize=256)
def _second(second: int) -> str:
    return iso(second * SECOND_US)[:-1]


@lru_cache(maxsize=8192)
def price_line(
    instrument: Instrument, price: Price, form: Format, *, tradeable: bool = True, empty: str = ""
) -> bytes:
    """A PRICE line; several connections want the same one.

    Args:
        empty: `bids` or `asks` to leave that side without offers.
    """
    return f"{price_object(instrument, price, form, tradeable=tradeable, empty=empty)}\n".encode()


def price_object(
    instrument: Instrument, price: Price, form: Format, *, tradeable: bool = True, empty: str = ""
) -> str:
    """The JSON of a price."""
    steps = _TWO if instrument.name in _DEEP else _FOUR
    bids, close_bid = _side(price.bid, -1, instrument.decimals, steps)
    asks, close_ask = _side(price.ask, 1, instrument.decimals, steps)
    status = "tradeable" if tradeable else "non-tradeable"
    return (
        f'{{"type":"PRICE","time":"{form(price.time_ns)}","bids":[{"" if empty == "bids" else bids}],'
        f'"asks":[{"" if empty == "asks" else asks}],'
        f'"closeoutBid":"{close_bid}","closeoutAsk":"{close_ask}",'
        f'"status":"{status}","tradeable":{"true" if tradeable else "false"},'
        f'"instrument":"{instrument.name}"}}'
    )


@lru_cache(maxsize=16_384)
def _side(best: int, direction: int, decimals: int, steps: tuple[tuple[int, int], ...]) -> tuple[str, str]:
    """One side's offers and its closeout price; markets come back to the same prices again and again."""
    offers = ",".join(
        f'{{"price":"{decimal(best + direction * step, decimals)}","liquidity":{size}}}'
        for step, size in steps
    )
    return offers, decimal(best + direction * _CLOSE_OUT, decimals)


def heartbeat(time_ns: int, form: Format) -> bytes:
    return f'{{"type":"HEARTBEAT","time":"{form(time_ns)}"}}\n'.encode()


def wrongly_typed(line: bytes) -> bytes:
    """The line with prices as nothing and the time as a number: JSON still, but not what it should be."""
    return re.sub(rb'"time":"[^"]*"', b'"time":17', re.sub(rb'"price":"[^"]*"', b'"price":null', line))
