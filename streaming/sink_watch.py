"""When a sink is restarted and when a row is named as poison: decisions only, no input or output.

Times are microseconds of a monotonic clock. The JDBC sink never reconnects after its database was
away, and says nothing about it; what shows is that it has no connection, or that rows are owed and
none lands. A row that stays behind is tried as the sink would write it (`guard.py`, rolled back): if
the database refuses it for what it holds, it is poison; otherwise the sink is at fault.
"""

import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto

from candlewick.health import Condition
from candlewick.position import Position
from candlewick.times import SECOND_US
from candlewick.topics import series_name

DISCONNECTED_US = 4 * SECOND_US
"""A connection may be missing for this long: a sink that is being changed comes back by itself."""

STALLED_US = 25 * SECOND_US
"""Rows are owed and none lands for this long: the sink is restarted."""

BEHIND_US = 10 * SECOND_US
"""A row not landed this long after it was first seen is tried."""

ORPHANED_US = 180 * SECOND_US
"""A row that the database takes and the sink still has not landed, though others landed since, is named."""

FIRST_WAIT_US = 10 * SECOND_US
LONGEST_WAIT_US = 120 * SECOND_US

TRY_AGAIN_US = 30 * SECOND_US
"""A row that the database took in a trial is not tried again before."""

WELL_US = 30 * SECOND_US
"""A sink that has been well for this long after a restart was helped by it."""

TOPICS_AT_ONCE = 4
ROWS_AT_ONCE = 4
LONGEST_LIST = 64
"""Positions of one topic that are watched one by one; where all of them are poison, so is the rest."""


@dataclass(frozen=True, slots=True)
class Standing:
    """One topic: messages that the sink owes, and a count that grows with each that lands."""

    owed: int
    landed: int


@dataclass(frozen=True, slots=True)
class Look:
    """What is seen of a sink at one moment.

    Attributes:
        database: when the database server started (any number that a restart changes); None: no answer.
        connections: the sink's own, in the database.
        instances: how many it should have.
        topics: None: the broker's admin API does not answer.
        unreadable: topics that the broker cannot open; they are not among the others.
    """

    at_us: int
    database: int | None
    connections: int
    instances: int
    topics: Mapping[str, Standing] | None
    unreadable: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Restart:
    """Start the sink's instances anew."""

    reason: str


@dataclass(frozen=True, slots=True)
class Examine:
    """List the first `LONGEST_LIST` positions of a topic that have not landed, and hand them to `listed`."""

    topic: str


class Verdict(Enum):
    """What a trial of a row shows."""

    POISON = auto()
    """The database refuses it for what it holds."""
    SOUND = auto()
    """The database takes it."""
    UNKNOWN = auto()
    """Neither can be said: the database did not answer, or the row could not be had."""


@dataclass(frozen=True, slots=True)
class Trial:
    """The outcome of trying a row.

    Attributes:
        label: what a person should call the row.
        through: where its last chunk lies, if that is known.
    """

    verdict: Verdict
    error: str = ""
    label: str = ""
    through: Position | None = None


@dataclass(slots=True)
class _Row:
    """A message that has not landed; `through` is where its last chunk lies."""

    through: Position
    first_seen_us: int
    landed_then: int
    restarts_then: int
    label: str = ""
    error: str = ""
    verdict: Verdict = Verdict.UNKNOWN
    tried_us: int | None = None

    def is_due(self, at_us: int) -> bool:
        if self.verdict is Verdict.POISON or at_us - self.first_seen_us < BEHIND_US:
            return False
        waited = self.tried_us is None or at_us - self.tried_us >= TRY_AGAIN_US
        return self.verdict is Verdict.UNKNOWN or waited


@dataclass(slots=True)
class _Topic:
    owing_since_us: int
    examined_us: int = -LONGEST_WAIT_US
    positions: tuple[Position, ...] = ()
    rows: dict[Position, _Row] = field(default_factory=dict)

    def poison(self) -> list[Position]:
        """Rows that are poison."""
        return [position for position, row in self.rows.items() if row.verdict is Verdict.POISON]

    def sound(self, owed: int) -> int:
        """Messages owed that are not known as poison."""
        spans = [(position, self.rows[position].through) for position in self.poison()]
        refused = sum(any(a <= position <= b for a, b in spans) for position in self.positions)
        return 0 if refused >= LONGEST_LIST else max(0, owed - refused)


