"""What a follower remembers, without servers."""

from types import SimpleNamespace
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from candlewick.consume import Broker, Follower, Ids, Missing
from candlewick.instruments import AssetClass, Kind, Series
from candlewick.times import HOUR_US


@given(st.lists(st.one_of(st.integers(0, 40), st.lists(st.integers(0, 40), max_size=8)), max_size=20))
def test_ids_are_a_set(steps: list[int | list[int]]) -> None:
    ids, known = Ids(), set[int]()
    for step in steps:
        if isinstance(step, int):
            assert ids.add(step) == (step not in known)
            known.add(step)
        else:
            ids.add_sorted(np.array(sorted(set(step)), dtype=np.int64))
            known |= set(step)
        assert {number for number in range(42) if number in ids} == known


def test_hours_behind_the_last_row_of_a_history_are_missing() -> None:
    series = Series("dukascopy", "eurusd", Kind.QUOTES, AssetClass.FOREX, 5, 6, "forex")
    holes = [
        SimpleNamespace(hour_us=hour * HOUR_US, hole=True, source=None, reason="never asked")
        for hour in (1, 2)
    ]
    store: Any = SimpleNamespace(read_hours=lambda *_: iter(()), coverage=lambda *_: holes)
    found = list(Follower(store, Broker("unused", "unused", None), series, HOUR_US, None))
    assert found == [Missing(hour * HOUR_US, (hour + 1) * HOUR_US, "never asked") for hour in (1, 2)]
