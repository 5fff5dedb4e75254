"""What a follower remembers, without servers."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from candlewick.consume import Ids


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