@dataclass(frozen=True, slots=True)
class Poison:
    """A row that is known as poison.

    Attributes:
        label: what the trial called it.
        error: why the database refuses it.
    """

    topic: str
    position: Position
    label: str
    error: str


class SinkWatch:
    """What is remembered of one sink between looks.

    Its memory is bounded: at most `LONGEST_LIST` rows for each topic that owes any.
    """

    def __init__(self, rng: random.Random | None = None) -> None:
        self._rng = rng or random.Random()  # noqa: S311 (jitter)
        self._database: int | None = None
        self._missing_since_us: int | None = None
        self._stalled_since_us: int | None = None
        self._topics: dict[str, _Topic] = {}
        self._landed: dict[str, int] = {}
        self._landed_total = 0
        self._wait_us = FIRST_WAIT_US
        self._next_restart_us: int | None = None
        self._restarts = 0
        self._restarted_us: int | None = None
        self._in_vain = 0
        self._look: Look | None = None

    @property
    def restarts(self) -> int:
        """Restarts asked for since the guard started."""
        return self._restarts

    @property
    def poison(self) -> list[Poison]:
        """Rows known as poison, oldest first in each topic."""
        return [
            Poison(name, position, row.label, row.error)
            for name, topic in sorted(self._topics.items())
            for position, row in sorted(topic.rows.items())
            if row.verdict is Verdict.POISON
        ]

    def decide(self, look: Look) -> list[Restart | Examine]:
        """What to do now. A look without database or broker asks for nothing: a restart would be in vain."""
        restarted = None not in (self._database, look.database) and self._database != look.database
        self._look = look
        if look.topics is not None:
            self._note_progress(look.at_us, look.topics, look.unreadable)
        if look.database is None or look.topics is None:
            # Nothing can land meanwhile, so that nothing may be concluded from it.
            self._missing_since_us = self._stalled_since_us = None
            return []
        self._database = look.database
        if look.unreadable:
            # The sink reads all of its topics or none: no restart helps it.
            self._missing_since_us = self._stalled_since_us = None
            return list(self._to_examine(look.at_us))
        if restarted:
            self._wait_us, self._next_restart_us = FIRST_WAIT_US, None
        reason = self._why_restart(look, restarted=restarted)
        if reason and (self._next_restart_us is None or look.at_us >= self._next_restart_us):
            self._note_restart(look.at_us)
            return [Restart(reason)]
        return list(self._to_examine(look.at_us))

    def listed(self, at_us: int, examine: Examine, found: Sequence[Position]) -> list[Position]:
        """Takes the rows that an `Examine` listed, oldest first; returns those to try now."""
        topic = self._topics.get(examine.topic)
        if topic is None:
            return []
        topic.examined_us = at_us
        topic.positions = tuple(found[:LONGEST_LIST])
        still = set(topic.positions)
        for position in list(topic.rows):
            if position not in still and topic.rows.pop(position).verdict is Verdict.POISON:
                # Someone cured or discarded it: it may have been what held up the sink.
                self._note_help()
        covered = [(position, row.through) for position, row in topic.rows.items()]
        for position in topic.positions:
            if not any(a <= position <= b for a, b in covered):
                topic.rows[position] = _Row(position, at_us, self._landed_total, self._restarts)
        due = [position for position, row in sorted(topic.rows.items()) if row.is_due(at_us)]
        return due[:ROWS_AT_ONCE]

    def tried(self, at_us: int, topic: str, position: Position, trial: Trial) -> None:
        """Takes the outcome of trying a row; one that has been part of another since is passed over."""
        rows = self._topics[topic].rows if topic in self._topics else {}
        row = rows.get(position)
        if row is None:
            return
        verdict, error = trial.verdict, trial.error
        if verdict is Verdict.SOUND and self._is_orphan(at_us, row):
            verdict, error = Verdict.POISON, "the database takes this row, but the sink does not land it"
        row.verdict, row.error, row.label, row.tried_us = verdict, error, trial.label, at_us
        row.through = trial.through or position
        for chunk in [other for other in rows if position < other <= row.through]:
            del rows[chunk]

    def condition(self) -> tuple[Condition, str]:
        """How the sink is, with one line for a person."""
        look, poison = self._look, len(self.poison)
        if look is None or look.topics is None:
            return Condition.WAITING, "the broker's admin API does not answer"
        if look.database is None:
            return Condition.WAITING, "the database does not answer; nothing is lost, rows wait in Pulsar"
        owed = sum(standing.owed for standing in look.topics.values())
        troubles = []
        if poison:
            troubles.append(f"{poison} of {owed} rows owed are refused")
        if self._in_vain > 1 and not look.unreadable:
            troubles.append(f"{owed} rows owed, and {self._in_vain} restarts did not help")
        if look.unreadable:
            names = ", ".join(map(series_name, look.unreadable))
            troubles.append(f"the broker cannot open the topic of {names}, and the sink waits for it")
        if troubles:
            return Condition.DEGRADED, ", ".join(troubles)
        if look.connections < look.instances:
            return (
                Condition.WAITING,
                f"{look.connections} of {look.instances} connections to the database, {owed} rows owed",
            )
        return Condition.OK, f"landing, {owed} rows owed" if owed else "everything has landed"

    def _note_progress(self, at_us: int, topics: Mapping[str, Standing], unreadable: Collection[str]) -> None:
        landed = 0
        for name, standing in topics.items():
            # A count below the last one began anew with the broker, and says nothing.
            landed += max(0, standing.landed - self._landed.get(name, standing.landed))
        self._landed = {name: standing.landed for name, standing in topics.items()}
        self._landed_total += landed
        for name in list(self._topics):
            if name in unreadable:
                continue
            if name not in topics or topics[name].owed == 0:
                del self._topics[name]
        for name, standing in topics.items():
            if standing.owed and name not in self._topics:
                self._topics[name] = _Topic(at_us)
        sound = sum(
            self._topics[name].sound(standing.owed)
            for name, standing in topics.items()
            if name in self._topics
        )
        if landed or not sound:
            self._stalled_since_us = None
        elif self._stalled_since_us is None:
            self._stalled_since_us = at_us
        if landed:
            self._note_help()

    def _why_restart(self, look: Look, *, restarted: bool) -> str | None:
        if look.connections >= look.instances:
            self._missing_since_us = None
            well = self._restarted_us is None or look.at_us - self._restarted_us >= WELL_US
            if well and self._stalled_since_us is None:
                self._note_help()
        elif restarted:
            return "the database has restarted"
        elif self._missing_since_us is None:
            self._missing_since_us = look.at_us
        elif look.at_us - self._missing_since_us >= DISCONNECTED_US:
            return f"{look.connections} of {look.instances} connections to the database"
        if self._stalled_since_us is not None and look.at_us - self._stalled_since_us >= STALLED_US:
            return f"rows are owed and none has landed for {STALLED_US // SECOND_US} s"
        return None

    def _note_restart(self, at_us: int) -> None:
        self._restarts += 1
        self._in_vain += 1
        self._restarted_us = at_us
        self._next_restart_us = at_us + round(self._wait_us * self._rng.uniform(0.75, 1.25))
        self._wait_us = min(2 * self._wait_us, LONGEST_WAIT_US)
        self._missing_since_us = None
        if self._stalled_since_us is not None:
            self._stalled_since_us = at_us

    def _note_help(self) -> None:
        self._wait_us, self._next_restart_us, self._in_vain = FIRST_WAIT_US, None, 0

    def _to_examine(self, at_us: int) -> list[Examine]:
        due = [
            (topic.examined_us, name)
            for name, topic in self._topics.items()
            if at_us - topic.owing_since_us >= BEHIND_US // 2
        ]
        return [Examine(name) for _, name in sorted(due)[:TOPICS_AT_ONCE]]

    def _is_orphan(self, at_us: int, row: _Row) -> bool:
        return (
            at_us - row.first_seen_us >= ORPHANED_US
            and self._landed_total > row.landed_then
            and self._restarts > row.restarts_then
        )
