"""What a fault of a live venue befalls, for how long and how often; the clock and the budget beside it."""

import pytest

from candlewick.errors import CandlewickError
from simulators.common.budget import Budget
from simulators.common.clock import Clock
from simulators.common.faults import FaultName, LiveFaults, LiveRule

ALL = frozenset(FaultName)


class Watch:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def faults(*rules: object, watch: Watch | None = None) -> LiveFaults:
    return LiveFaults(ALL, [LiveRule.parse(rule) for rule in rules], watch or Watch())


def test_a_rule_is_written_as_text_or_as_an_object() -> None:
    text = LiveRule.parse("mute:symbol=BTC/USD,for=2.5,count=1,retry-after=3")
    assert text == LiveRule.parse(
        {"fault": "mute", "symbol": "BTC/USD", "for": 2.5, "count": 1, "retry-after": 3}
    )
    assert faults("refuse:error=EService:Unavailable").report() == [
        {"fault": "refuse", "error": "EService:Unavailable", "hits": 0, "in-force": True}
    ]


@pytest.mark.parametrize("wrong", ["nonsense", "mute:colour=red", "mute:count=-1", "mute:for=x", 7])
def test_what_no_rule_says_is_refused(wrong: object) -> None:
    with pytest.raises(CandlewickError):
        LiveRule.parse(wrong)


def test_a_venue_has_its_own_faults() -> None:
    with pytest.raises(CandlewickError, match="no fault 'expire-token'"):
        LiveFaults(frozenset({FaultName.MUTE}), [LiveRule.parse("expire-token")])


def test_a_fault_lasts_for_its_time() -> None:
    watch = Watch()
    made = faults("mute:after=1,for=2", watch=watch)
    seen = []
    for _ in range(4):
        seen.append((made.armed, made.peek(FaultName.MUTE, "BTC/USD") is not None))
        watch.now += 1
    assert seen == [(True, False), (True, True), (True, True), (False, False)]


def test_a_count_is_of_messages_for_what_befalls_messages() -> None:
    made = faults("duplicate-trades:count=2,symbol=ETH/*")
    assert made.strikes(FaultName.DUPLICATE_TRADES, "BTC/USD") is None
    hit = [made.strikes(FaultName.DUPLICATE_TRADES, "ETH/USD") is not None for _ in range(4)]
    assert hit == [True, True, False, False]
    assert made.report()[0]["hits"] == 2


def test_what_damages_befalls_once_unless_told_otherwise() -> None:
    made, longer = faults("skip"), faults("skip:for=10")
    assert [made.strikes(FaultName.SKIP) is not None for _ in range(3)] == [True, False, False]
    assert [longer.strikes(FaultName.SKIP) is not None for _ in range(3)] == [True, True, True]


def test_a_count_is_of_holders_for_what_holds() -> None:
    made = faults("silent:count=1")
    held = [made.holds(FaultName.SILENT, number) is not None for number in (1, 2, 1, 3)]
    assert held == [True, False, True, False]
    everyone = faults("silent")
    assert all(everyone.holds(FaultName.SILENT, number) for number in (1, 2, 3))
    assert everyone.report()[0]["hits"] == 3
    only = faults("silent:connection=2")
    assert [only.holds(FaultName.SILENT, n, connection=n) is not None for n in (1, 2)] == [False, True]


def test_an_end_sweeps_what_is_open_and_is_spent() -> None:
    made = faults("drop")
    made.swept()
    assert [made.ends(number, ["BTC/USD"]) is not None for number in (1, 2)] == [True, True]
    made.swept()
    assert made.ends(3, ["BTC/USD"]) is None
    assert not made.armed


def test_an_end_with_a_count_or_a_time_befalls_those_that_come() -> None:
    counted, named = faults("close:count=2"), faults("close:symbol=ETH/USD,for=9")
    for number, expected in ((1, True), (2, True), (3, False)):
        assert (counted.ends(number, []) is not None) == expected
        counted.swept()
    assert named.ends(1, ["BTC/USD"]) is None
    assert named.ends(2, ["BTC/USD", "ETH/USD"]) is not None


def test_requests_are_chosen_by_their_path() -> None:
    made = faults("rest-down:path=Tra*,count=1")
    assert made.strikes(FaultName.REST_DOWN, path="Time") is None
    assert made.strikes(FaultName.REST_DOWN, path="Trades") is not None


def test_a_budget_allows_its_rate_and_one_call_more() -> None:
    watch = Watch()
    budget = Budget(1, watch)
    assert [budget.allows("a") for _ in range(3)] == [True, True, False]
    assert budget.allows("b")
    allowed = []
    for _ in range(20):
        watch.now += 0.999
        allowed.append(budget.allows("a"))
    assert sum(allowed) >= 19
    assert all(Budget(0, watch).allows("a") for _ in range(1000))


def test_a_clock_may_run_faster_and_pause() -> None:
    clock = Clock(1_000_000, running=True, speed=1000)
    before = clock.changes
    clock.pause()
    stopped = clock.now_us()
    assert stopped == clock.now_us() >= 1_000_000
    assert clock.stands_still
    clock.go_on()
    assert not clock.stands_still
    clock.place(5_000_000)
    assert (clock.now_us(), clock.changes) == (5_000_000, before)
    clock.set(None)
    assert clock.changes == before + 1
