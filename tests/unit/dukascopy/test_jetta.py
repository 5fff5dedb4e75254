from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from candlewick.dukascopy.bi5 import decode_hour as decode_bi5
from candlewick.dukascopy.faults import Fault, InvalidAnswerError
from candlewick.dukascopy.jetta import decode_hour
from candlewick.hours import content_hash
from candlewick.times import parse_time
from tests.dukascopy_encoders import HOUR_MS, Tick, bi5, json_ticks

HOUR = parse_time("2026-07-13T12:00Z")
PRICES = st.integers(1, 2**31 - 1)
TICKS = st.lists(
    st.builds(
        Tick, st.integers(0, HOUR_MS - 1), PRICES, PRICES, st.integers(0, 2**31), st.integers(0, 2**31)
    ),
    max_size=40,
).map(lambda ticks: sorted(ticks, key=lambda tick: tick.ms))


def payload(**changes: Any) -> bytes:
    """The venue's example with some fields changed; None takes a field away."""
    fields = {
        "timestamp": HOUR // 1000,
        "multiplier": 0.00001,
        "ask": 1.08412,
        "bid": 1.08410,
        "times": [137, 505, 1200],
        "asks": [0, 1, -3],
        "bids": [0, 0, -2],
        "askVolumes": [1500000.0, 750000.0, 900000.0],
        "bidVolumes": [2250000.0, 1000000.0, 900000.0],
    } | changes
    return orjson.dumps({name: value for name, value in fields.items() if value != "absent"})


def fault_of(body: bytes) -> Fault:
    with pytest.raises(InvalidAnswerError) as refused:
        decode_hour(body, HOUR, 5)
    return refused.value.fault


def test_the_venue_s_own_example() -> None:
    quotes = decode_hour(payload(), HOUR, 5)
    assert quotes.us.tolist() == [137_000, 642_000, 1_842_000]
    assert quotes.ask.tolist() == [108_412, 108_413, 108_410]
    assert quotes.bid.tolist() == [108_410, 108_410, 108_408]
    assert quotes.ask_volume.tolist() == [1_500_000, 750_000, 900_000]
    assert quotes.bid_volume.tolist() == [2_250_000, 1_000_000, 900_000]


@given(TICKS, st.integers(0, 9))
def test_both_transports_have_the_same_hash(ticks: list[Tick], scale: int) -> None:
    by_json = decode_hour(json_ticks(ticks, HOUR, scale), HOUR, scale)
    assert content_hash(scale, 6, by_json) == content_hash(scale, 6, decode_bi5(bi5(ticks)))


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"timestamp": HOUR // 1000 - 3_600_000}, Fault.WRONG_PERIOD),
        ({"multiplier": 0.001, "ask": 1.084, "bid": 1.084}, Fault.SCALE_MISMATCH),
        ({"multiplier": 0.000001}, Fault.SCALE_MISMATCH),
        ({"multiplier": 0.00002}, Fault.FIELDS_MISSING),
        ({"multiplier": None}, Fault.FIELDS_MISSING),
        ({"ask": 1.084125}, Fault.PRICE_INEXACT),
        ({"bid": None}, Fault.FIELDS_MISSING),
        ({"bid": "1.08410"}, Fault.FIELDS_MISSING),
        ({"bid": -1.08410}, Fault.PRICE_NOT_POSITIVE),
        ({"asks": [0, -108_412, 0]}, Fault.PRICE_NOT_POSITIVE),
        ({"times": [137, -1, 1200]}, Fault.TIMES_FALL),
        ({"times": [-1, 1, 1]}, Fault.TIMES_FALL),
        ({"times": [0, 0, 3_600_000]}, Fault.TIME_OUTSIDE_HOUR),
        ({"times": [137, 505]}, Fault.RAGGED_RECORDS),
        ({"askVolumes": []}, Fault.RAGGED_RECORDS),
        ({"asks": [0, 0.5, 1]}, Fault.FIELDS_MISSING),
        ({"asks": [0, None, 1]}, Fault.FIELDS_MISSING),
        ({"asks": [0, 2**62, 2**62]}, Fault.FIELDS_MISSING),
        ({"asks": "absent"}, Fault.FIELDS_MISSING),
        ({"asks": 5}, Fault.FIELDS_MISSING),
        ({"askVolumes": [-1.0, 1.0, 1.0]}, Fault.VOLUME_INVALID),
    ],
)
def test_each_broken_rule_has_its_name(changes: dict[str, Any], fault: Fault) -> None:
    assert fault_of(payload(**changes)) is fault


@pytest.mark.parametrize("body", [b"", b"<html></html>", payload()[:-20], b"\xff\xfe"])
def test_what_is_no_json(body: bytes) -> None:
    assert fault_of(body) is Fault.NOT_JSON


@pytest.mark.parametrize("body", [b"[]", b"null", b"5", b"{}"])
def test_json_of_another_kind(body: bytes) -> None:
    assert fault_of(body) is Fault.FIELDS_MISSING


def test_an_empty_hour() -> None:
    names = ("times", "asks", "bids", "askVolumes", "bidVolumes")
    body = payload(ask=None, bid=None, **{name: [] for name in names})
    assert len(decode_hour(body, HOUR, 5)) == 0


@settings(max_examples=50)
@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5), st.lists))
def test_any_value_in_any_field_is_refused_or_read(value: Any) -> None:
    for name in ("timestamp", "multiplier", "ask", "times", "asks", "bidVolumes"):
        try:
            body = payload(**{name: value})
        except (TypeError, orjson.JSONEncodeError):
            return
        try:
            decode_hour(body, HOUR, 5)
        except InvalidAnswerError:
            continue


def test_recorded_hour(fixtures: Path) -> None:
    body = (fixtures / "dukascopy/dukascopy-node/json-feed-2026/ticks-EUR-USD-2026-7-13-12.json").read_bytes()
    quotes = decode_hour(body, HOUR, 5)
    assert len(quotes) == 3_551
    assert (quotes.ask[0], quotes.bid[0], quotes.us[0]) == (114_277, 114_273, 93_000)
    assert (quotes.ask >= quotes.bid).all()
    assert set((quotes.bid_volume % 10_000).tolist()) == {0}
    with pytest.raises(InvalidAnswerError):
        decode_hour(body[:-1], HOUR, 5)
