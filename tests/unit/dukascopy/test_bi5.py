import lzma
import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from candlewick.dukascopy.bi5 import Oddities, decode_hour, oddities
from candlewick.dukascopy.faults import Fault, InvalidAnswerError
from candlewick.hours import Quotes, content_hash
from tests.dukascopy_encoders import HOUR_MS, Tick, alone, bi5, records

PRICES = st.integers(1, 2**31 - 1)
UNITS = st.integers(0, 15_999_999)
TICKS = st.lists(st.builds(Tick, st.integers(0, HOUR_MS - 1), PRICES, PRICES, UNITS, UNITS), max_size=50).map(
    lambda ticks: sorted(ticks, key=lambda tick: tick.ms)
)

SOUND = [
    Tick(137, 108_410, 108_412, 2_250_000, 1_500_000),
    Tick(642, 108_410, 108_413),
    Tick(3_599_871, 108_407, 108_409),
]


def rows(quotes: Quotes) -> list[tuple[int, ...]]:
    return [tuple(int(value) for value in row) for row in zip(*quotes.columns(), strict=True)]


def as_rows(ticks: list[Tick]) -> list[tuple[int, ...]]:
    return [(t.ms * 1000, t.bid, t.ask, t.bid_volume, t.ask_volume) for t in ticks]


def fault_of(body: bytes) -> Fault:
    with pytest.raises(InvalidAnswerError) as refused:
        decode_hour(body)
    return refused.value.fault


@given(TICKS)
def test_round_trip(ticks: list[Tick]) -> None:
    quotes = decode_hour(bi5(ticks))
    assert rows(quotes) == as_rows(ticks)
    assert all(column.dtype == np.int64 for column in quotes.columns())


def test_a_body_without_bytes_is_an_empty_hour() -> None:
    assert len(decode_hour(b"")) == 0


def test_the_venue_s_own_example() -> None:
    """Sixty-five bytes of `venues.md`-like form: size in the header, no padding, ask before bid."""
    body = bytes.fromhex(
        "5d000040003c00000000000000000068209f771b042ba3fa14bdd26fea755b5d03d0c24b503e7890daec5da8b989204a6ac0"
        "3ddb12ddc13d30d3d6333ffe788400"
    )
    assert rows(decode_hour(body)) == [
        (137_000, 108_410, 108_412, 2_250_000, 1_500_000),
        (642_000, 108_410, 108_413, 1_000_000, 750_000),
        (3_599_871_000, 108_407, 108_409, 900_000, 3_000_000),
    ]


def test_an_unknown_size_needs_the_end_marker() -> None:
    body = alone(records(SOUND), size=None)
    assert rows(decode_hour(body)) == as_rows(SOUND)
    assert fault_of(body[:-6]) is Fault.TRUNCATED


@pytest.mark.parametrize(
    ("ticks", "fault"),
    [
        ([Tick(-1, 1, 1)], Fault.TIME_OUTSIDE_HOUR),
        ([Tick(0, 1, 1), Tick(HOUR_MS, 1, 1)], Fault.TIME_OUTSIDE_HOUR),
        ([Tick(5, 1, 1), Tick(4, 1, 1)], Fault.TIMES_FALL),
        ([Tick(0, 0, 1)], Fault.PRICE_NOT_POSITIVE),
        ([Tick(0, 1, -3)], Fault.PRICE_NOT_POSITIVE),
        ([Tick(0, 1, 1, -1)], Fault.VOLUME_INVALID),
    ],
)
def test_each_broken_rule_has_its_name(ticks: list[Tick], fault: Fault) -> None:
    assert fault_of(bi5(ticks)) is fault


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        (float("nan"), Fault.VOLUME_INVALID),
        (float("inf"), Fault.VOLUME_INVALID),
        (1.5e-6, Fault.VOLUME_INEXACT),
    ],
)
def test_volumes_are_finite_and_whole(value: float, fault: Fault) -> None:
    assert fault_of(alone(struct.pack(">iiiff", 1, 2, 3, 1.0, value))) is fault


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (b"<html><head><title>503 Service Temporarily Unavailable</title></head></html>", Fault.NOT_LZMA),
        (b'{"error": "Too Many Requests"}', Fault.NOT_LZMA),
        (b"HTTP error", Fault.NOT_LZMA),
        (b"\x5d", Fault.TRUNCATED),
        (bi5(SOUND)[:13], Fault.TRUNCATED),
        (bi5(SOUND)[:30], Fault.TRUNCATED),
        (bi5(SOUND) + b"x", Fault.TRAILING_GARBAGE),
        (bi5(SOUND) + bi5(SOUND), Fault.TRAILING_GARBAGE),
        (alone(records(SOUND), size=80), Fault.SIZE_MISMATCH),
        (alone(records(SOUND), size=40), Fault.SIZE_MISMATCH),
        (alone(records(SOUND)[:-1]), Fault.RAGGED_RECORDS),
        (alone(records(SOUND), size=2**32), Fault.TOO_LARGE),
        (alone(records(SOUND), size=2**40), Fault.NOT_LZMA),
        (b"\x5d\x00\x00\x00\xff" + bi5(SOUND)[5:], Fault.NOT_LZMA),
    ],
)
def test_each_broken_container_has_its_name(body: bytes, fault: Fault) -> None:
    assert fault_of(body) is fault


def test_a_bomb_without_a_stated_size_is_stopped() -> None:
    assert fault_of(alone(bytes(40 * 2**20), size=None)) is Fault.TOO_LARGE


