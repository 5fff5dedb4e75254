"""Numbers and times of live messages, exactly as they were sent: scaled integers, nanoseconds since 1970."""

import re
from datetime import datetime
from decimal import Decimal
from functools import lru_cache

_LIMIT = 1 << 63
_FLOAT_PROVES = 10**15
_FACTORS = tuple(10.0**scale for scale in range(16))
_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)")

LONG_NUMBER = re.compile(rb":\s*-?[0-9.]{17}")
"""Finds members of JSON objects with more digits than a float keeps: such a message is read as `Decimal`."""


class InexactError(ValueError):
    """A number that the scale of its series cannot hold."""


def scaled(value: float | Decimal | str, scale: int) -> int:
    """A decimal number times 10 to the power of `scale`, exactly.

    A float counts as the decimal of at most 15 significant digits that it stands for; whoever decodes JSON
    into floats makes sure that no longer number was sent (`LONG_NUMBER`).

    Raises:
        InexactError: it has more decimals than the scale, is no finite number, or does not fit 64 bits.
    """
    if isinstance(value, float):
        try:
            factor = _FACTORS[scale]
            number = round(value * factor)
        except (IndexError, OverflowError, ValueError):
            number = _FLOAT_PROVES
        if -_FLOAT_PROVES < number < _FLOAT_PROVES and number / factor == value:
            return number
        # Python prints the shortest decimal that means this float, which is the one that was sent.
        value = repr(value)
    return _from_decimal(value if isinstance(value, Decimal) else _decimal(value), scale)


def scaled_all(values: list[float], scale: int) -> list[int]:
    """Like `scaled`, for several numbers of one scale at once: half the time for each.

    Raises:
        InexactError: like `scaled`.
    """
    factor = _FACTORS[scale]
    try:
        numbers = [round(value * factor) for value in values]
        exact = [number / factor for number in numbers] == values
    except (TypeError, OverflowError, ValueError):
        exact = False
    if exact and max(numbers) < _FLOAT_PROVES and min(numbers) > -_FLOAT_PROVES:
        return numbers
    return [scaled(value, scale) for value in values]


def _decimal(text: str) -> Decimal:
    try:
        return Decimal(text)
    except ArithmeticError:
        raise InexactError(f"{text[:40]!r} is not a number") from None


def _from_decimal(value: Decimal, scale: int) -> int:
    if not value.is_finite():
        raise InexactError(f"{value} is not a number")
    sign, digits, exponent = value.as_tuple()
    shift = int(exponent) + scale
    # Before the power is taken: 1e999999999 must not cost the memory of its digits.
    if shift > 19 or len(digits) + shift > 40:
        if not any(digits):
            return 0
        raise InexactError(f"{value} does not fit 64 bits at {scale} decimals")
    number = int("".join(map(str, digits)))
    if shift >= 0:
        number *= int(10**shift)
    else:
        number, rest = divmod(number, int(10 ** min(-shift, 40)))
        if rest:
            raise InexactError(f"{value} has more than {scale} decimals")
    if number >= _LIMIT:
        raise InexactError(f"{value} does not fit 64 bits at {scale} decimals")
    return -number if sign else number


def decimals(text: str) -> int:
    """How many digits a decimal text has behind its point: `62310.10000` has 5."""
    return len(text.partition(".")[2])


def time_ns(text: str) -> int:
    """RFC 3339 with up to nine fraction digits as nanoseconds since 1970.

    Raises:
        ValueError: it is not written so.
    """
    if len(text) == 27 and text[19] == "." and text[26] == "Z" and text[20:26].isdigit():
        # The usual form, in a third of the time.
        return _second_ns(text[:19], "Z") + int(text[20:26]) * 1000
    found = _TIME.fullmatch(text)
    if found is None:
        raise ValueError(f"{text[:40]!r} is not a time")
    second, fraction, zone = found.groups()
    return _second_ns(second, zone) + int((fraction or "0").ljust(9, "0"))


@lru_cache(maxsize=64)
def _second_ns(second: str, zone: str) -> int:
    if second[10] != "T":
        raise ValueError(f"{second!r} is not a time")
    moment = datetime.fromisoformat(second + ("+00:00" if zone == "Z" else zone))
    return int(moment.timestamp()) * 1_000_000_000
