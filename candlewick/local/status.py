"""What runs, what it holds and what it costs: read, never changed."""

import shutil
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

import psutil
import psycopg

from candlewick import access, health
from candlewick.health import Health
from candlewick.live import stream_health
from candlewick.local import platform, programs, servers, supervisor
from candlewick.local.home import Home
from candlewick.settings import Settings
from candlewick.store.database import Connection, query
from candlewick.times import SECOND_US, iso, now_us, to_us

HOUR_TABLES = ("quote_hour", "trade_hour")
CANDLE_TABLES = ("quote_candle", "trade_candle")
NOT_READY = "NOT READY"
_CONNECT_SECONDS = 5


@dataclass(frozen=True, slots=True)
class ProgramStatus:
    """A program as its supervisor sees it; memory in bytes with its children's, ages in seconds.

    `state` is the supervisor's word, or NOT READY for one that runs and does not answer.
    """

    name: str
    state: str
    pid: int
    seconds: int
    memory: int
    ports: list[int]
    detail: str


@dataclass(frozen=True, slots=True)
class WorkerStatus:
    """What a worker last said of itself; `condition` is ok, waiting, degraded, or silent for too long."""

    name: str
    condition: str
    summary: str


@dataclass(frozen=True, slots=True)
class StreamStatus:
    """A live series as its worker sees it.

    Attributes:
        state: the worker's word for it; `unknown` while the worker is silent.
        events: received since the worker started; `waiting` of them not yet taken by Pulsar.
        lag_ms: from exchange time to receipt, of the last event.
        last_event: ISO 8601, by exchange time; None before the first.
        quiet_s: how long ago that was received.
        open_gaps, lasting_gaps: gaps that are being filled, and that the venue cannot fill.
        problem: what a person has to look at; empty for nothing.
    """

    name: str
    worker: str
    state: str
    events: int
    waiting: int
    lag_ms: float
    last_event: str | None
    quiet_s: float
    open_gaps: int
    lasting_gaps: int
    problem: str


@dataclass(frozen=True, slots=True)
class SeriesStatus:
    """What is stored of a series.

    Attributes:
        last_hour: ISO 8601, the start of the newest hour that has ticks; None without any.
        failed, waiting: hours that could not be had, and hours asked for that are not out yet.
        reason: of the newest of these.
    """

    name: str
    hours: int
    pending: int
    ticks: int
    last_hour: str | None
    failed: int
    waiting: int
    reason: str | None


@dataclass(frozen=True, slots=True)
class HostStatus:
    """A host of a venue, as those who ask it find it.

    Attributes:
        circuit: `open` while it is left alone after repeated failures.
        rate: requests a second now; None where it is not paced.
        resumes_in: seconds until it is asked again.
    """

    host: str
    circuit: str
    rate: float | None
    requests: int
    answered: int
    throttled: int
    failed: int
    last_outcome: str | None
    resumes_in: int


@dataclass(frozen=True, slots=True)
class Storage:
    """Bytes on disk, indexes and TOAST included; None per piece where there is none yet."""

    ticks: int
    tick_bytes: int
    candles: int
    candle_bytes: int

    @property
    def bytes_per_tick(self) -> float | None:
        return round(self.tick_bytes / self.ticks, 1) if self.ticks else None

    @property
    def bytes_per_candle(self) -> float | None:
        return round(self.candle_bytes / self.candles, 1) if self.candles else None


@dataclass(frozen=True, slots=True)
class Status:
    """The platform at one moment."""

    home: str
    kind: str
    supervisor: bool
    disk_free: int
    pages: list[platform.Page]
    programs: list[ProgramStatus]
    workers: list[WorkerStatus] = field(default_factory=list)
    streams: list[StreamStatus] = field(default_factory=list)
    series: list[SeriesStatus] = field(default_factory=list)
    hosts: list[HostStatus] = field(default_factory=list)
    storage: Storage | None = None
    database_problem: str | None = None

    @property
    def is_up(self) -> bool:
        """Whether every program runs and the database answers."""
        running = all(program.state == "RUNNING" for program in self.programs)
        return self.supervisor and running and self.database_problem is None


