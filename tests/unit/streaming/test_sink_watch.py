"""The guard's decisions against a model of a sink that never reconnects by itself."""

import random

from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from candlewick import topics
from candlewick.health import Condition
from candlewick.instruments import dukascopy_series, find
from candlewick.position import Position
from candlewick.times import SECOND_US
from streaming.sink_watch import (
    LONGEST_LIST,
    LONGEST_WAIT_US,
    ORPHANED_US,
    Examine,
    Look,
    Restart,
    SinkWatch,
    Standing,
    Trial,
    Verdict,
)

INTERVAL_US = 5 * SECOND_US
TOPICS = ("a", "b", "c")
INSTANCES = 2


class World:
    """A broker, a database and a sink, as far as the guard can see and touch them."""

    def __init__(self, seed: int = 0) -> None:
        self.watch = SinkWatch(random.Random(seed))
        self.now = 0
        self.database_up = self.broker_up = True
        self.database_started = 1
        self.connected = True
        self.stuck = False  # connected, yet nothing moves
        self.owed: dict[str, dict[Position, bool]] = {topic: {} for topic in TOPICS}  # whether each is poison
        self.landed = dict.fromkeys(TOPICS, 0)
        self.published = 0
        self.ever_poison: set[tuple[str, Position]] = set()
        self.restarts: list[int] = []
        self.restart_helps = True

    def publish(self, topic: str, *, poison: bool) -> Position:
        self.published += 1
        position = Position(self.published // 50, self.published % 50)
        self.owed[topic][position] = poison
        if poison:
            self.ever_poison.add((topic, position))
        return position

    def restart_database(self) -> None:
        self.database_started += 1
        self.connected = False

    def land(self) -> None:
        if self.connected and self.database_up and self.broker_up and not self.stuck:
            for topic, rows in self.owed.items():
                for position in [position for position, poison in rows.items() if not poison]:
                    del rows[position]
                    self.landed[topic] += 1

    def look(self) -> Look:
        standings = {topic: Standing(len(self.owed[topic]), self.landed[topic]) for topic in TOPICS}
        return Look(
            self.now,
            self.database_started if self.database_up else None,
            INSTANCES if self.connected and self.database_up else 0,
            INSTANCES,
            standings if self.broker_up else None,
        )

    def turn(self) -> None:
        """Five seconds pass, the sink does its work, the guard looks and acts."""
        self.now += INTERVAL_US
        self.land()
        look = self.look()
        for action in self.watch.decide(look):
            assert look.database is not None
            assert look.topics is not None
            if isinstance(action, Restart):
                self.restarts.append(self.now)
                if self.restart_helps:
                    self.connected, self.stuck = True, False
            else:
                self._examine(action)
        self.land()

    def _examine(self, action: Examine) -> None:
        rows = self.owed[action.topic]
        for position in self.watch.listed(self.now, action, sorted(rows)[:LONGEST_LIST]):
            verdict = Verdict.POISON if rows[position] else Verdict.SOUND
            error = "no" if rows[position] else ""
            self.watch.tried(self.now, action.topic, position, Trial(verdict, error, "label", position))

    def turns(self, seconds: int) -> None:
        for _ in range(seconds * SECOND_US // INTERVAL_US):
            self.turn()

    def sound_owed(self) -> int:
        return sum(not poison for rows in self.owed.values() for poison in rows.values())

    def named(self) -> set[tuple[str, Position]]:
        return {(poison.topic, poison.position) for poison in self.watch.poison}


class SinkWatchMachine(RuleBasedStateMachine):
    @initialize(seed=st.integers(0, 99))
    def begin(self, seed: int) -> None:
        self.world = World(seed)

    @rule(topic=st.sampled_from(TOPICS), count=st.integers(1, 5))
    def publish(self, topic: str, count: int) -> None:
        for _ in range(count):
            self.world.publish(topic, poison=False)

    @rule(topic=st.sampled_from(TOPICS), count=st.integers(1, 3))
    def publish_poison(self, topic: str, count: int) -> None:
        for _ in range(count):
            self.world.publish(topic, poison=True)

    @rule(up=st.booleans())
    def database(self, up: bool) -> None:  # noqa: FBT001
        if self.world.database_up and not up:
            self.world.restart_database()
        self.world.database_up = up

    @rule()
    def restart_database(self) -> None:
        self.world.restart_database()

    @rule(up=st.booleans())
    def broker(self, up: bool) -> None:  # noqa: FBT001
        self.world.broker_up = up

    @rule()
    def broker_forgets_its_counts(self) -> None:
        self.world.landed = dict.fromkeys(TOPICS, 0)

    @rule()
    def get_stuck(self) -> None:
        self.world.stuck = True

    @rule(topic=st.sampled_from(TOPICS))
    def cure(self, topic: str) -> None:
        self.world.owed[topic] = dict.fromkeys(self.world.owed[topic], False)

    @rule(seconds=st.integers(5, 120))
    def time_passes(self, seconds: int) -> None:
        self.world.turns(seconds)

    @precondition(lambda self: self.world.database_up and self.world.broker_up)
    @rule()
    def all_is_mended_in_time(self) -> None:
        """With database and broker there, sound rows land and poison is named, whatever came before."""
        world = self.world
        world.turns(30 + round(1.25 * LONGEST_WAIT_US / SECOND_US))
        assert world.sound_owed() == 0
        assert world.connected
        poison = {(topic, position) for topic, rows in world.owed.items() for position in rows}
        world.turns(10 + 5 * len(poison))
        assert world.named() == poison if len(poison) <= LONGEST_LIST else world.named() <= poison
        before = len(world.restarts)
        world.turns(300)
        assert len(world.restarts) == before, "a sink with nothing but poison left is restarted in vain"

    @invariant()
    def no_sound_row_is_named(self) -> None:
        # A row that was cured is named until the next look at its topic.
        assert self.world.named() <= self.world.ever_poison

    @invariant()
    def memory_is_bounded(self) -> None:
        for topic in self.world.watch._topics.values():
            assert len(topic.rows) <= LONGEST_LIST


TestSinkWatchMachine = SinkWatchMachine.TestCase
TestSinkWatchMachine.settings = hypothesis_settings(max_examples=30, stateful_step_count=20)


def test_a_database_restart_is_over_within_thirty_seconds() -> None:
    world = World()
    world.turns(60)
    world.restart_database()
    world.publish("a", poison=False)
    world.turns(10)
    assert world.sound_owed() == 0
    assert len(world.restarts) == 1


def test_a_sink_that_loses_one_connection_is_restarted() -> None:
    world = World()
    world.turns(20)
    world.connected = False
    world.turns(15)
    assert world.connected


def test_a_connection_missing_for_a_moment_is_no_reason() -> None:
    world = World()
    world.turns(20)
    world.connected = False
    world.turn()
    world.connected = True
    world.turns(60)
    assert world.restarts == []


def test_nothing_is_restarted_while_the_database_is_away() -> None:
    world = World()
    world.publish("a", poison=False)
    world.restart_database()
    world.database_up = False
    world.turns(600)
    assert world.restarts == []
    assert world.watch.condition()[0] is Condition.WAITING
    world.database_up = True
    world.turns(30)
    assert world.sound_owed() == 0


def test_restarts_that_do_not_help_come_ever_more_rarely() -> None:
    world = World()
    world.publish("a", poison=False)
    world.restart_helps = False
    world.stuck = True
    world.turns(3600)
    pauses = [b - a for a, b in zip(world.restarts, world.restarts[1:], strict=False)]
    assert len(world.restarts) < 3600 * SECOND_US / (0.7 * LONGEST_WAIT_US)
    assert min(pauses[-5:]) >= 0.75 * LONGEST_WAIT_US
    assert world.watch.condition()[0] is Condition.DEGRADED


def test_poison_is_named_and_the_sink_left_alone() -> None:
    world = World()
    bad = world.publish("a", poison=True)
    for _ in range(6):
        world.publish("b", poison=False)
        world.turn()
    assert world.named() == {("a", bad)}
    assert world.watch.poison[0].error == "no"
    assert world.restarts == []
    condition, text = world.watch.condition()
    assert condition is Condition.DEGRADED
    assert "1 of 1 rows owed" in text


def test_a_cured_row_is_poison_no_longer() -> None:
    world = World()
    bad = world.publish("a", poison=True)
    world.turns(60)
    assert world.named() == {("a", bad)}
    world.owed["a"][bad] = False
    world.turns(10)
    assert world.named() == set()
    assert world.watch.condition()[0] is Condition.OK


def test_a_topic_full_of_poison_is_no_reason_to_restart() -> None:
    world = World()
    for _ in range(LONGEST_LIST + 40):
        world.publish("a", poison=True)
    world.turns(300)
    before = len(world.restarts)
    world.turns(600)
    assert len(world.restarts) == before
    assert len(world.named()) == LONGEST_LIST


def test_the_chunks_of_one_message_are_one_row() -> None:
    world = World()
    chunks = [world.publish("a", poison=True) for _ in range(5)]

    def examine(action: Examine) -> None:
        for position in world.watch.listed(world.now, action, chunks):
            world.watch.tried(
                world.now, "a", position, Trial(Verdict.POISON, "no", "label", through=chunks[-1])
            )

    world._examine = examine  # type: ignore[method-assign]
    world.turns(120)
    assert world.named() == {("a", chunks[0])}
    assert world.restarts == []


def test_a_row_that_the_database_takes_and_the_sink_does_not_land_is_named_in_the_end() -> None:
    world = World()
    left = world.publish("a", poison=True)

    def examine(action: Examine) -> None:
        for position in world.watch.listed(world.now, action, sorted(world.owed[action.topic])):
            world.watch.tried(world.now, action.topic, position, Trial(Verdict.SOUND, "", "label", position))

    world._examine = examine  # type: ignore[method-assign]
    world.turns(ORPHANED_US // SECOND_US - 10)
    assert world.named() == set()
    assert world.restarts, "the sink is tried first"
    for _ in range(12):
        world.publish("b", poison=False)
        world.turns(10)
    assert world.named() == {("a", left)}
    assert "does not land" in world.watch.poison[0].error


def test_a_trial_without_a_result_names_nothing() -> None:
    world = World()
    world.publish("a", poison=True)

    def examine(action: Examine) -> None:
        for position in world.watch.listed(world.now, action, sorted(world.owed[action.topic])):
            world.watch.tried(world.now, action.topic, position, Trial(Verdict.UNKNOWN, "lock timeout"))

    world._examine = examine  # type: ignore[method-assign]
    world.turns(600)
    assert world.named() == set()
    assert world.restarts


TOPIC = topics.hour_topic(dukascopy_series(find("EUR/USD")))


def unreadable(at_us: int) -> Look:
    return Look(at_us, 1, INSTANCES, INSTANCES, {"b": Standing(3, 5)}, [TOPIC])


def test_a_topic_that_the_broker_cannot_open_is_told_and_no_restart_is_tried() -> None:
    watch = SinkWatch(random.Random(0))
    asked = [action for turn in range(120) for action in watch.decide(unreadable(turn * INTERVAL_US))]
    assert not any(isinstance(action, Restart) for action in asked)
    condition, text = watch.condition()
    assert condition is Condition.DEGRADED
    assert "dukascopy:eurusd:quotes" in text


def test_what_is_known_of_a_topic_outlasts_a_moment_in_which_it_cannot_be_opened() -> None:
    watch = SinkWatch(random.Random(0))
    owing = {TOPIC: Standing(1, 5)}
    for turn in range(4):
        for action in watch.decide(Look(turn * INTERVAL_US, 1, INSTANCES, INSTANCES, owing)):
            assert isinstance(action, Examine)
            for position in watch.listed(turn * INTERVAL_US, action, [Position(1, 1)]):
                watch.tried(turn * INTERVAL_US, TOPIC, position, Trial(Verdict.POISON, "no", "label"))
    assert len(watch.poison) == 1
    watch.decide(unreadable(5 * INTERVAL_US))
    assert len(watch.poison) == 1
