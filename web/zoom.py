"""Which timeframe a span is drawn in. Pure."""

from candlewick.candles import INTRADAY_US, Timeframe
from candlewick.times import DAY_US, HOUR_US

TICK = "tick"
LADDER = (TICK, *(timeframe.value for timeframe in Timeframe))
"""From the finest to the coarsest."""

MOST_BARS = 2_000
"""More points than a wide screen has pixels for."""

MOST_ASKED_FOR = 5_000
"""Bars or ticks that are given where somebody names the timeframe."""

LENGTHS_US = {
    **INTRADAY_US,
    Timeframe.H4: 4 * HOUR_US,
    Timeframe.D1: DAY_US,
    Timeframe.W1: 7 * DAY_US,
}


def bars_in(timeframe: Timeframe, from_us: int, to_us: int) -> int:
    """How many candles of a timeframe a span has room for."""
    return -(-(to_us - from_us) // LENGTHS_US[timeframe])


def finest(from_us: int, to_us: int, points: int) -> Timeframe:
    """The finest timeframe of which a span has room for no more than `points`, or else the coarsest."""
    return next((one for one in Timeframe if bars_in(one, from_us, to_us) <= points), Timeframe.W1)


def finer(timeframe: str) -> str | None:
    """The next finer one; None for ticks."""
    at = LADDER.index(timeframe)
    return LADDER[at - 1] if at else None


def coarser(timeframe: str) -> str | None:
    """The next coarser one; None for weeks."""
    at = LADDER.index(timeframe) + 1
    return LADDER[at] if at < len(LADDER) else None
