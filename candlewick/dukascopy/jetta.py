"""Quotes of the JSON feed, `/ticks/{CODE}/{Y}/{M}/{D}/{H}`: one hour, delta-encoded.

`times` are milliseconds, each since the one before, the first since `timestamp`; `asks` and `bids`
are steps of `multiplier`, each since the one before, the first since `ask` and `bid`; volumes are
units. An hour without quotes has empty arrays and null prices.
"""

from array import array
from decimal import Decimal, InvalidOperation
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from candlewick.dukascopy import volumes
from candlewick.dukascopy.bi5 import HOUR_MS
from candlewick.dukascopy.faults import Fault, InvalidAnswerError
from candlewick.hours import Column, Quotes
from candlewick.times import HOUR_US

_LARGEST_STEP = 2**40


def decode_hour(body: bytes, hour_us: int, price_scale: int) -> Quotes:
    """All quotes of one hour.

    Args:
        hour_us: the hour that was asked for, microseconds since 1970, UTC.
        price_scale: decimal digits of the series.

    Raises:
        InvalidAnswerError: the answer breaks a rule, is about another hour, or states another scale.
    """
    payload = parse(body)
    timestamp = integer(payload, "timestamp")
    if timestamp * 1000 != hour_us:
        raise InvalidAnswerError(
            Fault.WRONG_PERIOD, f"it begins at {timestamp} ms, not at {hour_us // 1000} ms"
        )
    require_scale(payload, price_scale)
    ms, asks, bids = (integers(payload, name) for name in ("times", "asks", "bids"))
    ask_volumes, bid_volumes = (decimals(payload, name) for name in ("askVolumes", "bidVolumes"))
    require_one_length(ms, asks, bids, ask_volumes, bid_volumes)
    if not len(ms):
        return Quotes()
    if ms.min() < 0:
        raise InvalidAnswerError(Fault.TIMES_FALL, f"record {int(np.argmax(ms < 0))} goes back in time")
    since_hour = np.cumsum(ms)
    if since_hour[-1] >= HOUR_MS:
        raise InvalidAnswerError(Fault.TIME_OUTSIDE_HOUR, f"the last quote is at {since_hour[-1]} ms")
    ask, bid = (
        first_price(payload, name, price_scale) + np.cumsum(steps)
        for name, steps in (("ask", asks), ("bid", bids))
    )
    if min(ask.min(), bid.min()) <= 0:
        raise InvalidAnswerError(Fault.PRICE_NOT_POSITIVE, f"lowest ask {ask.min()}, lowest bid {bid.min()}")
    return Quotes(
        since_hour * (HOUR_US // HOUR_MS),
        bid,
        ask,
        volumes.from_units(bid_volumes),
        volumes.from_units(ask_volumes),
    )


def parse(body: bytes) -> dict[str, Any]:
    """The JSON object of an answer; raises InvalidAnswerError: not-json, fields-missing."""
    try:
        payload = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise InvalidAnswerError(Fault.NOT_JSON, f"{len(body)} bytes: {error}") from None
    if not isinstance(payload, dict):
        raise InvalidAnswerError(Fault.FIELDS_MISSING, f"not an object but {type(payload).__name__}")
    return payload


def integer(payload: dict[str, Any], name: str) -> int:
    value = payload.get(name)
    if type(value) is not int:
        raise InvalidAnswerError(Fault.FIELDS_MISSING, f"{name!r} is {value!r}, not a whole number")
    return value


def integers(payload: dict[str, Any], name: str) -> Column:
    """A column of whole numbers, small enough that sums stay exact."""
    column = np.frombuffer(_array(payload, name, "q"), dtype=np.int64)
    if column.size and max(-int(column.min()), int(column.max())) >= _LARGEST_STEP:
        raise InvalidAnswerError(Fault.FIELDS_MISSING, f"{name!r} holds numbers beyond any price or time")
    return column


def stated_scale(payload: dict[str, Any]) -> int:
    """Decimal digits by the payload's `multiplier` (1.0E-5 gives 5)."""
    multiplier = _decimal(payload, "multiplier")
    scale = -multiplier.adjusted()
    if multiplier != Decimal(1).scaleb(-scale) or not 0 <= scale <= 12:
        raise InvalidAnswerError(Fault.FIELDS_MISSING, f"multiplier {multiplier} is no price step")
    return scale


def require_scale(payload: dict[str, Any], price_scale: int) -> None:
    """Raises InvalidAnswerError: scale-mismatch; rounding or shifting prices is never the answer."""
    scale = stated_scale(payload)
    if scale != price_scale:
        raise InvalidAnswerError(
            Fault.SCALE_MISMATCH, f"the venue states {scale} decimals, the series has {price_scale}"
        )


def first_price(payload: dict[str, Any], name: str, scale: int) -> int:
    """A price field in whole steps of the scale; exactly, or refused."""
    steps = _decimal(payload, name).scaleb(scale)
    if abs(steps) >= _LARGEST_STEP:
        raise InvalidAnswerError(Fault.FIELDS_MISSING, f"{name} {payload[name]} is beyond any price")
    if steps != steps.to_integral_value():
        raise InvalidAnswerError(
            Fault.PRICE_INEXACT, f"{name} {payload[name]} has more than {scale} decimals"
        )
    return int(steps)


def require_one_length(*columns: npt.NDArray[Any]) -> None:
    lengths = [len(column) for column in columns]
    if len(set(lengths)) > 1:
        raise InvalidAnswerError(Fault.RAGGED_RECORDS, f"columns of lengths {lengths}")


def decimals(payload: dict[str, Any], name: str) -> npt.NDArray[np.float64]:
    """A column of numbers with or without decimals."""
    return np.frombuffer(_array(payload, name, "d"), dtype=np.float64)


def _array(payload: dict[str, Any], name: str, typecode: str) -> "array[Any]":
    # array, unlike numpy, refuses a fraction among whole numbers instead of cutting it off.
    try:
        return array(typecode, payload[name])
    except (KeyError, TypeError, OverflowError) as error:
        raise InvalidAnswerError(
            Fault.FIELDS_MISSING, f"{name!r} is no column of numbers ({error})"
        ) from None


def _decimal(payload: dict[str, Any], name: str) -> Decimal:
    """A number of the payload as the decimal it was written as.

    A decimal of up to 15 digits survives being parsed as a double: the double's shortest text is
    that decimal again. Prices have fewer.
    """
    value = payload.get(name)
    if type(value) not in (int, float):
        raise InvalidAnswerError(Fault.FIELDS_MISSING, f"{name!r} is {value!r}, not a number")
    try:
        return Decimal(repr(value))
    except InvalidOperation:
        raise InvalidAnswerError(Fault.FIELDS_MISSING, f"{name!r} is {value!r}, not a number") from None
