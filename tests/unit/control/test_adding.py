"""What is refused before anything is changed."""

from types import SimpleNamespace
from typing import Any

import pytest

from candlewick.control import add
from candlewick.errors import CandlewickError
from candlewick.times import HOUR_US, now_us


def test_a_history_that_begins_in_the_future_changes_nothing() -> None:
    untouchable: Any = SimpleNamespace()
    with pytest.raises(CandlewickError, match="no history begins at"):
        add(untouchable, "AUDCAD", from_us=now_us() + HOUR_US)