def test_crossed_and_repeated_quotes_are_kept_and_counted() -> None:
    quotes = decode_hour(bi5([Tick(1, 10, 9), Tick(1, 10, 11), Tick(2, 10, 10)]))
    assert len(quotes) == 3
    assert oddities(quotes) == Oddities(crossed=1, repeated_times=1)


def mutated(body: bytes, at: int, value: int) -> bytes:
    at %= len(body)
    return body[:at] + bytes([value]) + body[at + 1 :]


def assert_refused_or_the_same(body: bytes, sound: bytes) -> None:
    try:
        quotes = decode_hour(body)
    except InvalidAnswerError:
        return
    assert content_hash(5, 6, quotes) == sound


LONG = [
    Tick(i * 900, 108_000 + i * i % 97, 108_003 + i * i % 89, 1_000_000 + i, 2_000_000) for i in range(3_000)
]
LONG_BODY = bi5(LONG)
LONG_HASH = content_hash(5, 6, decode_hour(LONG_BODY))


@settings(max_examples=300)
@given(st.integers(0, 10**6), st.integers(0, 255))
def test_a_changed_byte_is_refused_or_harmless(at: int, value: int) -> None:
    assert_refused_or_the_same(mutated(LONG_BODY, at, value), LONG_HASH)


@settings(max_examples=100)
@given(st.integers(1, 10**6))
def test_a_cut_is_refused(length: int) -> None:
    # The end marker that follows a stated size is no part of the content.
    with pytest.raises(InvalidAnswerError):
        decode_hour(LONG_BODY[: length % (len(LONG_BODY) - 8) + 1])


def test_recorded_day(fixtures: Path) -> None:
    folder = fixtures / "dukascopy/dukascopy-node/EURUSD/2019/01/04"
    hours = [decode_hour(file.read_bytes()) for file in sorted(folder.glob("*h_ticks.bi5"))]
    assert len(hours) == 24
    assert sum(len(hour) for hour in hours) == 136_741
    assert sum(oddities(hour).crossed for hour in hours) == 0


def test_recorded_files_equal_their_raw_content(fixtures: Path) -> None:
    day = fixtures / "dukascopy/ninety47/GBPJPY/2012/11/03"
    raws = sorted(file for file in (fixtures / "dukascopy/ninety47/raw").rglob("*") if file.is_file())
    assert len(raws) == 24
    for raw in raws:
        body = next(file for file in day.iterdir() if file.name[:2] == raw.name[:2]).read_bytes()
        quotes = decode_hour(body)
        words = np.stack([quotes.us // 1000, quotes.ask, quotes.bid], axis=1)
        units = np.stack([quotes.ask_volume, quotes.bid_volume], axis=1)
        bits = (units / 1e6).astype(np.float32).view(np.int32)
        again = np.concatenate([words, bits], axis=1).astype(">i4")
        assert again.tobytes() == raw.read_bytes() == lzma.decompress(body)


def test_recorded_csv(fixtures: Path) -> None:
    folder = fixtures / "dukascopy/limemojito/EURUSD/2018/06/05"
    quotes = decode_hour((folder / "05h_ticks.bi5").read_bytes())
    lines = (folder / "05h_ticks.csv").read_text().split()
    cells = [line.rsplit(",", 4) for line in (folder / "05h_ticks.csv").read_text().splitlines()[1:]]
    assert len(lines) > len(cells) == len(quotes) == 5_594
    assert quotes.ask.tolist() == [int(cell[1]) for cell in cells]
    assert quotes.bid.tolist() == [int(cell[3]) for cell in cells]
    assert quotes.ask_volume.tolist() == [round(float(cell[2]) * 1e6) for cell in cells]
    assert quotes.bid_volume.tolist() == [round(float(cell[4]) * 1e6) for cell in cells]
    seconds = [float(cell[0].rpartition(":")[2]) + 60 * int(cell[0].split(":")[1]) for cell in cells]
    assert quotes.us.tolist() == [round(second * 1000) * 1000 for second in seconds]


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        ("truncated_half.bi5", Fault.TRUNCATED),
        ("header_only_13bytes.bi5", Fault.TRUNCATED),
        ("not_lzma_html_error_page.bi5", Fault.NOT_LZMA),
        ("out_of_order_ticks_100_101.bi5", Fault.TIMES_FALL),
    ],
)
def test_recorded_damage(fixtures: Path, name: str, fault: Fault) -> None:
    assert fault_of((fixtures / "dukascopy/derived-corrupt" / name).read_bytes()) is fault


@settings(max_examples=200)
@given(st.integers(0, 10**6), st.integers(1, 255))
def test_a_changed_byte_of_a_recording_is_refused_or_harmless(fixtures: Path, at: int, flip: int) -> None:
    body = (fixtures / "dukascopy/dukascopy-node/EURUSD/2019/01/04/22h_ticks.bi5").read_bytes()
    at %= len(body)
    assert_refused_or_the_same(mutated(body, at, body[at] ^ flip), content_hash(5, 6, decode_hour(body)))


def test_every_cut_of_a_recording_is_refused(fixtures: Path) -> None:
    body = (fixtures / "dukascopy/dukascopy-node/EURUSD/2019/01/04/22h_ticks.bi5").read_bytes()
    for length in [*range(1, 40), *range(100, len(body), 211), *range(len(body) - 40, len(body))]:
        with pytest.raises(InvalidAnswerError):
            decode_hour(body[:length])
