"""Which timeframe a span is drawn in."""

from hypothesis import given
from hypothesis import strategies as st

from candlewick.candles import Timeframe
from candlewick.times import DAY_US, HOUR_US
from web.zoom import LADDER, bars_in, coarser, finer, finest


@given(st.integers(0, 2**50), st.integers(1, 40 * 366 * DAY_US), st.integers(10, 2000))
def test_the_finest_that_fits(from_us: int, length_us: int, points: int) -> None:
    chosen = finest(from_us, from_us + length_us, points)
    fits = [one for one in Timeframe if bars_in(one, from_us, from_us + length_us) <= points]
    assert chosen == (fits[0] if fits else Timeframe.W1)


def test_usual_spans() -> None:
    assert finest(0, HOUR_US, 2000) is Timeframe.M1
    assert finest(0, 7 * DAY_US, 2000) is Timeframe.M15
    assert finest(0, 365 * DAY_US, 2000) is Timeframe.D1
    assert finest(0, 40 * 365 * DAY_US, 2000) is Timeframe.W1


def test_neighbours() -> None:
    assert finer("tick") is None
    assert finer("1m") == "tick"
    assert coarser("1w") is None
    assert [coarser(one) for one in LADDER[:-1]] == list(LADDER[1:])
    assert [finer(one) for one in LADDER[1:]] == list(LADDER[:-1])
