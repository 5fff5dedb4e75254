"""The venue's own candles: evidence for empty hours, and what `verify` and checks compare with.

bi5 candle files are LZMA over 24-byte big-endian records: i32 seconds since the file's period began,
i32 open, close, low, high (times the price factor; in this order), f32 volume (millions of units).
Intervals without ticks are filled flat with volume 0, through weekends too. A minute file covers a UTC
day, an hour file a month, a day file a year.

The JSON feed's candles are delta-encoded: `times` in steps of `shift` ms, prices each since its own
column's last, volumes absolute (millions of units). Intervals without ticks are absent.
"""

from dataclasses import dataclass, replace
from datetime import date
from enum import Enum

import numpy as np
import numpy.typing as npt

from candlewick.dukascopy import jetta
from candlewick.dukascopy.container import decompress
from candlewick.dukascopy.faults import Fault, InvalidAnswerError
from candlewick.hours import Column
from candlewick.times import DAY_US, HOUR_US, MINUTE_US, SECOND_US, day_us

RECORD_BYTES = 24
_RECORD = np.dtype(
    [("s", ">i4"), ("open", ">i4"), ("close", ">i4"), ("low", ">i4"), ("high", ">i4"), ("volume", ">f4")]
)
_JSON_COLUMNS = {"open": "opens", "high": "highs", "low": "lows", "close": "closes"}


class Side(Enum):
    BID = "BID"
    ASK = "ASK"


