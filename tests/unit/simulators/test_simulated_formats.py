"""Files and payloads against readers written here from the format's description alone."""

import json
import lzma
import struct
from decimal import Decimal
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from simulators.dukascopy import formats
from simulators.dukascopy.bars import Bars, from_ticks, regroup, rows
from simulators.dukascopy.paths import Side

# The venue's own numbers: three ticks in the scale of EUR/USD.
THREE = [
    (137, 108_412, 108_410, 1.5, 2.25),
    (642, 108_413, 108_410, 0.75, 1.0),
    (3_599_871, 108_409, 108_407, 3.0, 0.9),
]


def records(ticks: list[tuple[int, int, int, float, float]]) -> formats.Records:
    return np.array(ticks, dtype=formats.TICK)


def unpacked(body: bytes, layout: str) -> list[tuple[Any, ...]]:
    content = lzma.decompress(body, lzma.FORMAT_ALONE) if body else b""
    return list(struct.iter_unpack(layout, content))


def as_float32(value: float) -> float:
    (read,) = struct.unpack(">f", struct.pack(">f", value))
    assert isinstance(read, float)
    return read


def test_a_file_holds_ask_before_bid_and_volumes_in_millions() -> None:
    assert unpacked(formats.bi5(records(THREE)), ">iiiff") == [
        (ms, ask, bid, as_float32(ask_volume), as_float32(bid_volume))
        for ms, ask, bid, ask_volume, bid_volume in THREE
    ]


def test_the_known_file_of_three_ticks_is_read() -> None:
    body = bytes.fromhex(
        "5d000040003c00000000000000000068209f771b042ba3fa14bdd26fea755b5d03d0c24b503e7890daec5da8b989204a"
        "6ac03ddb12ddc13d30d3d6333ffe788400"
    )
    read = formats.read_hour(body)
    assert read is not None
    assert read.tobytes() == records(THREE).tobytes()


def test_damaged_files_are_no_hours() -> None:
    body = formats.bi5(records(THREE))
    falling = formats.bi5(records([THREE[1], THREE[0]]))
    outside = formats.bi5(records([(3_600_000, 2, 1, 1.0, 1.0)]))
    free = formats.bi5(records([(1, 0, 0, 1.0, 1.0)]))
    ragged = lzma.compress(b"123", lzma.FORMAT_ALONE)
    for damaged in (body[:-3], body[:13], body + b"x", b"<html>", falling, outside, free, ragged):
        assert formats.read_hour(damaged) is None


def test_day_objects_count_from_midnight() -> None:
    hours = [records(THREE if hour in {3, 23} else []) for hour in range(24)]
    times = [row[0] for row in unpacked(formats.bi5(formats.day_records(hours)), ">iiiff")]
    assert times == [hour * 3_600_000 + tick[0] for hour in (3, 23) for tick in THREE]


def test_a_tick_payload_is_made_of_deltas() -> None:
    payload = json.loads(formats.ticks_json(records(THREE), 1_787_234_400_000, 5))
    assert payload == {
        "timestamp": 1_787_234_400_000,
        "multiplier": 0.00001,
        "ask": 1.08412,
        "bid": 1.0841,
        "times": [137, 505, 3_599_229],
        "asks": [0, 1, -4],
        "bids": [0, 0, -3],
        "askVolumes": [1_500_000.0, 750_000.0, 3_000_000.0],
        "bidVolumes": [2_250_000.0, 1_000_000.0, 900_000.0],
    }


def test_an_empty_period_has_empty_lists_and_nulls() -> None:
    ticks = json.loads(formats.ticks_json(records([]), 0, 3))
    candles = json.loads(formats.candles_json(np.empty(0, dtype=formats.CANDLE), 0, 60_000, 3))
    assert ticks["ask"] is None
    assert ticks["times"] == ticks["bidVolumes"] == []
    assert candles["open"] is None
    assert candles["times"] == candles["volumes"] == []


sizes = st.integers(1, 4_000).map(lambda hundredths: Decimal(hundredths) / 100)


@given(
    st.lists(
        st.tuples(st.integers(0, 3_599_999), st.integers(10, 10**8), st.integers(0, 50), sizes), min_size=1
    ),
    st.integers(0, 6),
)
def test_payload_and_file_tell_the_same(ticks: list[tuple[int, int, int, Decimal]], scale: int) -> None:
    made = records(
        [(ms, bid + spread, bid, float(size), float(size)) for ms, bid, spread, size in sorted(ticks)]
    )
    payload = json.loads(formats.ticks_json(made, 0, scale), parse_float=Decimal)
    multiplier = Decimal(payload["multiplier"])
    bid = int(Decimal(payload["bid"]) / multiplier) + np.cumsum(payload["bids"])
    ask = int(Decimal(payload["ask"]) / multiplier) + np.cumsum(payload["asks"])
    assert np.cumsum(payload["times"]).tolist() == [tick[0] for tick in sorted(ticks)]
    assert bid.tolist() == [tick[1] for tick in sorted(ticks)]
    assert ask.tolist() == [tick[1] + tick[2] for tick in sorted(ticks)]
    assert payload["bidVolumes"] == [size * 1_000_000 for *_, size in sorted(ticks)]


def test_volumes_above_the_exact_range_of_float32_are_meant_decimals() -> None:
    millions = np.array([16.54, 40.5, 0.75, 1e-6, 1.3e-5, 17.01], dtype=np.float32)
    assert formats.units(millions).tolist() == [16_540_000, 40_500_000, 750_000, 1, 13, 17_010_000]


def test_candle_files_are_flat_where_payloads_have_nothing() -> None:
    ticks = records([(1_000, 105, 100, 1.0, 2.0), (2_000, 103, 99, 1.0, 0.5), (125_000, 111, 104, 1.0, 1.0)])
    bars = from_ticks(ticks, ticks["ms"].astype(np.int64), 60_000, Side.BID)
    made = rows(bars, count=4, step_s=60, before=77)
    assert unpacked(formats.bi5(made), ">iiiiif") == [
        (0, 100, 99, 99, 100, 2.5),
        (60, 99, 99, 99, 99, 0.0),
        (120, 104, 104, 104, 104, 1.0),
        (180, 104, 104, 104, 104, 0.0),
    ]
    payload = json.loads(formats.candles_json(made, 0, 60_000, 2))
    assert payload["times"] == [0, 2]
    assert payload["opens"] == [0, 4]
    assert payload["closes"] == [0, 5]
    assert (payload["open"], payload["close"], payload["low"], payload["high"]) == (1.0, 0.99, 0.99, 1.0)
    assert payload["volumes"] == [2.5, 1.0]


def test_before_the_first_tick_candles_are_flat_at_the_price_before() -> None:
    nothing = from_ticks(records([]), np.empty(0, dtype=np.int64), 60_000, Side.ASK)
    assert {int(close) for close in rows(nothing, count=3, step_s=60, before=77)["close"]} == {77}


def test_candles_regroup_into_longer_ones() -> None:
    column = np.array([1, 2, 30], dtype=np.int64)
    hours = Bars(np.array([5, 23, 24]), column, column * 3, column - 1, column * 2, column)
    days = regroup([hours], 24)
    assert [getattr(days, name).tolist() for name in ("slot", "open", "high", "low", "close", "units")] == [
        [0, 1],
        [1, 30],
        [6, 90],
        [0, 29],
        [4, 60],
        [3, 30],
    ]
