"""The guard of the sinks: brings back a sink that is stuck, and tells poison from outage.

It looks every 5 s at each sink: its connections in the database, what is owed on each topic, what has
landed since. The decisions are `sink_watch.py`'s. A row that stays behind is read from its topic and
given to the database by the statement that the sink executes, as the sink's role, and rolled back:
that tells whether the row or the sink is at fault, and in the database's own words. Poison is written
to `hour_problem` as `failed` and stays where it is.
"""

import argparse
import contextlib
import re
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import psycopg
import structlog

from candlewick import access, messages, topics
from candlewick.broker import BusError
from candlewick.bus import Bus
from candlewick.bus_admin import BusAdmin, BusAdminError
from candlewick.bus_sinks import SINK_INSTANCES
from candlewick.errors import CandlewickError
from candlewick.health import Condition, Health
from candlewick.hours import HourState
from candlewick.instruments import Kind, Series
from candlewick.position import Position
from candlewick.settings import Settings
from candlewick.store import DatabaseUnavailableError, Store
from candlewick.store.database import Connection, query
from candlewick.times import SECOND_US, floor_hour, iso, now_us, parse_time
from streaming import lifecycle
from streaming.sink_watch import (
    LONGEST_LIST,
    Examine,
    Look,
    Poison,
    Restart,
    SinkWatch,
    Standing,
    Trial,
    Verdict,
)

NAME = "guard"

NOTE_AGAIN_US = 600 * SECOND_US
"""Poison is noted again after this long: a day that was asked for again forgets the problems of before."""

REASON = "refused by the database: "
"""How the guard's own entries in the table of problems begin."""

_SETTLED_US = 60 * SECOND_US
"""Only after this long does a guard that has begun know which of its earlier entries still hold."""

_CONNECT_S = 3
_ADMIN_S = 5.0
_SHOWN = 5

DISCARD_SEARCH = 10_000
"""Messages of a topic that are looked through for an hour to discard."""

_log = structlog.get_logger(__name__)

_ROW_AT_FAULT = (
    psycopg.DataError,
    psycopg.IntegrityError,
    psycopg.errors.RaiseException,
    psycopg.errors.ProgramLimitExceeded,
)
"""Errors that another row would not meet."""


@dataclass(frozen=True, slots=True)
class _Problem:
    """A row for `Store.note_problems`."""

    hour_us: int
    reason: str
    state: HourState = HourState.FAILED


@dataclass(frozen=True, slots=True)
class _Note:
    """What the table of problems was last told of an hour, and when."""

    reason: str
    at_us: int


