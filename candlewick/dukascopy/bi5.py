"""bi5 hour files: LZMA over 20-byte big-endian records.

A record is i32 milliseconds since the hour began, i32 ask, i32 bid (both times the price factor),
f32 ask volume, f32 bid volume (millions of units). Ask comes before bid. Recorded files have
non-falling times; several records may share a millisecond.
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from candlewick.dukascopy import volumes
from candlewick.dukascopy.container import decompress
from candlewick.dukascopy.faults import Fault, InvalidAnswerError
from candlewick.hours import Column, Quotes

RECORD_BYTES = 20
HOUR_MS = 3_600_000
MAX_HOUR_BYTES = 32 * 2**20
"""Decompressed size beyond which an hour is not believed: 1.6 million ticks; busy hours have 60,000."""

Words = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Oddities:
    """What sound data may hold and a reader may want to know: counts, no faults."""

    crossed: int
    repeated_times: int


class Columns(NamedTuple):
    """Validated columns of one file; `ms` is int32 milliseconds since the file's period began."""

    ms: Words
    bid: Column
    ask: Column
    bid_volume: Column
    ask_volume: Column


def decode_hour(body: bytes) -> Quotes:
    """All quotes of one hour; a zero-byte body is the venue's way to say that there are none.

    Prices come as the venue's integers, so in its price scale; volumes as whole units.

    Raises:
        InvalidAnswerError: the file breaks a rule, which the fault names.
    """
    if not body:
        return Quotes()
    records = as_records(decompress(body, limit=MAX_HOUR_BYTES))
    ms = np.ascontiguousarray(records[:, 0])
    require_rising(ms)
    require_inside(ms, HOUR_MS, Fault.TIME_OUTSIDE_HOUR)
    return as_quotes(columns(records, ms))


def oddities(quotes: Quotes) -> Oddities:
    """Count crossed quotes (bid above ask) and quotes at the same time as the one before."""
    return Oddities(
        crossed=int(np.count_nonzero(quotes.bid > quotes.ask)),
        repeated_times=int(np.count_nonzero(quotes.us[1:] == quotes.us[:-1])),
    )


def as_records(content: bytes) -> Words:
    """The records as native int32 words, shape (records, 5)."""
    if len(content) % RECORD_BYTES:
        raise InvalidAnswerError(
            Fault.RAGGED_RECORDS, f"{len(content)} bytes are no whole number of {RECORD_BYTES}-byte records"
        )
    return np.frombuffer(content, dtype=">i4").astype(np.int32).reshape(-1, 5)


def require_rising(ms: Words) -> None:
    """Raises InvalidAnswerError: times-fall."""
    fall = ms[1:] < ms[:-1]
    if fall.any():
        at = int(np.argmax(fall)) + 1
        raise InvalidAnswerError(
            Fault.TIMES_FALL, f"record {at} is at {ms[at]} ms, the one before at {ms[at - 1]} ms"
        )


def require_inside(ms: Words, period_ms: int, fault: Fault) -> None:
    """Times that do not fall lie in [0, period_ms) if the first and the last do."""
    if len(ms) and not (ms[0] >= 0 and ms[-1] < period_ms):
        raise InvalidAnswerError(fault, f"times from {ms[0]} to {ms[-1]} ms, not within {period_ms} ms")


def columns(records: Words, ms: Words) -> Columns:
    """Check prices and volumes of all records and convert them.

    Raises:
        InvalidAnswerError: price-not-positive, volume-invalid, volume-inexact.
    """
    prices = np.ascontiguousarray(records[:, 1:3].T)
    if prices.size and prices.min() <= 0:
        at = int(np.argmax((prices <= 0).any(axis=0)))
        raise InvalidAnswerError(
            Fault.PRICE_NOT_POSITIVE, f"record {at} has ask {prices[0, at]} and bid {prices[1, at]}"
        )
    units = volumes.from_millions(np.ascontiguousarray(records[:, 3:5].T).view(np.float32))
    ask, bid = prices.astype(np.int64)
    return Columns(ms, bid, ask, units[1], units[0])


def as_quotes(part: Columns) -> Quotes:
    """Columns whose `ms` counts from the hour, as quotes."""
    return Quotes(
        np.multiply(part.ms, 1000, dtype=np.int64), part.bid, part.ask, part.bid_volume, part.ask_volume
    )
