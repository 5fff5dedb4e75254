"""The venue's file formats, written from its own facts: bi5 records and the JSON feed's payloads.

Records are numpy structured arrays in the file's own byte order, so that what is read from a file
and served in another form keeps every bit.
"""

import lzma
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt
import orjson

from simulators.dukascopy import lzma_alone

Records = npt.NDArray[np.void]

# Big endian, 20 bytes: ms since the hour began (in a day object: since the day began), prices as
# integers in the instrument's scale, volumes in millions of units.
TICK = np.dtype([("ms", ">i4"), ("ask", ">i4"), ("bid", ">i4"), ("ask_volume", ">f4"), ("bid_volume", ">f4")])
# Big endian, 24 bytes: seconds since the file's start, then open, CLOSE, LOW, HIGH.
CANDLE = np.dtype(
    [("s", ">i4"), ("open", ">i4"), ("close", ">i4"), ("low", ">i4"), ("high", ">i4"), ("volume", ">f4")]
)

HOUR_MS = 3_600_000
UNITS_PER_MILLION = 1_000_000
_JSON = orjson.OPT_SERIALIZE_NUMPY


def bi5(records: Records) -> bytes:
    """A bi5 file; no records is a file of zero bytes."""
    # numpy turns to the machine's own byte order where it puts arrays together.
    return lzma_alone.compress(records.astype(records.dtype.newbyteorder(">"), copy=False).tobytes())


def since_midnight(hours: Sequence[Records], number: int) -> Records:
    """Hour `number` of a day with times since the day began."""
    moved = hours[number].copy()
    moved["ms"] += number * HOUR_MS
    return moved


def day_records(hours: Sequence[Records]) -> Records:
    """The 24 hours of a day as one, with times since the day began."""
    return np.concatenate([since_midnight(hours, number) for number in range(len(hours))])


def read_hour(body: bytes) -> Records | None:
    """The records of an hour file, or None where it breaks a rule of the format."""
    if not body:
        return np.empty(0, dtype=TICK)
    records = _read(body, TICK)
    if records is None:
        return None
    ms = records["ms"]
    sound = (
        len(records) > 0
        and ms[0] >= 0
        and ms[-1] < HOUR_MS
        and bool((ms[1:] >= ms[:-1]).all())
        and bool((records["ask"] > 0).all() and (records["bid"] > 0).all())
        and bool((records["ask_volume"] >= 0).all() and (records["bid_volume"] >= 0).all())
    )
    return records if sound else None


def read_candles(body: bytes) -> Records | None:
    """The rows of a candle file, or None where it is none."""
    return _read(body, CANDLE) if body else np.empty(0, dtype=CANDLE)


def _read(body: bytes, dtype: np.dtype[np.void]) -> Records | None:
    decoder = lzma.LZMADecompressor(lzma.FORMAT_ALONE)
    try:
        content = decoder.decompress(body)
    except lzma.LZMAError:
        return None
    if not decoder.eof or decoder.unused_data or len(content) % dtype.itemsize:
        return None
    return np.frombuffer(content, dtype=dtype)


def between(records: Records, start_us: int, from_us: int, until_us: int) -> Records:
    """The ticks of an hour, which began at `start_us`, from one moment up to and with another."""
    at_us = records["ms"].astype(np.int64) * 1000 + start_us
    return records[(at_us >= from_us) & (at_us <= until_us)]


def units(millions: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Volumes in whole units from float32 millions: what the venue must have meant is the shortest
    decimal that the float32 stands for (16.54, not 16.540000915527344)."""
    values, where = np.unique(millions.astype(np.float32), return_inverse=True)
    meant = np.array([float(Decimal(str(value)) * UNITS_PER_MILLION) for value in values], dtype=np.float64)
    return meant[where] if len(meant) else np.empty(0, dtype=np.float64)


def price(points: int, scale: int) -> float:
    """The float64 nearest to a scaled integer, whose shortest text is the decimal price."""
    return float(Decimal(int(points)).scaleb(-scale))


def ticks_json(records: Records, start_ms: int, scale: int) -> bytes:
    """A tick payload: deltas against the previous tick, volumes in units.

    Args:
        records: ticks with times since `start_ms`.
        start_ms: start of the hour, milliseconds since 1970.
        scale: decimal digits of the prices.
    """
    payload: dict[str, Any] = {"timestamp": start_ms, "multiplier": price(1, scale)}
    payload |= {side: price(records[side][0], scale) if len(records) else None for side in ("ask", "bid")}
    payload["times"] = _deltas(records["ms"], 0)
    for side in ("ask", "bid"):
        payload[f"{side}s"] = _deltas(records[side], None)
    for side in ("ask", "bid"):
        payload[f"{side}Volumes"] = units(records[f"{side}_volume"])
    return orjson.dumps(payload, option=_JSON)


def candles_json(rows: Records, start_ms: int, step_ms: int, scale: int) -> bytes:
    """A candle payload. Rows without volume, flat in bi5, are absent here; volumes in millions.

    Args:
        rows: candles with seconds since `start_ms`, flat ones included or not.
        start_ms: start of the day, month or year, milliseconds since 1970.
        step_ms: length of a candle.
    """
    traded = rows[rows["volume"] > 0]
    payload: dict[str, Any] = {"timestamp": start_ms, "multiplier": price(1, scale)}
    for name in ("open", "high", "low", "close"):
        payload[name] = price(traded[name][0], scale) if len(traded) else None
    payload["shift"] = step_ms
    payload["times"] = _deltas(traded["s"].astype(np.int64) * 1000 // step_ms, 0)
    for name in ("open", "high", "low", "close"):
        payload[f"{name}s"] = _deltas(traded[name], None)
    payload["volumes"] = traded["volume"].astype(np.float32)
    return orjson.dumps(payload, option=_JSON)


def _deltas(column: npt.NDArray[Any], before: int | None) -> npt.NDArray[np.int64]:
    """Differences from one to the next; the first against `before`, or 0 where that is None."""
    values = column.astype(np.int64)
    if not len(values):
        return values
    return np.diff(values, prepend=values[0] if before is None else before)
