"""The markets out of thin air: pure functions of seed, symbol, rate and time."""

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from candlewick.times import HOUR_US, SECOND_US, parse_time
from simulators.common import noise
from simulators.common.grid import ORIGIN_US, Grid
from simulators.kraken.pairs import BY_SYMBOL
from simulators.kraken.tape import SyntheticTape
from simulators.oanda import tape as oanda
from simulators.oanda.instruments import BY_NAME, always, sessions_of

NOW = parse_time("2026-03-04T12:00:00Z")
KEYS = st.integers(0, 2**64 - 1)
RATES = st.sampled_from([0.0005, 0.3, 2.0, 77.0, 3000.0])
MOMENTS = st.integers(ORIGIN_US, NOW)


class TestGrid:
    @settings(max_examples=40)
    @given(KEYS, RATES, MOMENTS)
    def test_a_moment_gives_the_number_and_the_number_the_moment(
        self, key: int, rate: float, moment: int
    ) -> None:
        grid = Grid(key, rate, 0.3)
        number = grid.number_at(moment)
        assert grid.time_us(number) >= moment
        if number > 1:
            assert grid.time_us(number - 1) < moment
        assert grid.number_at(grid.time_us(number)) <= number

    @settings(max_examples=40)
    @given(KEYS, RATES, MOMENTS, st.integers(1, 3000))
    def test_numbers_follow_each_other_in_time(self, key: int, rate: float, moment: int, count: int) -> None:
        grid = Grid(key, rate, 0.3)
        first = grid.number_at(moment)
        blocks = list(grid.blocks(first, first + count - 1))
        times = np.concatenate([block.times_ns for block in blocks])
        assert [block.first for block in blocks] == [
            first + sum(len(b.times_ns) for b in blocks[:index]) for index in range(len(blocks))
        ]
        assert len(times) == count
        assert (np.diff(times) >= 0).all()
        leaders = np.concatenate([block.leaders for block in blocks])
        same = np.diff(leaders) == 0
        assert (np.diff(times)[same] == 0).all()

    @settings(max_examples=40)
    @given(KEYS, MOMENTS, st.lists(st.tuples(st.integers(1, 10**9), RATES | st.just(0.0)), max_size=4))
    def test_a_changed_rate_leaves_the_past_and_goes_on_with_the_numbers(
        self, key: int, moment: int, changes: list[tuple[int, float]]
    ) -> None:
        grid = Grid(key, 50.0, 0.3)
        last = grid.number_at(moment) - 1
        before = [(number, grid.time_us(number)) for number in (1, last - 1, last) if 1 <= number <= last]
        for after_us, rate in changes:
            moment += after_us
            number = grid.number_at(moment)
            grid.set_rate(moment, rate)
            assert grid.number_at(moment) == number
            assert grid.time_us(number) >= moment
        assert before == [(number, grid.time_us(number)) for number, _ in before]

    def test_the_rate_is_what_it_says(self) -> None:
        for rate in (0.01, 1.0, 250.0, 10_000.0):
            grid = Grid(3, rate)
            span = 100_000 if rate < 100 else 100
            count = grid.number_at(NOW) - grid.number_at(NOW - span * SECOND_US)
            assert abs(count / span / rate - 1) < 0.05
            assert abs(grid.per_second() / rate - 1) < 0.001


class TestNoise:
    def test_shares_are_even(self) -> None:
        shares = noise.uniform(7, 1, np.arange(100_000))
        assert 0.49 < shares.mean() < 0.51
        assert (np.histogram(shares, 10, (0, 1))[0] > 9500).all()
        bell = noise.bell(7, 2, np.arange(100_000))
        assert abs(bell.mean()) < 0.02
        assert 0.95 < bell.std() < 1.05


