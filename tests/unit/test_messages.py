"""The hour message: nothing is lost on the way through it, and other bytes are refused."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from candlewick import messages
from candlewick.hours import Gap, Hour, HourState, Quotes, Trades
from candlewick.instruments import Kind
from candlewick.times import HOUR_US

INTEGERS = st.integers(-(2**63), 2**63 - 1)
PUBLISHED = [HourState.DATA, HourState.CLOSED, HourState.PENDING]


@st.composite
def hours(draw: st.DrawFn) -> Hour:
    kind = draw(st.sampled_from(list(Kind)))
    ticks = Quotes if kind is Kind.QUOTES else Trades
    count = draw(st.integers(0, 30))
    column = st.lists(INTEGERS, min_size=count, max_size=count)
    columns = [np.array(draw(column), dtype=np.int64) for _ in ticks.names]
    hour_us = draw(st.integers(0, 700_000)) * HOUR_US
    bounds = sorted(draw(st.lists(st.integers(0, HOUR_US), unique=True, max_size=6)))
    gaps = tuple(Gap(hour_us + a, hour_us + b) for a, b in zip(bounds[::2], bounds[1::2], strict=False))
    return Hour(
        series=f"venue:{draw(st.text('abcxyz0189', min_size=1))}:{kind}",
        hour_us=hour_us,
        revision=draw(st.integers(0, 2**63 - 1)),
        state=draw(st.sampled_from(PUBLISHED)),
        source=draw(st.text()),
        price_scale=draw(st.integers(0, 18)),
        volume_scale=draw(st.integers(0, 18)),
        ticks=ticks(*columns),
        gaps=gaps,
    )


@given(hours())
def test_an_hour_comes_back_as_it_was_encoded(hour: Hour) -> None:
    back = messages.decode(messages.encode(hour))
    for name in ("series", "hour_us", "revision", "state", "source", "price_scale", "volume_scale", "gaps"):
        assert getattr(back, name) == getattr(hour, name)
    assert type(back.ticks) is type(hour.ticks)
    for got, wanted in zip(back.ticks.columns(), hour.ticks.columns(), strict=True):
        np.testing.assert_array_equal(got, wanted)
    assert back.hash == hour.hash


@given(hours(), st.data())
def test_a_message_cut_short_is_refused(hour: Hour, data: st.DataObject) -> None:
    whole = messages.encode(hour)
    cut = data.draw(st.integers(0, len(whole) - 1))
    with pytest.raises(ValueError):  # noqa: PT011  (how it is cut decides what is wrong)
        messages.decode(whole[:cut])


@given(hours(), st.binary(min_size=1, max_size=9))
def test_a_message_with_bytes_left_over_is_refused(hour: Hour, more: bytes) -> None:
    with pytest.raises(ValueError, match="left over"):
        messages.decode(messages.encode(hour) + more)


@given(st.binary(max_size=200))
def test_any_bytes_are_an_hour_or_refused(data: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        messages.decode(data)


def test_the_row_is_what_postgresql_casts() -> None:
    ticks = Quotes(*(np.array([n, n + 1], dtype=np.int64) for n in range(5)))
    hour = Hour("d:e:quotes", HOUR_US, 7, HourState.DATA, "bi5", 5, 0, ticks, (Gap(HOUR_US, HOUR_US + 9),))
    row = messages.row(hour)
    assert tuple(row) == messages.fields(Kind.QUOTES)
    assert row["hour"] == "1970-01-01T01:00:00Z"
    assert (row["gap_from"], row["gap_to"]) == ("{0}", "{9}")
    assert (row["us"], row["ask_volume"]) == ("{0,1}", "{4,5}")
    assert row["content_hash"] == f"\\x{hour.hash.hex()}"


def test_a_column_that_is_a_view_is_written_as_its_values() -> None:
    every_other = np.arange(10, dtype=np.int64)[::2]
    hour = Hour("d:e:quotes", 0, 7, HourState.DATA, "bi5", 5, 0, Quotes(*[every_other] * 5))
    assert messages.row(hour)["bid"] == "{0,2,4,6,8}"


def test_a_failed_hour_is_never_encoded() -> None:
    with pytest.raises(ValueError, match="failed"):
        messages.encode(Hour("d:e:quotes", 0, 7, HourState.FAILED, "bi5", 5, 0, Quotes()))


def test_content_that_its_hash_does_not_name_is_refused() -> None:
    ticks = Quotes(*(np.array([n], dtype=np.int64) for n in (1, 222, 333, 4, 5)))
    data = messages.encode(Hour("d:e:quotes", 0, 7, HourState.DATA, "bi5", 5, 0, ticks))
    assert data.count(b"{222}") == 1
    with pytest.raises(ValueError, match="hash"):
        messages.decode(data.replace(b"{222}", b"{223}"))
