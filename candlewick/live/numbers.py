"""Numbers and times of live messages, exactly as they were sent: scaled integers, nanoseconds since 1970."""

import re
from datetime import UTC, datetime
from decimal import Decimal

_LIMIT = 1 << 63
_FLOAT_PROVES = 10**15
_PROVEN = 1e15 - 1
_FACTORS = tuple(10.0**scale for scale in range(16))
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)")

_DIGITS = bytes.maketrans(b"123456789.", b"0" * 10)
_MORE_THAN_A_FLOAT_KEEPS = b"0" * 17


class InexactError(ValueError):
    """A number that the scale of its series cannot hold."""


def has_long_number(frame: bytes) -> bool:
    """Whether a JSON message has a number with more digits than a float keeps: it is read as `Decimal`."""
    return _MORE_THAN_A_FLOAT_KEEPS in frame.translate(_DIGITS)


def scaled(value: float | Decimal | str, scale: int) -> int:
    """A decimal number times 10 to the power of `scale`, exactly.

    A float counts as the decimal of at most 15 significant digits that it stands for; whoever decodes JSON
    into floats makes sure that no longer number was sent (`has_long_number`).

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


def scaled_pair(
    first: float | Decimal, second: float | Decimal, scale: int, second_scale: int
) -> tuple[int, int]:
    """Like `scaled`, for two numbers in little more time than one takes.

    Raises:
        InexactError: like `scaled`.
    """
    try:
        factor, second_factor = _FACTORS[scale], _FACTORS[second_scale]
        large: float = first * factor  # type: ignore[operator]
        second_large: float = second * second_factor  # type: ignore[operator]
        if -_PROVEN < large < _PROVEN and -_PROVEN < second_large < _PROVEN:
            number, second_number = round(large), round(second_large)
            if number / factor == first and second_number / second_factor == second:
                return number, second_number
    except (TypeError, IndexError):
        # Decimals, or a scale beyond what a float proves.
        pass
    return scaled(first, scale), scaled(second, second_scale)


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
    if len(text) == 27 and text[19] == "." and text[26] == "Z":
        # The usual form, in a quarter of the time.
        try:
            since = datetime.fromisoformat(text) - _EPOCH
        except ValueError:
            raise ValueError(f"{text[:40]!r} is not a time") from None
        return (since.days * 86_400_000_000 + since.seconds * 1_000_000 + since.microseconds) * 1000
    found = _TIME.fullmatch(text)
    if found is None:
        raise ValueError(f"{text[:40]!r} is not a time")
    second, fraction, zone = found.groups()
    try:
        since = datetime.fromisoformat(second + zone) - _EPOCH
    except ValueError:
        raise ValueError(f"{text[:40]!r} is not a time") from None
    nanoseconds = int((fraction or "0").ljust(9, "0"))
    return (since.days * 86_400 + since.seconds) * 1_000_000_000 + nanoseconds
