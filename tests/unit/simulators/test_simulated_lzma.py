"""Streams are framed as the venue's: size in the header, no end marker, nothing behind."""

import lzma
import random
import shutil
import struct
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from candlewick.instruments import find
from candlewick.times import DAY_US, HOUR_US, parse_time
from simulators.dukascopy import lzma_alone
from simulators.dukascopy.formats import TICK, day_records
from simulators.dukascopy.tape import Tape

RAW = [{"id": lzma.FILTER_LZMA1, "dict_size": 4 << 20, "lc": 3, "lp": 0, "pb": 2}]


def assert_framed_like_the_venue(stream: bytes, data: bytes) -> None:
    properties, dictionary, size = struct.unpack("<BIQ", stream[:13])
    assert (properties, dictionary, size) == (0x5D, 4 << 20, len(data))
    decoder = lzma.LZMADecompressor(lzma.FORMAT_ALONE)
    assert decoder.decompress(stream) == data
    assert decoder.eof
    assert decoder.unused_data == b""


def has_end_marker(stream: bytes) -> bool:
    """A decoder that is not told the size stops by itself only at a marker."""
    decoder = lzma.LZMADecompressor(lzma.FORMAT_RAW, filters=RAW)
    decoder.decompress(stream[13:])
    return decoder.eof


def like_ticks(count: int) -> bytes:
    rng = random.Random(count)
    price, rows = 108_412, []
    for number in range(count):
        price += rng.choice((-1, 0, 0, 1))
        rows.append(struct.pack(">iiiff", number * 57, price + 2, price, rng.choice((0.9, 1.8)), 1.5))
    return b"".join(rows)


@given(st.binary(min_size=1, max_size=600))
def test_any_bytes(data: bytes) -> None:
    assert_framed_like_the_venue(lzma_alone.compress(data), data)


@given(st.integers(1, 400), st.sampled_from([b"\0", b"ab", b"\0\0\0\x01"]))
def test_repetitive_bytes(length: int, pattern: bytes) -> None:
    assert_framed_like_the_venue(lzma_alone.compress(pattern * length), pattern * length)


ticks = st.tuples(
    st.integers(0, 3_599_999),
    st.integers(1, 2**31 - 1),
    st.integers(1, 2**31 - 1),
    st.floats(0, 50, width=32),
    st.floats(0, 50, width=32),
)


@given(st.lists(ticks, min_size=1, max_size=60))
def test_ticks_have_no_end_marker(rows: list[tuple[int, int, int, float, float]]) -> None:
    data = b"".join(struct.pack(">iiiff", *row) for row in rows)
    stream = lzma_alone.compress(data)
    assert_framed_like_the_venue(stream, data)
    assert not has_end_marker(stream)


def test_days_beside_the_size_of_a_chunk() -> None:
    sizes = []
    day = parse_time("2024-02-20")
    for ticks_a_day in (9_000, 12_000, 18_000):
        tape = Tape(find("EUR/USD"), 0, ticks_a_day)
        hours = [tape.hour(hour) for hour in range(day, day + DAY_US, HOUR_US)]
        data = day_records(hours).astype(TICK).tobytes()
        stream = lzma_alone.compress(data)
        assert_framed_like_the_venue(stream, data)
        assert not has_end_marker(stream)
        sizes.append(len(stream))
    assert min(sizes) < 1 << 16 < max(sizes)


@pytest.mark.parametrize("count", [1, 2, 3, 500, 9_000])
def test_ticks_of_one_chunk_and_of_several(count: int) -> None:
    data = like_ticks(count)
    stream = lzma_alone.compress(data)
    assert_framed_like_the_venue(stream, data)
    assert not has_end_marker(stream)


def test_a_very_large_object_still_decodes_exactly() -> None:
    data = like_ticks(60_000)
    assert_framed_like_the_venue(lzma_alone.compress(data), data)


def test_no_ticks_are_no_bytes() -> None:
    assert lzma_alone.compress(b"") == b""


@pytest.mark.skipif(shutil.which("xz") is None, reason="xz is not installed")
@pytest.mark.parametrize("data", [b"x", bytes(range(256)), like_ticks(700), like_ticks(20_000)])
def test_xz_decodes_it(data: bytes) -> None:
    xz = subprocess.run(
        ["xz", "--decompress", "--stdout", "--format=lzma"],
        input=lzma_alone.compress(data),
        capture_output=True,
        check=True,
    )
    assert xz.stdout == data