def gather(settings: Settings) -> Status:
    """Raises CandlewickError when the settings themselves are wrong; all else is part of the answer."""
    home = Home(settings.home)
    states = _states(home)
    records = health.read_all(home.root)
    status = Status(
        home=str(home.root),
        kind="demo" if settings.demo else "real",
        supervisor=states is not None,
        disk_free=shutil.disk_usage(_existing(home)).free,
        pages=platform.pages(settings, home),
        programs=_programs(settings, home, states or {}),
        workers=_workers(records) if states else [],
        streams=_streams(records) if states else [],
    )
    if not access.database_password_file(settings, access.OWNER).exists():
        return replace(status, database_problem="not started yet")
    try:
        with psycopg.connect(access.database_url(settings), connect_timeout=_CONNECT_SECONDS) as connection:
            if not _one(connection, "has_tables"):
                return replace(status, database_problem="it has no tables yet")
            hosts = [HostStatus(*row) for row in connection.execute(query("host_status"))]
            return replace(status, series=_series(connection), hosts=hosts, storage=_storage(connection))
    except psycopg.OperationalError as error:
        return replace(status, database_problem=str(error).strip().splitlines()[0])


def _existing(home: Home) -> Path:
    return next(folder for folder in [home.root, *home.root.parents] if folder.exists())


def _states(home: Home) -> dict[str, supervisor.ProcessState] | None:
    try:
        return supervisor.states(home)
    except supervisor.NotRunningError:
        return None


def _programs(
    settings: Settings, home: Home, states: dict[str, supervisor.ProcessState]
) -> list[ProgramStatus]:
    found: list[ProgramStatus] = []
    for program in programs.all_programs(settings, home):
        state = states.get(program.name)
        alive = state is not None and state.state in servers.ALIVE
        word, detail = "STOPPED", ""
        if state is not None:
            word, detail = state.state, "" if alive else state.detail
            if word == "RUNNING" and not servers.is_ready(program, settings):
                word, detail = NOT_READY, "it runs and does not answer"
        found.append(
            ProgramStatus(
                program.name,
                word,
                state.pid if state else 0,
                max(0, int(time.time()) - state.started) if state and alive else 0,
                _memory(state.pid) if state and state.pid else 0,
                sorted(program.listens),
                detail,
            )
        )
    return found


def _streams(records: list[Health]) -> list[StreamStatus]:
    found: list[StreamStatus] = []
    for record in records:
        age_us = max(0, now_us() - record.at_us)
        silent = age_us > health.STALE_US
        configured = record.facts.get("configured") != "no"
        for name, stream in stream_health.streams(record).items():
            state = "unknown" if silent else stream.state if configured else "not configured"
            found.append(
                StreamStatus(
                    name,
                    record.worker,
                    state,
                    stream.events,
                    stream.waiting,
                    stream.lag_ms,
                    iso(stream.last_event_us, micros=True) if stream.last_event_us else None,
                    round(stream.quiet_s + age_us / SECOND_US, 1),
                    stream.open_gaps,
                    stream.lasting_gaps,
                    stream.problem,
                )
            )
    return sorted(found, key=lambda one: one.name)


def _workers(records: list[Health]) -> list[WorkerStatus]:
    return [
        WorkerStatus(record.worker, "silent", f"nothing since {iso(record.at_us)}; {record.summary}")
        if now_us() - record.at_us > health.STALE_US
        else WorkerStatus(record.worker, record.condition.value, record.summary)
        for record in records
    ]


def _memory(pid: int) -> int:
    try:
        process = psutil.Process(pid)
        return sum(_own_memory(child) for child in [process, *process.children(recursive=True)])
    except psutil.NoSuchProcess:
        return 0


def _own_memory(process: psutil.Process) -> int:
    """The process's share of what it has in memory: PostgreSQL's processes have their buffers in common."""
    try:
        memory = process.memory_full_info()
        return int(getattr(memory, "pss", memory.rss))
    except psutil.Error:
        return 0


def _series(connection: Connection) -> list[SeriesStatus]:
    return [
        SeriesStatus(
            name, hours, pending, ticks, iso(to_us(last)) if last else None, failed or 0, waiting or 0, reason
        )
        for name, hours, pending, ticks, last, failed, waiting, reason in connection.execute(
            query("series_status")
        )
    ]


def _storage(connection: Connection) -> Storage:
    ticks, candles = connection.execute(query("storage")).fetchone() or (0, 0)
    size = query("hypertable_bytes") if _one(connection, "hypertables") else query("table_bytes")

    def total(tables: tuple[str, ...]) -> int:
        return sum((connection.execute(size, {"name": table}).fetchone() or (0,))[0] or 0 for table in tables)

    return Storage(ticks, total(HOUR_TABLES), candles, total(CANDLE_TABLES))


def _one(connection: Connection, name: str) -> bool:
    row = connection.execute(query(name)).fetchone()
    return bool(row and row[0])
