"""Numbers of live messages: exactly the decimal that was sent, or an error."""

from datetime import UTC, datetime
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from candlewick.live.numbers import (
    InexactError,
    decimals,
    has_long_number,
    scaled,
    scaled_pair,
    time_ns,
)

texts = st.builds(
    lambda whole, fraction, sign: f"{sign}{whole}.{fraction}" if fraction else f"{sign}{whole}",
    st.integers(0, 10**9).map(str),
    st.text("0123456789", max_size=12),
    st.sampled_from(["", "-"]),
)


def exact(text: str, scale: int) -> int | None:
    """By decimal arithmetic alone; None where the scale cannot hold it."""
    number = Decimal(text) * Decimal(10) ** scale
    return int(number) if number == int(number) and abs(number) < 1 << 63 else None


def as_read(text: str) -> float | Decimal:
    """As adapters read a bare JSON number."""
    frame = f'{{"price":{text}}}'.encode()
    of = dict[str, Decimal] if has_long_number(frame) else dict[str, float]
    return msgspec.json.decode(frame, type=of)["price"]  # type: ignore[return-value]


@given(texts, st.integers(0, 12))
def test_a_bare_json_number_becomes_exactly_the_decimal_that_was_sent(text: str, scale: int) -> None:
    value = as_read(text)
    wanted = exact(text, scale)
    if wanted is None:
        with pytest.raises(InexactError):
            scaled(value, scale)
    else:
        assert scaled(value, scale) == wanted


@given(texts, texts, st.integers(0, 12), st.integers(0, 12))
def test_a_pair_is_what_each_is_alone(first: str, second: str, scale: int, second_scale: int) -> None:
    wanted = exact(first, scale), exact(second, second_scale)
    if None in wanted:
        with pytest.raises(InexactError):
            scaled_pair(as_read(first), as_read(second), scale, second_scale)
    else:
        assert scaled_pair(as_read(first), as_read(second), scale, second_scale) == wanted


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 1e30])
def test_a_pair_with_what_is_no_price_is_refused(value: float) -> None:
    for pair in ((1.5, value), (value, 1.5)):
        with pytest.raises(InexactError):
            scaled_pair(*pair, 8, 8)


@given(texts, st.integers(0, 12))
def test_quoted_numbers_likewise(text: str, scale: int) -> None:
    wanted = exact(text, scale)
    if wanted is None:
        with pytest.raises(InexactError):
            scaled(text, scale)
    else:
        assert scaled(text, scale) == wanted


@pytest.mark.parametrize(
    ("text", "scale", "wanted"),
    [
        ("62310.1", 5, 6231010000),
        ("0.00044780", 8, 44780),
        ("1e-08", 8, 1),
        ("886110000000.00", 5, 88611000000000000),
        ("-429.3", 1, -4293),
        ("0.0", 8, 0),
    ],
)
def test_what_venues_send(text: str, scale: int, wanted: int) -> None:
    assert scaled(float(text), scale) == wanted
    assert scaled(text, scale) == wanted


@pytest.mark.parametrize(
    "text", ["nan", "inf", "-inf", "1e999", "1e30", "abc", "", "1e-999999999", "9e999999999"]
)
def test_what_is_no_price_is_refused(text: str) -> None:
    with pytest.raises(InexactError):
        scaled(text, 8)


def test_a_number_of_many_digits_is_not_trusted_to_a_float() -> None:
    assert has_long_number(b'{"price":0.123456789012345678}')
    assert not has_long_number(b'{"price":62310.12345678,"qty":0.01250000,"trade_id":98120441}')
    # The float of both is the same; only the text can tell.
    assert float("0.12345678000000001") == 0.12345678000000001
    with pytest.raises(InexactError):
        scaled(as_read("0.12345678000000001"), 8)


def test_decimals_counts_those_that_are_printed() -> None:
    assert [decimals(text) for text in ("62310.10000", "62310", "0.1")] == [5, 0, 1]


@given(st.integers(0, 4_000_000_000), st.integers(0, 999_999_999), st.integers(0, 9))
def test_times_keep_every_digit(second: int, fraction: int, digits: int) -> None:
    shown = f"{fraction:09d}"[:digits]
    text = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S") + (f".{shown}" if shown else "")
    assert time_ns(f"{text}Z") == second * 10**9 + int(shown.ljust(9, "0") or "0")


@pytest.mark.parametrize(
    "text", ["2026-08-20", "2026-08-20T14:03:12", "2026-08-20T14:03:12.1234567890Z", "", "x"]
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a time"):
        time_ns(text)
