"""What is seen of the live side at one moment: workers, sinks, holes. Reads, never changes, never raises for
what is away: that is part of what is seen."""

from collections.abc import Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from candlewick import access, health, topics
from candlewick.errors import CandlewickError
from candlewick.health import STALE_US, Health
from candlewick.instruments import Kind, Series
from candlewick.live.stream_health import StreamHealth, streams
from candlewick.live.wanted import LIVE_VENUES, is_live
from candlewick.local import programs, supervisor
from candlewick.local.home import Home
from candlewick.settings import Settings
from candlewick.store import CoverageRow
from candlewick.store.coverage import coverage
from candlewick.store.database import Database
from candlewick.store.proofs import series_added
from candlewick.store.series import wanted_series
from candlewick.times import DAY_US, HOUR_US, MINUTE_US, now_us

if TYPE_CHECKING:
    from candlewick.bus_admin import BusAdmin

WORKERS = (programs.KRAKEN, programs.OANDA, programs.RECORDER, programs.REFRESHER, programs.GUARD)
"""Programs that say how they are; their names in health records are those of the supervisor."""

RUNNING = "RUNNING"

HOLES_US = DAY_US
"""Holes are looked for this far back; `candlewick coverage` knows all."""

LATE_US = 30 * MINUTE_US
"""An hour that is over for this long should be final."""

_PATIENCE_S = 5.0


@dataclass(frozen=True, slots=True)
class Process:
    """A worker's process by its supervisor; `state` is one of supervisord's words."""

    state: str
    pid: int
    started_us: int


@dataclass(frozen=True, slots=True)
class Worker:
    """A worker: what it last said, and its process; None where there is no record, or no supervisor."""

    name: str
    record: Health | None = None
    process: Process | None = None

    def fact(self, name: str) -> str:
        return "" if self.record is None else self.record.facts.get(name, "")

    def silent_us(self, at_us: int) -> int:
        """For how long it has said nothing; 0 while its last record is fresh."""
        if self.record is None:
            return 0 if self.process is None else max(0, at_us - self.process.started_us)
        age_us = at_us - self.record.at_us
        return age_us if age_us > STALE_US else 0

    @property
    def streams(self) -> dict[str, StreamHealth]:
        return {} if self.record is None else streams(self.record)


@dataclass(frozen=True, slots=True)
class Topic:
    """The hours of one series on their way through a sink: not landed yet, and landed so far."""

    owed: int
    landed: int


@dataclass(frozen=True, slots=True)
class Sink:
    """A JDBC sink as the broker has it.

    Attributes:
        poison: rows that the guard knows the database refuses.
        unreadable: series whose topic the broker cannot open.
    """

    name: str
    kind: Kind
    exists: bool
    running: int
    instances: int
    errors: tuple[str, ...]
    topics: Mapping[str, Topic]
    poison: int = 0
    unreadable: tuple[str, ...] = ()

    @property
    def owed(self) -> int:
        """What it could land."""
        return max(0, sum(topic.owed for topic in self.topics.values()) - self.poison)

    @property
    def landed(self) -> int:
        return sum(topic.landed for topic in self.topics.values())


@dataclass(frozen=True, slots=True)
class Hole:
    """Something of a series that is not there: a gap in its hours, or hours that are late; [from, to)."""

    series: str
    from_us: int
    to_us: int
    reason: str


@dataclass(frozen=True, slots=True)
class Look:
    """The live side at one moment.

    Attributes:
        supervised: whether a supervisor answers.
        sinks: by name; None where the broker's admin API does not answer.
        holes: of the last day; None where the database does not answer.
        series: the live series; while the database is away, those that the workers speak of.
    """

    at_us: int
    supervised: bool
    workers: Mapping[str, Worker]
    series: tuple[str, ...] = ()
    sinks: Mapping[str, Sink] | None = None
    holes: tuple[Hole, ...] | None = None
    broker_problem: str = ""
    database_problem: str = ""
    venues: tuple[str, ...] = field(init=False, default=())

    def __post_init__(self) -> None:
        object.__setattr__(self, "venues", tuple(sorted({name.partition(":")[0] for name in self.series})))

    def of_venue(self, venue: str) -> list[str]:
        return [name for name in self.series if name.startswith(f"{venue}:")]


