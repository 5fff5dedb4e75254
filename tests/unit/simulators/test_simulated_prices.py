"""The price behind the simulated venues: one for all of them, and a sound one."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from candlewick.instruments import find
from candlewick.times import DAY_US, HOUR_US, MINUTE_US, SECOND_US, parse_time
from simulators.common.path import Path
from simulators.common.underlying import underlying
from simulators.dukascopy import tape as dukascopy
from simulators.kraken import tape as kraken
from simulators.kraken.pairs import BY_SYMBOL
from simulators.oanda import tape as oanda
from simulators.oanda.instruments import BY_NAME, always

TUESDAY = parse_time("2024-03-05")
NOON = TUESDAY + 12 * HOUR_US
EURUSD = underlying("eurusd", "EUR/USD")
MOMENTS = st.integers(parse_time("2014-01-01"), parse_time("2030-01-01"))


@settings(max_examples=40)
@given(MOMENTS, st.integers(1, 300), st.integers(0, 3))
def test_a_moment_has_its_price_whatever_is_asked_beside_it(at: int, step_s: int, seed: int) -> None:
    moments = at + np.arange(500) * step_s * SECOND_US
    together = Path(EURUSD, seed).middle(moments)
    for number in (0, 17, 499):
        assert Path(EURUSD, seed).middle(moments[number : number + 1])[0] == together[number]


@settings(max_examples=40)
@given(MOMENTS)
def test_the_price_does_not_jump(at: int) -> None:
    border = at // HOUR_US * HOUR_US
    for moment in (at, border):
        before, after = Path(EURUSD, 0).middle(np.array([moment - 1000, moment]))
        assert abs(after / before - 1) < 1e-5


def test_it_moves_as_much_as_the_underlying_is_said_to() -> None:
    for name in ("EUR/USD", "BTC/USD"):
        traded = underlying(find(name).symbol, name)
        path = Path(traded, 0)
        # Minutes of many Tuesdays: a fifth of a week's movement each, or a seventh.
        moves = [
            np.diff(np.log(path.middle(TUESDAY + week * 7 * DAY_US + np.arange(0, DAY_US, MINUTE_US))))
            for week in range(40)
        ]
        a_day = float(np.sqrt(np.mean([np.sum(move**2) for move in moves])))
        assert traded.yearly / np.sqrt(365) * 0.8 < a_day < traded.yearly / np.sqrt(250) * 1.4


def test_all_venues_have_the_same_price() -> None:
    ticks = dukascopy.Tape(find("EUR/USD"), 0, 100_000).hour(NOON)
    quotes = oanda.SyntheticTape(BY_NAME["EUR_USD"], 0, 5.0, always()).prices(NOON, NOON + HOUR_US)
    spread = float(np.mean(ticks["ask"].astype(np.int64) - ticks["bid"]))
    theirs = np.interp(
        quotes.times_ns / 1000, NOON + ticks["ms"].astype(np.int64) * 1000, ticks["bid"] + spread / 2
    )
    assert np.abs(theirs - (quotes.bid + quotes.ask) / 2).mean() < 5

    coins = dukascopy.Tape(find("BTC/USD"), 0, 100_000).hour(NOON)
    best = kraken.SyntheticTape(BY_SYMBOL["BTC/USD"], 0, 5.0).best(NOON + 30 * MINUTE_US)
    middle = float(coins["bid"][np.searchsorted(coins["ms"], 30 * 60_000)])
    assert abs(best.bid / middle - 1) < 0.002


def test_another_seed_is_another_price() -> None:
    at = np.array([NOON])
    assert len({float(Path(EURUSD, seed).middle(at)[0]) for seed in range(5)}) == 5
