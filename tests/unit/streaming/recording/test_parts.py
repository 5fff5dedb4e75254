"""Spans, columns and merging, each by itself."""

import itertools
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from candlewick import merge
from candlewick.calendars import calendar
from candlewick.hours import Quotes, Trades
from candlewick.times import HOUR_US, parse_time
from streaming.recording import columns, pace, spans
from streaming.recording.columns import Growing
from tests.live_topics import trade

SPAN = st.tuples(st.integers(0, 30), st.integers(1, 10)).map(lambda pair: (pair[0], sum(pair)))
SPANS = st.lists(SPAN, max_size=6)


def members(found: list[tuple[int, int]]) -> set[int]:
    return {number for first, end in found for number in range(first, end)}


@given(SPANS)
def test_joined_spans_hold_the_same_and_do_not_touch(given_spans: list[tuple[int, int]]) -> None:
    found = spans.joined(given_spans)
    assert members(found) == members(given_spans)
    assert all(end < first for (_, end), (first, _) in itertools.pairwise(found))


@given(SPANS, SPANS)
def test_minus(given_spans: list[tuple[int, int]], taken: list[tuple[int, int]]) -> None:
    assert members(spans.minus(given_spans, taken)) == members(given_spans) - members(taken)


@given(SPANS, SPANS)
def test_what_is_filled_goes_but_for_a_border_that_others_need(
    given_spans: list[tuple[int, int]], filled: list[tuple[int, int]]
) -> None:
    held = spans.joined(given_spans)
    left = members(spans.without(held, filled))
    assert members(held) - members(filled) <= left <= members(held)
    inner = {n for first, end in spans.joined(filled) for n in range(first + 1, end - 1)}
    assert not left & inner


def test_gaps_are_cut_to_the_week() -> None:
    friday = parse_time("2024-03-08T22:00")
    week = calendar("forex")
    assert spans.cut((friday - HOUR_US, friday + 3 * HOUR_US), friday + HOUR_US, week) == []
    open_hour = parse_time("2024-03-06T10:00")
    assert spans.cut((open_hour - 5, open_hour + 7), open_hour, week) == [(open_hour, open_hour + 7)]


def test_consecutive_ids_close_a_gap() -> None:
    hour_us = parse_time("2024-03-06T10:00")
    table = np.array([[10, 1], [20, 2], [20, 3], [40, 5], [50, 6]], dtype=np.int64)
    trades = Trades(table[:, 0], table[:, 1], table[:, 0], table[:, 0], np.ones(5, dtype=np.int64))

    def is_open(first: int, end: int) -> bool:
        return bool(spans.still_open([(hour_us + first, hour_us + end)], hour_us, trades))

    assert not is_open(10, 21)
    assert is_open(20, 41)
    assert not is_open(40, 50)
    assert is_open(50, HOUR_US)
    assert is_open(0, 21)


QUOTE = st.tuples(st.integers(0, 3), st.integers(1, 2), st.integers(1, 2))


def quotes(rows: list[tuple[int, int, int]]) -> Quotes:
    table = np.array(sorted(rows, key=lambda row: row[0]), dtype=np.int64).reshape(-1, 3)
    return Quotes(table[:, 0], table[:, 1], table[:, 2], table[:, 1], table[:, 2])


def counted(found: Quotes) -> Counter[tuple[int, ...]]:
    return Counter(zip(*(column.tolist() for column in found.columns()), strict=True))


@given(st.lists(QUOTE, max_size=12), st.lists(QUOTE, max_size=12))
def test_merged_quotes_hold_each_as_often_as_either(
    a: list[tuple[int, int, int]], b: list[tuple[int, int, int]]
) -> None:
    merged = merge.merge_quotes(quotes(a), quotes(b))
    assert counted(merged) == counted(quotes(a)) | counted(quotes(b))
    assert (np.diff(merged.us) >= 0).all()
    again = merge.merge_quotes(merged, quotes(b))
    assert [c.tolist() for c in again.columns()] == [c.tolist() for c in merged.columns()]


@pytest.mark.parametrize(
    ("asked_later", "stored_is_live", "ours"), [(0, True, True), (1, True, False), (1, False, True)]
)
def test_whose_copy_of_a_trade_wins(asked_later: int, *, stored_is_live: bool, ours: bool) -> None:
    one = np.ones(1, dtype=np.int64)
    stored, mine = Trades(one, one, one, one, one), Trades(2 * one, one, one, one, one)
    merged = merge.merge_trades(stored, mine, np.array([bool(asked_later)]), stored_is_live=stored_is_live)
    assert merged.us.tolist() == [2 if ours else 1]


def test_a_trade_is_kept_once_and_as_it_happened() -> None:
    growing = Growing()
    for us, trade_id, origin in ((5, 2, "rest"), (3, 1, "stream"), (4, 2, "snapshot"), (9, 3, "rest")):
        growing.trade(us, trade(us * 1000, trade_id, origin))
    made, asked_later = columns.trades(growing.table())
    assert made.trade_id.tolist() == [1, 2, 3]
    assert made.us.tolist() == [3, 4, 9]
    assert asked_later.tolist() == [False, False, True]


def test_running_hours_cost_a_megabyte_a_second_at_most() -> None:
    assert pace.interval_s(1000, 10) == pace.EVERY_S
    ticks = [3_000_000, 500_000, 10]
    cost = sum(each * pace.BYTES_EACH / pace.interval_s(each, len(ticks)) for each in ticks)
    assert cost <= pace.BYTES_PER_S
