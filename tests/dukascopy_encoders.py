"""Small encoders of Dukascopy's formats, independent of the decoders that they test."""

import lzma
import struct
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import orjson

HOUR_MS = 3_600_000


class Tick(NamedTuple):
    """Milliseconds since the file's period began, prices in steps, volumes in whole units."""

    ms: int
    bid: int
    ask: int
    bid_volume: int = 1_000_000
    ask_volume: int = 1_000_000


def alone(content: bytes, *, size: int | None = -1) -> bytes:
    """LZMA-alone with the size in its header; `size` another one, None the unknown one."""
    filters = [{"id": lzma.FILTER_LZMA1, "preset": 1, "dict_size": 4 * 2**20}]
    body = lzma.compress(content, format=lzma.FORMAT_ALONE, filters=filters)
    if size is None:
        return body
    return body[:5] + struct.pack("<Q", len(content) if size == -1 else size) + body[13:]


def millions(units: int) -> float:
    return float(np.float32(units / 1e6))


def records(ticks: Sequence[Tick]) -> bytes:
    return b"".join(
        struct.pack(">iiiff", t.ms, t.ask, t.bid, millions(t.ask_volume), millions(t.bid_volume))
        for t in ticks
    )


def bi5(ticks: Sequence[Tick]) -> bytes:
    return alone(records(ticks))


def json_ticks(ticks: Sequence[Tick], hour_us: int, scale: int = 5) -> bytes:
    """The JSON feed's answer for one hour."""
    step = 10.0**-scale
    first_bid, first_ask = (ticks[0].bid, ticks[0].ask) if ticks else (0, 0)

    def deltas(values: list[int], first: int) -> list[int]:
        return [after - before for before, after in zip([first, *values], values, strict=False)]

    return orjson.dumps(
        {
            "timestamp": hour_us // 1000,
            "multiplier": step,
            "ask": round(first_ask * step, scale) if ticks else None,
            "bid": round(first_bid * step, scale) if ticks else None,
            "times": deltas([t.ms for t in ticks], 0),
            "asks": deltas([t.ask for t in ticks], first_ask),
            "bids": deltas([t.bid for t in ticks], first_bid),
            "askVolumes": [float(t.ask_volume) for t in ticks],
            "bidVolumes": [float(t.bid_volume) for t in ticks],
        }
    )


def minute_candles(volumes: dict[int, float], rows: int = 1440, price: int = 108_410) -> bytes:
    """A day's minute candles of the bi5 host: flat, with volume (millions) in the given minutes."""
    return alone(
        b"".join(
            struct.pack(">iiiiif", minute * 60, price, price, price, price, volumes.get(minute, 0.0))
            for minute in range(rows)
        )
    )
