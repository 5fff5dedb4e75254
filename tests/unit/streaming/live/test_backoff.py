"""Backoff and budget of connection attempts."""

from hypothesis import given
from hypothesis import strategies as st

from streaming.live.backoff import Backoff, Budget


@given(st.lists(st.booleans(), max_size=200), st.floats(0, 1))
def test_delays_stay_within_the_cap_and_only_data_resets_them(data_came: list[bool], fraction: float) -> None:
    backoff = Backoff(0.5, 30.0, uniform=lambda low, high: low + fraction * (high - low))
    since_data = 0
    for came in data_came:
        if came:
            backoff.reset()
            since_data = 0
        delay = backoff.delay()
        assert 0 <= delay <= min(30.0, 0.5 * 2**since_data)
        since_data += 1
        assert backoff.attempts == since_data


@given(st.floats(0, 1000))
def test_what_the_venue_asks_for_is_kept_up_to_the_cap(asked: float) -> None:
    backoff = Backoff(uniform=lambda low, _high: low)
    assert backoff.delay(at_least_s=asked) == min(asked, 30.0)


def test_it_never_ends() -> None:
    backoff = Backoff()
    for _ in range(5000):
        assert backoff.delay() <= 30


@given(st.integers(1, 20), st.floats(0.1, 10), st.lists(st.floats(0, 5), min_size=1, max_size=60))
def test_a_budget_is_never_exceeded(capacity: int, interval: float, pauses: list[float]) -> None:
    budget = Budget(capacity, interval, 0.0)
    now = 0.0
    used: list[float] = []
    for pause in pauses:
        now += pause
        now += budget.take(now)
        used.append(now)
    for index, at in enumerate(used):
        window = [other for other in used[: index + 1] if at - other < interval * 0.999]
        assert len(window) <= capacity + 1
    assert len(used) <= capacity + used[-1] / interval + 1
