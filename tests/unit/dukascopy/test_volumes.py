from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from candlewick.dukascopy import volumes
from candlewick.dukascopy.faults import Fault, InvalidAnswerError


def shortest_decimal_units(million: np.float32) -> Decimal:
    """Whole units by the shortest decimal text of a float32, the slow way."""
    return Decimal(np.format_float_positional(million, unique=True)) * 1_000_000


@given(st.lists(st.integers(0, 15_999_999), min_size=1))
def test_every_whole_unit_below_16_million_survives(units: list[int]) -> None:
    held = (np.array(units, dtype=np.float64) / 1e6).astype(np.float32)
    assert volumes.from_millions(held).tolist() == units


@given(st.lists(st.integers(0, 9_000_000_000), min_size=1))
def test_both_ways_give_the_same_units(units: list[int]) -> None:
    held = (np.array(units, dtype=np.float64) / 1e6).astype(np.float32)
    assert (
        volumes.from_units(np.array(units, dtype=np.float64)).tolist() == volumes.from_millions(held).tolist()
    )


@given(st.lists(st.integers(1, 400_000), min_size=1))
def test_large_volumes_are_the_shortest_decimal(hundredths: list[int]) -> None:
    held = (np.array(hundredths, dtype=np.float64) / 100).astype(np.float32)
    expected = [shortest_decimal_units(value) for value in held]
    assert volumes.from_millions(held).tolist() == expected == [n * 10_000 for n in hundredths]


def test_a_value_without_a_round_neighbour_keeps_its_units() -> None:
    held = np.array([16_540_000 / 1e6, 17_670_002 / 1e6], dtype=np.float32)
    assert volumes.from_millions(held).tolist() == [16_540_000, 17_670_002]


@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf"), -0.5, 1e30])
def test_impossible_volumes_are_refused(value: float) -> None:
    with pytest.raises(InvalidAnswerError) as refused:
        volumes.from_millions(np.array([1.0, value], dtype=np.float32))
    assert refused.value.fault is Fault.VOLUME_INVALID
    with pytest.raises(InvalidAnswerError):
        volumes.from_units(np.array([1.0, value]))


def test_fractions_of_a_unit_are_refused_in_bi5() -> None:
    with pytest.raises(InvalidAnswerError) as refused:
        volumes.from_millions(np.array([1.0, 1.48e-6], dtype=np.float32))
    assert refused.value.fault is Fault.VOLUME_INEXACT


def test_fractions_of_the_json_feed_are_what_bi5_has_for_them() -> None:
    """Every pair of volumes that BTC/USD 2023-02-20 12:00 has by the two transports."""
    json_units = [1.45, 1.46, 1.48, 1.5, 4.0, 6.45, 6.46, 6.48, 6.5, 9.0, 11.45, 11.46, 11.48, 11.5, 13.0]
    bi5_units = [1, 1, 1, 2, 4, 6, 6, 6, 6, 9, 11, 11, 11, 12, 13]
    json_units += [16.45, 16.46, 16.5]
    bi5_units += [16, 16, 16]
    assert volumes.from_units(np.array(json_units)).tolist() == bi5_units