class Guard:
    """Watches both sinks; a worker of `lifecycle.py`."""

    name = NAME

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stack = ExitStack()
        self._watches = {kind: SinkWatch() for kind in Kind}
        self._database: Connection | None = None
        self._noted: dict[tuple[str, int], _Note] | None = None
        self._started_us = _monotonic_us()
        self._last_error: dict[Kind, str] = {}

    def __enter__(self) -> Self:
        settings = self._settings
        token = access.pulsar_token(settings, access.PULSAR_GUARD)
        self._admin = self._stack.enter_context(
            BusAdmin(access.pulsar_admin_url(settings), token, timeout_s=_ADMIN_S, patience_s=_ADMIN_S)
        )
        bus = Bus(access.pulsar_url(settings), token, log=lifecycle.LIBRARY_LOG)
        self._bus = self._stack.enter_context(bus)
        self._store = self._stack.enter_context(Store(access.database_url(settings)))
        self._stack.callback(self._disconnect)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.close()

    def turn(self) -> Health:
        """Looks at both sinks and does what their watches ask for."""
        facts: dict[str, str] = {}
        conditions: list[tuple[Condition, str]] = []
        for kind, watch in self._watches.items():
            look = self._look(kind)
            for action in watch.decide(look):
                if isinstance(action, Restart):
                    self._restart(kind, action)
                else:
                    self._examine(kind, watch, action)
            condition, summary = watch.condition()
            conditions.append((condition, f"{topics.sink_name(kind)}: {summary}"))
            facts |= self._facts(kind, watch, look)
        if all(condition is not Condition.WAITING for condition, _ in conditions):
            self._note_poison()
        order = [Condition.OK, Condition.WAITING, Condition.DEGRADED]
        worst = max((condition for condition, _ in conditions), key=order.index)
        summary = "; ".join(text for condition, text in conditions if condition is worst)
        return Health(NAME, now_us(), worst, summary, facts)

    # What is seen

    def _look(self, kind: Kind) -> Look:
        started, connections = self._look_at_database(kind)
        standings: dict[str, Standing] | None = None
        unreadable: list[str] = []
        try:
            backlogs = self._admin.backlog(kind)
        except BusAdminError as error:
            self._last_error[kind] = error.problem
        else:
            problems = {backlog.topic: backlog.problem for backlog in backlogs if backlog.problem}
            unreadable = list(problems)
            standings = {
                backlog.topic: Standing(backlog.owed, backlog.received - backlog.owed)
                for backlog in backlogs
                if backlog.topic not in problems
            }
            self._last_error.pop(kind, None)
            if problems:
                self._last_error[kind] = next(iter(problems.values()))
        return Look(_monotonic_us(), started, connections, SINK_INSTANCES, standings, unreadable)

    def _look_at_database(self, kind: Kind) -> tuple[int | None, int]:
        """When the server started, and how many connections the sink has; (None, 0) without an answer."""
        try:
            with self._connection() as connection:
                (started,) = connection.execute(query("server_started")).fetchone() or (None,)
                parameters = {"application": topics.sink_name(kind)}
                (count,) = connection.execute(query("sink_connections"), parameters).fetchone() or (0,)
        except psycopg.OperationalError:
            return None, 0
        return None if started is None else round(started.timestamp() * SECOND_US), count

    @contextlib.contextmanager
    def _connection(self) -> Iterator[Connection]:
        """The guard's connection as the sink's role, made anew after it broke."""
        if self._database is None or self._database.closed:
            self._database = psycopg.connect(
                access.database_url(self._settings, access.SINK),
                autocommit=True,
                connect_timeout=_CONNECT_S,
                application_name="candlewick-guard",
                tcp_user_timeout=10_000,
            )
        try:
            yield self._database
        except psycopg.OperationalError:
            self._disconnect()
            raise

    def _disconnect(self) -> None:
        connection, self._database = self._database, None
        if connection is not None:
            connection.close()

    # What is done

    def _restart(self, kind: Kind, action: Restart) -> None:
        _log.warning("restarting the sink", sink=topics.sink_name(kind), reason=action.reason)
        try:
            with self._connection() as connection:
                # The instances of before would keep theirs, and hide that those of now have none.
                connection.execute(query("hang_up"), {"application": topics.sink_name(kind)})
        except psycopg.OperationalError as error:
            _log.warning("the sink's connections could not be closed", error=_first_line(error))
        try:
            self._admin.restart_sink(kind)
        except BusAdminError as error:
            self._last_error[kind] = error.problem
            _log.warning("the sink could not be restarted", sink=topics.sink_name(kind), error=error.problem)

    def _examine(self, kind: Kind, watch: SinkWatch, action: Examine) -> None:
        try:
            found = self._admin.unacknowledged(action.topic, topics.sink_subscription(kind), LONGEST_LIST)
        except BusAdminError as error:
            self._last_error[kind] = error.problem
            return
        for position in watch.listed(_monotonic_us(), action, found):
            trial = self._try(kind, action.topic, position)
            if trial.verdict is Verdict.UNKNOWN:
                self._last_error[kind] = trial.error
            watch.tried(_monotonic_us(), action.topic, position, trial)

    def _try(self, kind: Kind, topic: str, position: Position) -> Trial:
        """Gives a row to the database as the sink would, and takes it back."""
        try:
            message = self._bus.read_message(topic, position)
        except BusError as error:
            return Trial(Verdict.UNKNOWN, error.problem)
        try:
            row = messages.read_row(kind, message.payload)
        except ValueError as error:
            # The sink's instances end at such a message, each time that they come to it.
            return Trial(Verdict.POISON, f"{error}; the sink stops at it", through=message.last)
        try:
            with self._connection() as connection, connection.transaction(force_rollback=True):
                connection.execute(query("limit_trial"))
                connection.execute(query(f"try_{kind}"), row)
        except _ROW_AT_FAULT as error:
            return Trial(Verdict.POISON, _first_line(error), str(row["hour"]), message.last)
        except psycopg.Error as error:
            return Trial(Verdict.UNKNOWN, _first_line(error), str(row["hour"]))
        return Trial(Verdict.SOUND, "", str(row["hour"]), message.last)

    # What is noted

    def _note_poison(self) -> None:
        """Brings the table of problems in line with what is known as poison, as soon as it can be written."""
        try:
            known = {series.name for series in self._store.all_series()}
            if self._noted is None:
                self._noted = self._earlier_notes(known)
            wanted = self._wanted_notes(known)
            at_us = _monotonic_us()
            for (series, hour_us), reason in wanted.items():
                note = self._noted.get((series, hour_us))
                if note is None or note.reason != reason or at_us - note.at_us >= NOTE_AGAIN_US:
                    self._store.note_problems(series, [_Problem(hour_us, reason)], tried_us=now_us())
                    self._noted[series, hour_us] = _Note(reason, at_us)
                    _log.warning("poison", series=series, hour=iso(hour_us), error=reason)
            if at_us - self._started_us < _SETTLED_US:
                return
            for series, hour_us in [key for key in self._noted if key not in wanted]:
                self._store.clear_problems(series, [hour_us])
                del self._noted[series, hour_us]
                _log.info("no longer poison", series=series, hour=iso(hour_us))
        except DatabaseUnavailableError as error:
            _log.warning("poison could not be noted", error=error.problem)

    def _earlier_notes(self, known: set[str]) -> dict[tuple[str, int], _Note]:
        """What a guard of before has written, so that this one can take it back."""
        at_us = _monotonic_us()
        return {
            (series, failed.hour_us): _Note(failed.reason, at_us)
            for series in known
            for failed in self._store.failed_hours(series)
            if failed.reason.startswith(REASON)
        }

    def _wanted_notes(self, known: set[str]) -> dict[tuple[str, int], str]:
        wanted: dict[tuple[str, int], str] = {}
        for watch in self._watches.values():
            for poison in watch.poison:
                series = topics.series_name(poison.topic)
                with contextlib.suppress(CandlewickError):
                    # What has no readable hour, or no series, is in the health record only.
                    if series in known:
                        wanted[series, floor_hour(parse_time(poison.label))] = REASON + poison.error
        return wanted

    def _facts(self, kind: Kind, watch: SinkWatch, look: Look) -> dict[str, str]:
        condition, summary = watch.condition()
        facts = {
            "condition": condition.value,
            "summary": summary,
            "connections": str(look.connections),
            "restarts": str(watch.restarts),
            "poison": str(len(watch.poison)),
        }
        if look.topics is not None:
            facts["owed"] = str(sum(standing.owed for standing in look.topics.values()))
            facts["topics"] = str(len(look.topics))
        if look.unreadable:
            facts["unreadable"] = ", ".join(map(topics.series_name, look.unreadable))
        if watch.poison:
            facts["refused"] = "; ".join(map(_shown, watch.poison[:_SHOWN]))
        if kind in self._last_error:
            facts["error"] = self._last_error[kind]
        return {f"{topics.sink_name(kind)}.{name}": value for name, value in facts.items()}


