"""Where live goes on behind what is stored."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from candlewick.errors import CandlewickError
from candlewick.position import Position
from candlewick.times import HOUR_US
from web.positions import EdgeHour, Resume, resume

H = 500_000 * HOUR_US


def hour(number: int, state: str, entry: int) -> EdgeHour:
    return EdgeHour(H + number * HOUR_US, state, f"live:7:{entry}", intraday=True, daily=True)


def test_a_running_hour_alone() -> None:
    assert resume([hour(1, "pending", 50), hour(0, "data", 30)]) == Resume(Position(7, 50))


def test_an_hour_that_is_not_final_holds_the_beginning_back() -> None:
    found = resume([hour(1, "pending", 50), hour(0, "pending", 30)])
    assert found is not None
    assert found.begin == Position(7, 30)
    assert not found.knows(Position(7, 40), H + 5)
    assert found.knows(Position(7, 40), H + HOUR_US + 5)
    assert not found.knows(Position(7, 51), H + HOUR_US + 5)
    assert found.advanced(Position(7, 60)) == Resume(Position(7, 60))


def test_an_older_hour_that_was_made_anew_is_known_further() -> None:
    found = resume([hour(1, "pending", 50), hour(0, "data", 55)])
    assert found is not None
    assert found.begin == Position(7, 50)
    assert found.knows(Position(7, 55), H + 5)
    assert not found.knows(Position(7, 55), H + HOUR_US + 5)


def test_hours_that_no_recorder_made_say_nothing() -> None:
    assert resume([EdgeHour(H, "data", "rest", intraday=True, daily=True)]) is None
    assert resume([]) is None


positions = st.builds(Position, st.integers(-1, 2**40), st.integers(-1, 2**40))


@given(positions, st.dictionaries(st.integers(0, 10**16), positions, max_size=3))
def test_what_a_browser_hands_back_is_what_it_was_given(begin: Position, hours: dict[int, Position]) -> None:
    assert Resume.parse(str(Resume(begin, hours))) == Resume(begin, hours)


@pytest.mark.parametrize("text", ["x", "1", "1:2;3", "1:2;x=1:2", "1:2;3=4", ";", "9" * 30 + ":1", "1:2:3"])
def test_what_nobody_gave_is_refused(text: str) -> None:
    with pytest.raises(CandlewickError):
        Resume.parse(text)