def take(settings: Settings) -> Look:
    """Looks at everything; takes some ten seconds at most, when all is away."""
    at_us = now_us()
    workers, supervised = look_at_workers(settings)
    sinks, broker_problem = _sinks(settings, workers[programs.GUARD])
    series: Iterable[str] = (
        name for one in workers.values() if one.name in LIVE_VENUES for name in one.streams
    )
    holes: tuple[Hole, ...] | None = None
    database_problem = ""
    try:
        live, holes = _holes(settings, at_us)
        series = [one.name for one in live]
    except CandlewickError as error:
        database_problem = error.problem
    return Look(
        at_us, supervised, workers, tuple(sorted(series)), sinks, holes, broker_problem, database_problem
    )


def look_at_workers(settings: Settings) -> tuple[dict[str, Worker], bool]:
    """Every worker by name, and whether a supervisor answers."""
    records = {record.worker: record for record in health.read_all(settings.home)}
    try:
        states = supervisor.states(Home(settings.home))
        supervised = True
    except supervisor.NotRunningError:
        states, supervised = {}, False
    processes = {
        name: Process(state.state, state.pid, state.started * 1_000_000) for name, state in states.items()
    }
    return {name: Worker(name, records.get(name), processes.get(name)) for name in WORKERS}, supervised


def _sinks(settings: Settings, guard: Worker) -> tuple[dict[str, Sink] | None, str]:
    # It loads numpy and Pulsar's client, which `candlewick restart` does without.
    from candlewick.bus_admin import BusAdmin  # noqa: PLC0415

    try:
        token = access.pulsar_token(settings, access.PULSAR_GUARD)
        url = access.pulsar_admin_url(settings)
        with BusAdmin(url, token, timeout_s=_PATIENCE_S, patience_s=_PATIENCE_S) as admin:
            found = [_sink(admin, kind, guard) for kind in Kind]
    except CandlewickError as error:
        return None, error.problem
    return {sink.name: sink for sink in found}, ""


def _sink(admin: "BusAdmin", kind: Kind, guard: Worker) -> Sink:
    name = topics.sink_name(kind)
    status = admin.sink_status(kind)
    found = admin.backlog(kind)
    backlog = {
        topics.series_name(one.topic): Topic(one.owed, one.received - one.owed)
        for one in found
        if not one.problem
    }
    poison = guard.fact(f"{name}.poison")
    return Sink(
        name,
        kind,
        status.exists,
        status.running,
        status.instances,
        status.errors,
        backlog,
        int(poison) if poison.isdecimal() else 0,
        tuple(topics.series_name(one.topic) for one in found if one.problem),
    )


def _holes(settings: Settings, at_us: int) -> tuple[list[Series], tuple[Hole, ...]]:
    database = Database(access.database_url(settings), max_connections=1, timeout_s=_PATIENCE_S)
    with closing(database):
        database.open()
        with database.transaction() as connection:
            live = [one for one in wanted_series(connection) if is_live(one)]
            added = series_added(connection)
            found: list[Hole] = []
            for one in live:
                start_us = max(at_us - HOLES_US, added.get(one.name, at_us))
                rows = coverage(connection, one.name, start_us, at_us, at_us)
                found += holes(one.name, rows, start_us, at_us)
    return live, tuple(found)


def holes(series: str, rows: Iterable[CoverageRow], start_us: int, at_us: int) -> list[Hole]:
    """The holes of a series, those that touch one another put together.

    Args:
        start_us: when the series was added, or later: what was before is not missed. A gap counts whole.
    """
    found: list[Hole] = []
    for row in rows:
        end_us = row.hour_us + HOUR_US
        pieces = [Hole(series, gap.from_us, gap.to_us, "gap") for gap in row.gaps if gap.to_us > start_us]
        late = row.state.value in {"pending", "failed"} and end_us + LATE_US < at_us
        # Of the hour in which it was added the first part is a gap, and so it is told as one.
        if late and row.hour_us >= start_us:
            pieces = [Hole(series, row.hour_us, end_us, row.reason or row.state.value)]
        for piece in pieces:
            last = found[-1] if found else None
            if last and last.to_us == piece.from_us and last.reason == piece.reason:
                found[-1] = Hole(series, last.from_us, piece.to_us, piece.reason)
            else:
                found.append(piece)
    return found