class TestKraken:
    @settings(max_examples=40)
    @given(st.sampled_from(sorted(BY_SYMBOL)), st.integers(0, 3), RATES, MOMENTS)
    def test_trades_are_the_same_however_they_are_asked_for(
        self, symbol: str, seed: int, rate: float, moment: int
    ) -> None:
        first = SyntheticTape(BY_SYMBOL[symbol], seed, rate)
        second = SyntheticTape(BY_SYMBOL[symbol], seed, rate)
        number = first.next_id(moment) + 20
        rows = first.trades(number - 20, number + 20)
        assert [row.trade_id for row in rows] == list(range(max(number - 20, 1), number + 21))
        assert second.trades(number, number) == [row for row in rows if row.trade_id == number]
        assert all(row.price > 0 and row.qty > 0 for row in rows)
        assert all(later.time_ns >= earlier.time_ns for earlier, later in pairwise(rows))

    def test_moves_are_changes_and_the_best_is_the_last_of_them(self) -> None:
        tape = SyntheticTape(BY_SYMBOL["BTC/USD"], 0, 20.0)
        moves = tape.moves(NOW, NOW + 30 * SECOND_US)
        assert len(moves) > 50
        assert all(NOW < move.time_ns // 1000 <= NOW + 30 * SECOND_US for move in moves)
        assert all((b.bid, b.ask) != (a.bid, a.ask) for a, b in pairwise(moves))
        parts = [
            move
            for second in range(30)
            for move in tape.moves(NOW + second * SECOND_US, NOW + (second + 1) * SECOND_US)
        ]
        assert parts == moves
        best = tape.best(NOW + 30 * SECOND_US)
        assert (best.bid, best.ask) == (moves[-1].bid, moves[-1].ask)
        assert tape.next_move_us(NOW) <= moves[0].time_ns // 1000

    def test_the_day_holds_the_price(self) -> None:
        tape = SyntheticTape(BY_SYMBOL["ETH/USD"], 0, 2.0)
        day, best = tape.day(NOW), tape.best(NOW)
        assert day.low <= best.bid <= day.high
        assert day.low <= day.vwap <= day.high
        assert 160_000 < day.trades < 185_000


class TestOanda:
    def test_there_are_prices_in_sessions_only(self) -> None:
        made = oanda.SyntheticTape(BY_NAME["EUR_USD"], 0, 2.0, sessions_of("CURRENCY"))
        friday, sunday = parse_time("2026-03-06T21:58:00Z"), parse_time("2026-03-08T21:03:00Z")
        assert len(made.prices(friday - HOUR_US, friday - 1)) > 3000
        assert len(made.prices(friday - 1, sunday - 1)) == 0
        assert len(made.prices(sunday - 1, sunday + 60 * SECOND_US)) > 60
        last = made.last(sunday - 1)
        assert last is not None
        assert friday - 60 * SECOND_US < last.time_ns // 1000 < friday
        assert [made.is_open(moment) for moment in (friday - 1, friday, sunday - 1, sunday)] == [
            True,
            False,
            False,
            True,
        ]

    def test_the_daily_pause(self) -> None:
        for kind, opens in (("CURRENCY", "22:03"), ("METAL", "23:03")):
            name = "EUR_USD" if kind == "CURRENCY" else "XAU_USD"
            made = oanda.SyntheticTape(BY_NAME[name], 0, 2.0, sessions_of(kind))
            shut, open_ = parse_time("2026-02-03T21:58:00Z"), parse_time(f"2026-02-03T{opens}:00Z")
            assert len(made.prices(shut - 1, open_ - 1)) == 0
            assert len(made.prices(open_ - 1, open_ + 60 * SECOND_US)) > 60
        assert always().is_open(parse_time("2026-02-07T12:00:00Z"))

    @settings(max_examples=40)
    @given(st.lists(st.integers(1, 120 * SECOND_US), min_size=1, max_size=6), st.integers(0, 2))
    def test_prices_are_the_same_in_whatever_pieces(self, pieces: list[int], seed: int) -> None:
        made = oanda.SyntheticTape(BY_NAME["USD_JPY"], seed, 1.3, always())
        twin = oanda.SyntheticTape(BY_NAME["USD_JPY"], seed, 1.3, always())
        rows, after = [], NOW
        for piece in pieces:
            rows += made.prices(after, after + piece).rows()
            after += piece
        assert rows == twin.prices(NOW, after).rows()
        assert all(row.bid < row.ask for row in rows)
        if rows:
            assert twin.last(after) == rows[-1]
            assert twin.next_us(NOW) == rows[0].time_ns // 1000
