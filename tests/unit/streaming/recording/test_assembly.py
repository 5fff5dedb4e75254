"""Whatever the order of reading, and wherever a recorder ends and begins anew: the same hours."""

from dataclasses import replace
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from candlewick.hours import FINAL_STATES, Hour
from candlewick.position import Position
from candlewick.times import HOUR_US
from streaming.recording.assembly import Assembly, Made
from tests.unit.streaming.recording.topics import (
    Topics,
    expected,
    of_quotes,
    of_trades,
)  # fmt: skip


class Table:
    """The stored hours, by the update rule."""

    def __init__(self) -> None:
        self.rows: dict[int, Hour] = {}

    def land(self, hour: Hour) -> None:
        old = self.rows.get(hour.hour_us)
        if old is None:
            self.rows[hour.hour_us] = hour
            return
        rank, old_rank = ((one.state in FINAL_STATES, one.revision) for one in (hour, old))
        if rank < old_rank:
            return
        if (hour.state, hour.gaps, hour.hash) == (old.state, old.gaps, old.hash):
            hour = replace(old, revision=hour.revision, source=hour.source)
        self.rows[hour.hour_us] = hour


class Recording:
    """A recorder's turns over topics in memory; `random` says what comes when."""

    def __init__(self, topics: Topics, random: Random, kept_us: int) -> None:
        self.topics = topics
        self.random = random
        self.table = Table()
        self.flying: list[Hour] = []
        self.published = 0
        self.now_us = 10**15
        self._kept_us = kept_us
        self._acknowledged: list[Position | None] = [None, None]
        self.begin()

    def begin(self) -> None:
        """A new process, which knows what was acknowledged and what is stored."""
        live, said = self._acknowledged
        self.assembly = Assembly(self.topics.series, live, kept_us=self._kept_us)
        self._live = [one for one in self.topics.live if live is None or one[0] > live]
        self._records = [one for one in self.topics.records if said is None or one[0] > said]

    def turn(self) -> None:
        step = self.random.random()
        if step < 0.35:
            self.read(self.random.randint(1, 9))
        elif step < 0.65:
            self.say(self.random.randint(1, 4))
        elif step < 0.8:
            self.publish()
        elif step < 0.9:
            self.random.shuffle(self.flying)
            self.land(self.random.randint(0, 3))
        elif step < 0.95:
            self.acknowledge()
        else:
            self.begin()

    def finish(self) -> None:
        while self._live or self._records:
            self.read(1000)
            self.say(1000)
        for _ in range(4):
            self.publish()
            self.land(1000)
        self.publish()
        assert not self.flying
        self.acknowledge()

    def read(self, count: int) -> None:
        batch, self._live = self._live[:count], self._live[count:]
        if batch:
            self.assembly.take([event for _, event in batch], batch[-1][0])

    def say(self, count: int) -> None:
        batch, self._records = self._records[:count], self._records[count:]
        for at, record in batch:
            self.assembly.say(record, at)

    def publish(self) -> None:
        assembly = self.assembly
        # As long as the clock goes on, an earlier process has not used a revision of now.
        self.now_us += 1
        for hour_us in assembly.landing():
            row = self.table.rows.get(hour_us)
            if row is not None:
                assembly.landed(hour_us, row.revision, final=row.state in FINAL_STATES)
        for hour_us in assembly.due():
            row = self.table.rows.get(hour_us)
            if row is not None and row.state in FINAL_STATES and assembly.says_nothing(hour_us):
                assembly.settled(hour_us)
                continue
            rows = self.table.rows
            beside = [rows[other_us] for other_us in assembly.border(hour_us) if other_us in rows]
            assembly.settle_border(hour_us, beside)
            made = assembly.final(hour_us, row, self.now_us)
            if made is None:
                assembly.settled(hour_us)
            else:
                self._send(made)
        for hour_us in assembly.running():
            if hour_us in self.table.rows:
                assembly.known(hour_us, self.table.rows[hour_us].revision)
            self._send(assembly.snapshot(hour_us, self.now_us))

    def _send(self, made: Made) -> None:
        self.flying.append(made.hour)
        self.published += 1
        self.assembly.published(made.hour.hour_us, made.sent)

    def land(self, count: int) -> None:
        batch, self.flying = self.flying[:count], self.flying[count:]
        for hour in batch:
            self.table.land(hour)

    def acknowledge(self) -> None:
        live, said = self.assembly.done()
        if live is not None:
            assert self._acknowledged[0] is None or live >= self._acknowledged[0]
            self._acknowledged[0] = live
        if said is not None:
            self._acknowledged[1] = said


def compare(table: Table, wanted: dict[int, Hour]) -> None:
    for hour_us, hour in wanted.items():
        row = table.rows[hour_us]
        assert row.ticks.columns()[0].tolist() == hour.ticks.columns()[0].tolist()
        assert [c.tolist() for c in row.ticks.columns()] == [c.tolist() for c in hour.ticks.columns()]
        assert (row.state, row.gaps) == (hour.state, hour.gaps)
    assert table.rows.keys() == wanted.keys()


@settings(max_examples=400)
@given(st.integers(0, 2**32), st.sampled_from(["trades", "quotes", "weekend"]), st.sampled_from([1, 24]))
def test_the_same_hours_come_of_any_reading(seed: int, what: str, kept_hours: int) -> None:
    random = Random(seed)
    if what == "trades":
        topics = of_trades(random)
    else:
        topics = of_quotes(random, "forex" if what == "weekend" else "crypto")
    recording = Recording(topics, random, kept_hours * HOUR_US)
    for _ in range(random.randint(0, 120)):
        recording.turn()
    recording.finish()
    compare(recording.table, expected(topics))
    assert not recording.assembly.books
