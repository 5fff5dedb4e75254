"""When a quiet stream is worth a question."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from streaming.live.quiet import FASTEST_S, SLOWEST_S, Quiet


def test_a_busy_stream_is_asked_about_soon_and_a_slow_one_late() -> None:
    busy, slow = Quiet(0.0), Quiet(0.0)
    for step in range(400):
        busy.event(step / 10)
    for step in range(400):
        slow.event(step * 60.0)
    assert busy.limit_s() == FASTEST_S
    assert slow.limit_s() == SLOWEST_S


def test_neither_a_wait_for_the_first_event_nor_a_rest_is_a_pace() -> None:
    quiet = Quiet(0.0)
    for step in range(4):
        quiet.event(100_000 + step / 10)
    young = quiet.limit_s()
    assert young < 2 * FASTEST_S
    quiet.rest(200_000.0)
    quiet.event(200_000.1)
    assert quiet.limit_s() <= young


def test_a_young_stream_is_known_by_its_first_few_events() -> None:
    busy = Quiet(0.0)
    for step in range(6):
        busy.event(step / 10)
    assert busy.limit_s() <= 1.1 * FASTEST_S
    slow = Quiet(0.0)
    for step in range(6):
        slow.event(step * 60.0)
    assert slow.limit_s() == SLOWEST_S


def test_probes_that_find_nothing_come_further_apart_until_an_event() -> None:
    quiet = Quiet(0.0)
    for step in range(400):
        quiet.event(step / 10)
    now, asked = 40.0, []
    while now < 400:
        if quiet.is_due(now):
            asked.append(now)
            quiet.probed(now)
        now += 0.25
    pauses = [after - before for before, after in pairwise(asked)]
    assert pauses == sorted(pauses)
    assert pauses[0] < pauses[-1]
    quiet.event(now)
    assert quiet.limit_s() <= 2 * FASTEST_S or quiet.limit_s() < pauses[-1]


@given(st.lists(st.floats(0.001, 100_000), max_size=100))
def test_limits_stay_within_bounds_whatever_the_pace(pauses: list[float]) -> None:
    quiet, now = Quiet(0.0), 0.0
    for pause in pauses:
        now += pause
        quiet.event(now)
        assert FASTEST_S <= quiet.limit_s() <= SLOWEST_S
        assert not quiet.is_due(now)


def test_while_a_market_rests_no_time_passes() -> None:
    quiet = Quiet(0.0)
    quiet.rest(1000.0)
    assert not quiet.is_due(1000.0 + FASTEST_S / 2)


def test_a_pause_is_strange_until_the_venue_has_explained_it() -> None:
    quiet = Quiet(0.0)
    for step in range(400):
        quiet.event(step / 10)
    assert not quiet.is_strange(40.1)
    assert quiet.is_strange(45.0)
    quiet.unanswered(45.0)
    assert quiet.is_strange(45.1)
    assert not quiet.is_due(45.1)
    quiet.probed(46.0)
    assert not quiet.is_strange(46.1)