def discard(settings: Settings, series: Series, what: int | Position) -> int:
    """Takes messages that have not landed out of the sink's backlog; returns how many.

    For poison that will never land, once its hour has been published anew: only a person decides that.

    Args:
        what: all messages of an hour (its start, microseconds since 1970, UTC), or the one at a position.

    Raises:
        CandlewickError: the broker does not answer.
    """
    # Only the administrator may unload a topic.
    token = access.pulsar_token(settings, access.PULSAR_ADMIN)
    topic, subscription = topics.hour_topic(series), topics.sink_subscription(series.kind)
    with (
        BusAdmin(access.pulsar_admin_url(settings), token) as admin,
        Bus(access.pulsar_url(settings), token) as bus,
    ):
        chosen: list[Position] = []
        rows = 0
        through = Position(-1, -1)
        owed = admin.unacknowledged(topic, subscription, DISCARD_SEARCH)
        for position in owed:
            if position <= through:
                continue
            message = bus.read_message(topic, position)
            through = message.last
            if position == what or _hour_of(series.kind, message.payload) == what:
                rows += 1
                chosen += [chunk for chunk in owed if position <= chunk <= through]
        if chosen:
            bus.acknowledge(topic, subscription, chosen)
            # What a person has decided is not undone by a broker that is killed.
            admin.keep_acknowledgements(topic)
        return rows


def _hour_of(kind: Kind, payload: bytes) -> int | None:
    try:
        return parse_time(str(messages.read_row(kind, payload)["hour"]))
    except (ValueError, CandlewickError):
        return None


def _shown(poison: Poison) -> str:
    where = poison.label or f"message {poison.position.ledger}:{poison.position.entry}"
    return f"{topics.series_name(poison.topic)} {where}: {poison.error}"


def _first_line(error: psycopg.Error) -> str:
    return error.diag.message_primary or str(error).strip().partition("\n")[0]


def _monotonic_us() -> int:
    return time.monotonic_ns() // 1000


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m streaming.guard", description=__doc__)
    parser.add_argument(
        "--discard",
        nargs=2,
        metavar=("SERIES", "WHAT"),
        help="take messages that have not landed out of the backlog, and end; WHAT is the hour, or the place "
        "of one message as the health record tells it (12:34)",
    )
    arguments = parser.parse_args()
    settings = Settings()
    if arguments.discard is None:
        lifecycle.run(Guard(settings), settings, role=access.PULSAR_GUARD)
        return
    name, text = arguments.discard
    try:
        with Store(access.database_url(settings)) as store:
            series = store.series(name)
        if series is None:
            raise CandlewickError(f"there is no series {name}", "`candlewick status` lists them")
        print(discard(settings, series, _what(text)), "messages discarded")  # noqa: T201
    except CandlewickError as error:
        print(error, file=sys.stderr)  # noqa: T201
        raise SystemExit(2) from error


def _what(text: str) -> int | Position:
    place = re.fullmatch(r"(\d+):(\d+)", text)
    return Position(int(place[1]), int(place[2])) if place else parse_time(text)


if __name__ == "__main__":
    main()
