import struct
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from candlewick.dukascopy.bi5 import decode_hour
from candlewick.dukascopy.faults import Fault, InvalidAnswerError
from candlewick.dukascopy.venue_candles import Level, decode_bi5, decode_json
from candlewick.times import DAY_US, HOUR_US, MINUTE_US, day_us
from tests.dukascopy_encoders import alone, minute_candles

DAY = date(2019, 2, 4)


def test_flat_rows_are_kept_until_they_are_dropped() -> None:
    candles = decode_bi5(minute_candles({61: 2.5}), Level.MINUTE, DAY)
    assert (len(candles), candles.complete) == (1440, True)
    assert not candles.has_volume(day_us(DAY), day_us(DAY) + HOUR_US)
    assert candles.has_volume(day_us(DAY) + HOUR_US, day_us(DAY) + 2 * HOUR_US)
    traded = candles.traded()
    assert traded.us.tolist() == [day_us(DAY) + 61 * MINUTE_US]
    assert traded.volume.tolist() == [2.5]


def test_a_file_that_lacks_minutes_is_not_complete() -> None:
    assert not decode_bi5(minute_candles({}, rows=1200), Level.MINUTE, DAY).complete


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        (b"", Fault.TRUNCATED),
        (b"<html>", Fault.NOT_LZMA),
        (minute_candles({})[:-9], Fault.TRUNCATED),
        (minute_candles({}, rows=1441), Fault.TOO_LARGE),
        (alone(bytes(25)), Fault.RAGGED_RECORDS),
        (alone(struct.pack(">iiiiif", 30, 5, 5, 5, 5, 1)), Fault.CANDLE_INVALID),
        (alone(struct.pack(">iiiiif", -60, 5, 5, 5, 5, 1)), Fault.WRONG_PERIOD),
        (alone(struct.pack(">iiiiif", 0, 5, 5, 6, 7, 1)), Fault.CANDLE_INVALID),
        (alone(struct.pack(">iiiiif", 0, 5, 9, 5, 7, 1)), Fault.CANDLE_INVALID),
        (alone(struct.pack(">iiiiif", 0, 0, 0, 0, 0, 1)), Fault.PRICE_NOT_POSITIVE),
        (alone(struct.pack(">iiiiif", 0, 5, 5, 5, 5, float("nan"))), Fault.VOLUME_INVALID),
        (alone(2 * struct.pack(">iiiiif", 0, 5, 5, 5, 5, 1)), Fault.TIMES_FALL),
    ],
)
def test_each_broken_rule_has_its_name(body: bytes, fault: Fault) -> None:
    with pytest.raises(InvalidAnswerError) as refused:
        decode_bi5(body, Level.MINUTE, DAY)
    assert refused.value.fault is fault


def test_periods() -> None:
    assert Level.HOUR.period(date(2019, 12, 31)) == (day_us(date(2019, 12, 1)), day_us(date(2020, 1, 1)))
    assert Level.DAY.period(date(2020, 2, 29)) == (day_us(date(2020, 1, 1)), day_us(date(2021, 1, 1)))
    assert Level.MINUTE.period(DAY) == (day_us(DAY), day_us(DAY) + DAY_US)


JSON = (
    b'{"timestamp":%d,"multiplier":0.00001,"open":1.08410,"high":1.08421,"low":1.08402,"close":1.08415,'
    b'"shift":60000,"times":[0,1,2],"opens":[0,5,-2],"highs":[0,-3,4],"lows":[0,9,-1],"closes":[0,-4,6],'
    b'"volumes":[812.5,640.1,701.9]}' % (day_us(DAY) // 1000)
)


def test_the_json_feed_s_own_example() -> None:
    candles = decode_json(JSON, Level.MINUTE, DAY, 5)
    assert ((candles.us - day_us(DAY)) // MINUTE_US).tolist() == [0, 1, 3]
    assert candles.open.tolist() == [108_410, 108_415, 108_413]
    assert candles.close.tolist() == [108_415, 108_411, 108_417]
    assert candles.complete


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        (b"60000", b"3600000", Fault.WRONG_PERIOD),
        (b"0.00001", b"0.001", Fault.SCALE_MISMATCH),
        (b"[0,1,2]", b"[0,0,2]", Fault.TIMES_FALL),
        (b"[0,1,2]", b"[0,1]", Fault.RAGGED_RECORDS),
        (b'"timestamp":1', b'"timestamp":2', Fault.WRONG_PERIOD),
        (b"812.5", b"null", Fault.FIELDS_MISSING),
    ],
)
def test_each_broken_rule_of_json_has_its_name(old: bytes, new: bytes, fault: Fault) -> None:
    assert old in JSON
    with pytest.raises(InvalidAnswerError) as refused:
        decode_json(JSON.replace(old, new), Level.MINUTE, DAY, 5)
    assert refused.value.fault is fault


def test_recorded_minutes_equal_recorded_ticks(fixtures: Path) -> None:
    folder = fixtures / "dukascopy/dukascopy-node/EURUSD/2019/01/04"
    candles = decode_bi5((folder / "BID_candles_min_1.bi5").read_bytes(), Level.MINUTE, DAY)
    minutes: dict[int, list[int]] = {}
    for hour, file in enumerate(sorted(folder.glob("*h_ticks.bi5"))):
        quotes = decode_hour(file.read_bytes())
        for us, bid in zip(quotes.us.tolist(), quotes.bid.tolist(), strict=True):
            minutes.setdefault((hour * HOUR_US + us) // MINUTE_US, []).append(bid)
    expected = [(m, bids[0], max(bids), min(bids), bids[-1]) for m, bids in sorted(minutes.items())]
    columns = (
        (candles.us - candles.start_us) // MINUTE_US,
        candles.open,
        candles.high,
        candles.low,
        candles.close,
    )
    assert np.stack(columns, axis=1).tolist() == [list(row) for row in expected]


@pytest.mark.parametrize(
    ("name", "level", "day", "counts"),
    [
        ("theorycraft/EURUSD/2019/01/ASK_candles_hour_1.bi5", Level.HOUR, DAY, (672, 480)),
        ("theorycraft/EURUSD/2019/ASK_candles_day_1.bi5", Level.DAY, DAY, (365, 313)),
        ("dukascopy-node/BTCUSD/2020/BID_candles_day_1.bi5", Level.DAY, date(2020, 5, 1), (366, 364)),
        ("dukascopy-node/BTCUSD/2023/00/BID_candles_hour_1.bi5", Level.HOUR, date(2023, 1, 9), (744, 730)),
    ],
)
def test_recorded_candle_files(
    fixtures: Path, name: str, level: Level, day: date, counts: tuple[int, int]
) -> None:
    candles = decode_bi5((fixtures / "dukascopy" / name).read_bytes(), level, day)
    assert (len(candles), len(candles.traded())) == counts
    assert candles.complete


def test_recorded_json_candles(fixtures: Path) -> None:
    folder = fixtures / "dukascopy/dukascopy-node/json-feed-2026"
    body = (folder / "candles-minute-EUR-USD-BID-2026-7-10.json").read_bytes()
    candles = decode_json(body, Level.MINUTE, date(2026, 7, 10), 5)
    assert (len(candles), candles.open[0], candles.complete) == (1258, 114_331, True)
    empty = (folder / "candles-minute-EUR-USD-BID-2026-7-11-empty.json").read_bytes()
    assert len(decode_json(empty, Level.MINUTE, date(2026, 7, 11), 5)) == 0
