from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from candlewick.dukascopy.bi5 import decode_hour
from candlewick.dukascopy.day_object import decode_day
from candlewick.dukascopy.faults import Fault, InvalidAnswerError
from candlewick.hours import Quotes, content_hash
from candlewick.times import HOUR_US, day_us
from tests.dukascopy_encoders import HOUR_MS, Tick, alone, bi5, records

DAY = day_us(date(2019, 2, 4))

PRICES = st.integers(1, 200_000)
UNITS = st.integers(0, 9_000_000)
TICKS = st.builds(Tick, st.integers(0, HOUR_MS - 1), PRICES, PRICES, UNITS, UNITS)
HOURS = st.dictionaries(st.integers(0, 23), st.lists(TICKS, min_size=1, max_size=8), max_size=24).map(
    lambda hours: {hour: sorted(ticks, key=lambda tick: tick.ms) for hour, ticks in sorted(hours.items())}
)


def full_day(seed: int = 7) -> dict[int, list[Tick]]:
    """Ticks in every hour, some of them early and some late."""
    random = np.random.default_rng(seed)
    return {
        hour: [
            Tick(int(ms), 108_000 + hour, 108_002 + hour, 1_000_000 + int(ms), 2_000_000)
            for ms in sorted([*random.integers(0, 60_000, 3), *random.integers(HOUR_MS - 60_000, HOUR_MS, 3)])
        ]
        for hour in range(24)
    }


def since_day(hours: dict[int, list[Tick]]) -> list[Tick]:
    return [t._replace(ms=t.ms + hour * HOUR_MS) for hour, ticks in sorted(hours.items()) for t in ticks]


def put_together(hours: dict[int, list[Tick]]) -> list[Tick]:
    return [tick for _, ticks in sorted(hours.items()) for tick in ticks]


def hashes(decoded: dict[int, Quotes]) -> dict[int, bytes]:
    return {hour_us: content_hash(5, 6, quotes) for hour_us, quotes in decoded.items()}


def from_hour_files(hours: dict[int, list[Tick]]) -> dict[int, bytes]:
    return hashes({DAY + hour * HOUR_US: decode_hour(bi5(ticks)) for hour, ticks in hours.items()})


def fault_of(body: bytes) -> Fault:
    with pytest.raises(InvalidAnswerError) as refused:
        decode_day(body, DAY)
    return refused.value.fault


@given(HOURS.filter(lambda hours: not hours or max(hours) > 0))
def test_day_and_hour_files_have_the_same_hashes(hours: dict[int, list[Tick]]) -> None:
    assert hashes(decode_day(bi5(since_day(hours)), DAY)) == from_hour_files(hours)


def test_a_body_without_bytes_is_an_empty_day() -> None:
    assert decode_day(b"", DAY) == {}


def test_24_streams_are_the_24_hours() -> None:
    hours = full_day()
    hours[3] = []
    body = b"".join(bi5(hours[hour]) for hour in range(24))
    del hours[3]
    assert hashes(decode_day(body, DAY)) == from_hour_files(hours)


def test_streams_whose_times_go_on_through_the_day() -> None:
    hours = full_day()
    del hours[0], hours[9]
    body = b"".join(alone(records(since_day({hour: ticks}))) for hour, ticks in hours.items())
    assert hashes(decode_day(body, DAY)) == from_hour_files(hours)


def test_one_stream_whose_times_begin_again_23_times() -> None:
    hours = full_day()
    assert hashes(decode_day(bi5(put_together(hours)), DAY)) == from_hour_files(hours)


@pytest.mark.parametrize("lost", range(24))
def test_a_lost_hour_moves_no_other(lost: int) -> None:
    hours = full_day()
    del hours[lost]
    assert fault_of(b"".join(bi5(ticks) for ticks in hours.values())) is Fault.HOURS_NOT_PLACED
    assert fault_of(bi5(put_together(hours))) is Fault.HOURS_NOT_PLACED


def test_a_lost_hour_and_a_small_step_back_are_no_24_hours() -> None:
    hours = full_day()
    del hours[5]
    hours[8] = [*hours[8], hours[8][-1]._replace(ms=hours[8][-1].ms - 1)]
    assert fault_of(bi5(put_together(hours))) is Fault.HOURS_NOT_PLACED


def test_one_hour_alone_is_not_taken_for_the_first_of_the_day() -> None:
    assert fault_of(bi5(full_day()[13])) is Fault.HOURS_NOT_PLACED


def test_times_that_fall_or_leave_the_day() -> None:
    assert fault_of(bi5([Tick(2 * HOUR_MS, 1, 1), Tick(1, 1, 1)])) is Fault.TIMES_FALL
    assert fault_of(bi5([Tick(24 * HOUR_MS, 1, 1)])) is Fault.TIME_OUTSIDE_DAY
    assert fault_of(bi5([Tick(-1, 1, 1)])) is Fault.TIME_OUTSIDE_DAY


def test_disorder_within_an_hour_of_24_streams() -> None:
    hours = full_day()
    hours[4] = hours[4][::-1]
    assert fault_of(b"".join(bi5(hours[hour]) for hour in range(24))) is Fault.TIMES_FALL


def test_damage() -> None:
    body = bi5(since_day(full_day()))
    assert fault_of(body[:-20]) is Fault.TRUNCATED
    assert fault_of(body + b"garbage") is Fault.TRAILING_GARBAGE
    assert fault_of(body + body[:40]) is Fault.TRUNCATED
    assert fault_of(b"<html>") is Fault.NOT_LZMA


def test_recorded_hours_as_a_day_object(fixtures: Path) -> None:
    folder = fixtures / "dukascopy/dukascopy-node/EURUSD/2019/01/04"
    bodies = [file.read_bytes() for file in sorted(folder.glob("*h_ticks.bi5"))]
    decoded = decode_day(b"".join(bodies), DAY)
    assert hashes(decoded) == hashes({DAY + i * HOUR_US: decode_hour(body) for i, body in enumerate(bodies)})
    assert sum(len(quotes) for quotes in decoded.values()) == 136_741