class Level(Enum):
    """Resolution of a candle file; the value is its step in microseconds."""

    MINUTE = MINUTE_US
    HOUR = HOUR_US
    DAY = DAY_US

    def period(self, day: date) -> tuple[int, int]:
        """[start, end) of the file that covers a UTC day, microseconds since 1970."""
        if self is Level.MINUTE:
            return day_us(day), day_us(day) + DAY_US
        if self is Level.HOUR:
            first = day.replace(day=1)
            after = date(first.year + first.month // 12, first.month % 12 + 1, 1)
            return day_us(first), day_us(after)
        return day_us(date(day.year, 1, 1)), day_us(date(day.year + 1, 1, 1))


@dataclass(frozen=True, slots=True, eq=False)
class VenueCandles:
    """Candles of one side over one period, in time order.

    Attributes:
        start_us, end_us: the period that the file covers, [start, end), microseconds since 1970, UTC.
        us: start of each candle, microseconds since 1970, UTC.
        open, high, low, close: integers in the venue's price scale.
        volume: millions of units as the venue rounds them.
        filled: whether intervals without ticks are present as flat rows of volume 0.
    """

    level: Level
    start_us: int
    end_us: int
    us: Column
    open: Column
    high: Column
    low: Column
    close: Column
    volume: npt.NDArray[np.float32]
    filled: bool

    def __len__(self) -> int:
        return len(self.us)

    @property
    def complete(self) -> bool:
        """Whether every interval of the period is accounted for."""
        return not self.filled or len(self) * self.level.value == self.end_us - self.start_us

    def has_volume(self, start_us: int, end_us: int) -> bool:
        """Whether any candle that starts within [start, end) has volume."""
        begin, end = np.searchsorted(self.us, (start_us, end_us))
        return bool((self.volume[begin:end] > 0).any())

    def traded(self) -> "VenueCandles":
        """Without the flat rows: only the intervals in which the venue had ticks."""
        held = self.volume > 0
        return replace(
            self,
            us=self.us[held],
            open=self.open[held],
            high=self.high[held],
            low=self.low[held],
            close=self.close[held],
            volume=self.volume[held],
            filled=False,
        )


def decode_bi5(body: bytes, level: Level, day: date) -> VenueCandles:
    """A candle file of the bi5 host.

    Args:
        day: any day of the file's period.

    Raises:
        InvalidAnswerError: the file breaks a rule. A zero-byte body is `truncated`: it says nothing.
    """
    start_us, end_us = level.period(day)
    if not body:
        raise InvalidAnswerError(Fault.TRUNCATED, "a candle file without content")
    content = decompress(body, limit=(end_us - start_us) // level.value * RECORD_BYTES)
    if len(content) % RECORD_BYTES:
        raise InvalidAnswerError(
            Fault.RAGGED_RECORDS, f"{len(content)} bytes are no whole number of {RECORD_BYTES}-byte records"
        )
    records = np.frombuffer(content, dtype=_RECORD)
    return _checked(
        VenueCandles(
            level,
            start_us,
            end_us,
            us=start_us + records["s"].astype(np.int64) * SECOND_US,
            open=records["open"].astype(np.int64),
            high=records["high"].astype(np.int64),
            low=records["low"].astype(np.int64),
            close=records["close"].astype(np.int64),
            volume=records["volume"].astype(np.float32),
            filled=True,
        )
    )


def decode_json(body: bytes, level: Level, day: date, price_scale: int) -> VenueCandles:
    """A candle answer of the JSON feed for a period that is over.

    Args:
        day: any day of the answer's period.
        price_scale: decimal digits of the series.

    Raises:
        InvalidAnswerError: the answer breaks a rule, is about another period, or states another scale.
    """
    start_us, end_us = level.period(day)
    payload = jetta.parse(body)
    if jetta.integer(payload, "timestamp") * 1000 != start_us:
        raise InvalidAnswerError(Fault.WRONG_PERIOD, f"it begins at {payload['timestamp']} ms")
    if jetta.integer(payload, "shift") * 1000 != level.value:
        raise InvalidAnswerError(Fault.WRONG_PERIOD, f"its step is {payload['shift']} ms")
    jetta.require_scale(payload, price_scale)
    steps = jetta.integers(payload, "times")
    deltas = {name: jetta.integers(payload, column) for name, column in _JSON_COLUMNS.items()}
    volume = jetta.decimals(payload, "volumes").astype(np.float32)
    jetta.require_one_length(steps, volume, *deltas.values())
    first = {name: jetta.first_price(payload, name, price_scale) if len(steps) else 0 for name in deltas}
    return _checked(
        VenueCandles(
            level,
            start_us,
            end_us,
            us=start_us + np.cumsum(steps) * level.value,
            open=first["open"] + np.cumsum(deltas["open"]),
            high=first["high"] + np.cumsum(deltas["high"]),
            low=first["low"] + np.cumsum(deltas["low"]),
            close=first["close"] + np.cumsum(deltas["close"]),
            volume=volume,
            filled=False,
        )
    )


def _checked(candles: VenueCandles) -> VenueCandles:
    if not len(candles):
        return candles
    if (np.diff(candles.us) <= 0).any():
        raise InvalidAnswerError(Fault.TIMES_FALL, "candles do not follow one another")
    if candles.us[0] < candles.start_us or candles.us[-1] >= candles.end_us:
        raise InvalidAnswerError(Fault.WRONG_PERIOD, "candles outside the period of their file")
    if (candles.us % MINUTE_US).any() or ((candles.us - candles.start_us) % candles.level.value).any():
        raise InvalidAnswerError(Fault.CANDLE_INVALID, "candles that do not start on their step")
    if candles.low.min() <= 0:
        raise InvalidAnswerError(Fault.PRICE_NOT_POSITIVE, f"lowest price {candles.low.min()}")
    body_low, body_high = np.minimum(candles.open, candles.close), np.maximum(candles.open, candles.close)
    if (candles.low > body_low).any() or (candles.high < body_high).any():
        raise InvalidAnswerError(Fault.CANDLE_INVALID, "open or close outside low and high")
    if not (candles.volume.min() >= 0 and np.isfinite(candles.volume.max())):
        raise InvalidAnswerError(Fault.VOLUME_INVALID, "negative or infinite volume")
    return candles
