"""Subscriptions of a connection, against a venue that may answer, refuse, or be silent."""

from itertools import pairwise

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from streaming.live.subscriptions import State, Subscriptions

KEYS = ("a", "b", "c", "d")
keys = st.sampled_from(KEYS)


class Against(RuleBasedStateMachine):
    """`venue` is what the venue has; requests and answers are on their way."""

    def __init__(self) -> None:
        super().__init__()
        self.subscriptions: Subscriptions[str] = Subscriptions(answer_s=5.0, again_s=30.0)
        self.now = 0.0
        self.wanted: set[str] = set()
        self.venue: set[str] = set()
        self.asked: set[str] = set()

    @rule(wanted=st.sets(keys))
    def want(self, wanted: set[str]) -> None:
        self.wanted = wanted
        self.subscriptions.want(wanted, self.now)

    @rule(seconds=st.floats(0.1, 40))
    def pass_time(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def send(self) -> None:
        for key in self.subscriptions.take_leaving():
            self.venue.discard(key)
            self.asked.discard(key)
        due = self.subscriptions.due(self.now)
        assert len(due) == len(set(due))
        assert set(due) <= self.wanted
        self.subscriptions.requested(due, self.now)
        self.asked |= set(due)

    @rule(key=keys)
    def acknowledge(self, key: str) -> None:
        if key in self.asked:
            self.asked.discard(key)
            self.venue.add(key)
            self.subscriptions.acknowledged(key, self.now)

    @rule(key=keys)
    def refuse(self, key: str) -> None:
        if key in self.asked:
            self.asked.discard(key)
            self.subscriptions.refused(key, "no such symbol", self.now)

    @rule()
    def disconnect(self) -> None:
        self.venue.clear()
        self.asked.clear()
        self.subscriptions.disconnected(self.now)

    @invariant()
    def knows_what_is_wanted(self) -> None:
        assert {key for key, _ in self.subscriptions.items()} == self.wanted

    @invariant()
    def believes_only_what_the_venue_said(self) -> None:
        assert set(self.subscriptions.active()) <= self.venue

    def teardown(self) -> None:
        """From any state, with a venue that answers, everything wanted becomes active and nothing else."""
        for _ in range(20):
            self.pass_time(31.0)
            self.send()
            for key in sorted(self.asked):
                self.acknowledge(key)
        assert set(self.subscriptions.active()) == self.wanted


TestAgainst = Against.TestCase
TestAgainst.settings = settings(max_examples=60, stateful_step_count=30)


def test_a_refused_one_is_asked_for_again_later_and_later() -> None:
    subscriptions: Subscriptions[str] = Subscriptions(again_s=30.0)
    subscriptions.want({"a"}, 0.0)
    asked_at = []
    for now in range(200):
        if subscriptions.due(float(now)):
            asked_at.append(now)
            subscriptions.requested(["a"], float(now))
            subscriptions.refused("a", "no", float(now))
    pauses = [after - before for before, after in pairwise(asked_at)]
    assert pauses[:4] == [2, 4, 8, 16]
    assert set(pauses[4:]) == {30}
    assert subscriptions["a"].reason == "no"


def test_an_answer_that_does_not_come_is_a_refusal() -> None:
    subscriptions: Subscriptions[str] = Subscriptions(answer_s=5.0)
    subscriptions.want({"a"}, 0.0)
    subscriptions.requested(subscriptions.due(0.0), 0.0)
    assert subscriptions.due(4.9) == []
    assert subscriptions["a"].state is State.PENDING
    subscriptions.due(5.0)
    assert (subscriptions["a"].state, subscriptions["a"].reason) == (State.REFUSED, "no answer")
