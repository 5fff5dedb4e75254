"""Day objects, `{SYM}/{YYYY}/{MM0}/{DD}_ticks.bi5`: a day's quotes in one answer.

The venue documents milliseconds since the start of the day. Should an object prove to be hour files
put together, it is read as such when that leaves no doubt which hour is which:

- one stream or several with times that go on through the day: hours follow from the times;
- 24 streams with times that begin again in each: one stream an hour;
- one stream in which the times begin again 23 times, from late in one hour to early in the next;
- anything else that stays within the first hour's milliseconds is refused: with one hour lost, all
  later ones would move by an hour.
"""

from itertools import pairwise

import numpy as np

from candlewick.dukascopy import bi5
from candlewick.dukascopy.container import decompress_all
from candlewick.dukascopy.faults import Fault, InvalidAnswerError
from candlewick.hours import Quotes
from candlewick.times import DAY_US, HOUR_US

DAY_MS = 24 * bi5.HOUR_MS
MAX_DAY_BYTES = 128 * 2**20
_HALF_HOUR_MS = bi5.HOUR_MS // 2


def decode_day(body: bytes, day_us: int) -> dict[int, Quotes]:
    """The quotes of each hour that has some, by the hour's start; a zero-byte body has none.

    Args:
        day_us: start of the day, microseconds since 1970, UTC.

    Raises:
        InvalidAnswerError: the object breaks a rule, or does not tell which hours it holds.
    """
    if day_us % DAY_US:
        raise ValueError(f"{day_us} is not the start of a day")
    if not body:
        return {}
    streams = [bi5.as_records(content) for content in decompress_all(body, limit=MAX_DAY_BYTES)]
    records = np.concatenate(streams)
    if not len(records):
        return {}
    ms = _since_day_began(records, [len(stream) for stream in streams])
    whole = bi5.columns(records, ms)
    bounds = np.searchsorted(ms, np.arange(25) * bi5.HOUR_MS)
    return {
        day_us + hour * HOUR_US: bi5.as_quotes(
            bi5.Columns(ms[begin:end] - hour * bi5.HOUR_MS, *(column[begin:end] for column in whole[1:]))
        )
        for hour, (begin, end) in enumerate(pairwise(bounds))
        if begin < end
    }


def _since_day_began(records: bi5.Words, lengths: list[int]) -> bi5.Words:
    ms = np.ascontiguousarray(records[:, 0])
    low, high = int(ms.min()), int(ms.max())
    if low < 0 or high >= DAY_MS:
        raise InvalidAnswerError(Fault.TIME_OUTSIDE_DAY, f"times from {low} to {high} ms")
    if high >= bi5.HOUR_MS:
        bi5.require_rising(ms)
        return ms
    hour = _hour_of_each(ms, lengths)
    placed: bi5.Words = ms + hour * np.int32(bi5.HOUR_MS)
    bi5.require_rising(placed)
    return placed


def _hour_of_each(ms: bi5.Words, lengths: list[int]) -> bi5.Words:
    """Which hour each record lies in, where every stream or every restart is an hour."""
    if len(lengths) == 24:
        return np.repeat(np.arange(24, dtype=np.int32), lengths)
    restarts = np.flatnonzero((ms[1:] < _HALF_HOUR_MS) & (ms[:-1] >= _HALF_HOUR_MS) & (ms[1:] < ms[:-1])) + 1
    if len(lengths) == 1 and len(restarts) == 23:
        hour = np.zeros(len(ms), dtype=np.int32)
        hour[restarts] = 1
        return np.cumsum(hour, dtype=np.int32)
    raise InvalidAnswerError(
        Fault.HOURS_NOT_PLACED,
        f"{len(lengths)} streams, times begin again {len(restarts)} times: not the 24 hours of a day",
    )
