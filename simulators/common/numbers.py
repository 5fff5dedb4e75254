"""Scaled integers and moments as the venue prints them."""

from functools import lru_cache

from candlewick.times import SECOND_US, iso


def decimal(value: int, decimals: int) -> str:
    """`(623101, 1)` as `62310.1`: always all decimals, whatever they are."""
    if decimals == 0:
        return str(value)
    sign = "-" if value < 0 else ""
    whole, part = divmod(abs(value), 10**decimals)
    return f"{sign}{whole}.{part:0{decimals}d}"


@lru_cache(maxsize=64)
def _second(second: int) -> str:
    return iso(second * SECOND_US)[:-1]


def micros(us: int) -> str:
    """RFC 3339 with six fraction digits."""
    second, part = divmod(us, SECOND_US)
    return f"{_second(second)}.{part:06d}Z"
