"""`python -m streaming.recorder`: live topics become hours.

A thread follows the table of series, one reads each series, one publishes. The running hour of a series goes
out again and again as `pending`, the final one once the venue's worker has said that it is complete; the
sinks land them like any other hour. What is read is acknowledged behind the last hour that has landed.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Self

import structlog

from candlewick import access
from candlewick.broker import BusError, Sender, close, connect
from candlewick.bus import Bus
from candlewick.bus_admin import BusAdmin
from candlewick.errors import CandlewickError
from candlewick.health import Condition, Health
from candlewick.hours import FINAL_STATES, Hour
from candlewick.live.wanted import is_live
from candlewick.settings import Settings
from candlewick.store import Store
from candlewick.store.hours import LandedHour
from candlewick.times import HOUR_US, now_us
from streaming import lifecycle
from streaming.recording import pace
from streaming.recording.assembly import Assembly, Made, Sent
from streaming.series_reader import SeriesReader
from streaming.wanted import Announcer

FOLLOW_S = 1.0
PUBLISH_S = 0.5
FIRST_S = 2.0
"""How soon a new hour is first published."""

EVENTS = 5_000_000
"""Events in memory beyond which a series waits that has hours to be landed; 50 bytes each."""

EVENTS_AT_MOST = 20_000_000
HOURS_AT_ONCE = 100
STOP_S = 5.0

_log = structlog.get_logger(__name__)


class Recorder(AbstractContextManager["Recorder"]):
    """Records every live series; a worker of `lifecycle.py`."""

    name = "recorder"

    def __init__(self, settings: Settings) -> None:
        token = access.pulsar_token(settings, access.PULSAR_RECORDER)
        url = access.pulsar_url(settings)
        self._store = Store(access.database_url(settings))
        self._admin = BusAdmin(access.pulsar_admin_url(settings), token, patience_s=5.0)
        self._client = connect(url, token, log=lifecycle.LIBRARY_LOG)
        self._bus = Bus(url, token, log=lifecycle.LIBRARY_LOG)
        self._sender = Sender(url, token, log=lifecycle.LIBRARY_LOG)
        self._announcer = Announcer(self._sender)
        self._readers: dict[str, SeriesReader] = {}
        self._leaving: list[SeriesReader] = []
        self._published_at: dict[tuple[str, int], float] = {}
        self._problems: dict[str, str] = {"series": "the series are not known yet"}
        self._busy_since = 0.0
        self._published = 0
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._repeat, args=(self._follow, "series", FOLLOW_S), name="series"),
            threading.Thread(target=self._repeat, args=(self._publish, "hours", PUBLISH_S), name="hours"),
        ]
        self._failed: BaseException | None = None

    def __enter__(self) -> Self:
        self._store.__enter__()
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stopping.set()
        readers = [*self._readers.values(), *self._leaving]
        for reader in readers:
            reader.stop()
        # Closing ends calls that wait for a broker that is away.
        self._sender.close()
        self._bus.close()
        for reader in readers:
            reader.join(STOP_S)
        close(self._client)
        for thread in [*self._threads]:
            thread.join(STOP_S)
        self._admin.close()
        self._store.__exit__(kind, error, traceback)

    def turn(self) -> Health:
        """What a person should know of the recorder just now."""
        if self._failed is not None:
            raise RuntimeError("a thread of the recorder has failed") from self._failed
        readers = list(self._readers.values())
        for reader in readers:
            if reader.failure is not None:
                raise RuntimeError(f"reading {reader.series.name} has failed") from reader.failure
        facts: dict[str, str] = {"series": str(len(readers)), "hours published": str(self._published)}
        for reader in readers:
            facts |= {f"{reader.series.name}.{name}": value for name, value in _facts(reader).items()}
        condition, summary = self._condition(readers)
        return Health(self.name, now_us(), condition, summary, facts)

    def _condition(self, readers: list[SeriesReader]) -> tuple[Condition, str]:
        refused = sum(reader.unreadable + reader.assembly.refused for reader in readers)
        if refused:
            return Condition.DEGRADED, f"{refused} messages could not be read as events of their series"
        if sum(reader.assembly.events for reader in readers) > EVENTS_AT_MOST:
            return Condition.DEGRADED, "more events in open hours than may stand in memory: reading rests"
        problems = [problem for problem in self._problems.values() if problem]
        problems += [f"{reader.series.name}: {reader.problem}" for reader in readers if reader.problem]
        if self._busy_since and time.monotonic() - self._busy_since > 2 * lifecycle.INTERVAL_S:
            problems.append("an hour waits for the broker or the database")
        if problems:
            return Condition.WAITING, problems[0]
        behind = sum(not reader.caught_up for reader in readers)
        if behind:
            return Condition.WAITING, f"{behind} series are read up to where their topics were at the start"
        if any(reader.held_back for reader in readers):
            return Condition.WAITING, "hours have not landed yet, and memory is full: reading rests"
        return Condition.OK, f"{len(readers)} series recorded"

    def _repeat(self, work: Callable[[], None], name: str, every_s: float) -> None:
        while not self._stopping.is_set():
            try:
                work()
                self._problems[name] = ""
            except CandlewickError as error:
                if error.problem != self._problems.get(name):
                    _log.warning("waiting", what=name, error=error.problem)
                self._problems[name] = error.problem
            except BaseException as error:  # told in `turn`, which ends the process
                self._failed = error
                raise
            self._stopping.wait(every_s)

    # Which series

    def _follow(self) -> None:
        series = {one.name: one for one in self._store.wanted_series() if is_live(one)}
        for name in [name for name, reader in self._readers.items() if series.get(name) != reader.series]:
            reader = self._readers.pop(name)
            reader.stop()
            self._leaving.append(reader)
            _log.info("no longer recorded", series=name)
        for name in series.keys() - self._readers.keys():
            if any(reader.series.name == name and reader.is_alive for reader in self._leaving):
                continue
            self._readers[name] = SeriesReader(series[name], self._client, self._admin, self._has_room)
            self._readers[name].start()
        self._leaving = [reader for reader in self._leaving if reader.is_alive]
        self._announcer.tell(list(series.values()))

    def _has_room(self, reader: SeriesReader) -> bool:
        held = sum(one.assembly.events for one in list(self._readers.values()))
        if held <= EVENTS:
            return True
        with reader.lock:
            waits = bool(reader.assembly.due() or reader.assembly.landing())
        # A single hour may be larger than the bound: it is not final before all of it is read.
        return not waits and held <= EVENTS_AT_MOST

    # What is published

    def _publish(self) -> None:
        self._busy_since = time.monotonic()
        problem: CandlewickError | None = None
        try:
            for reader in list(self._readers.values()):
                try:
                    self._publish_series(reader)
                except BusError as error:
                    # One series' topic may be at fault: the others go on.
                    problem = error
        finally:
            self._busy_since = 0.0
        if problem is not None:
            raise problem

    def _publish_series(self, reader: SeriesReader) -> None:
        with reader.lock:
            # A reader that finds that another recorder was at work begins a new one.
            assembly, is_ready, caught_up = reader.assembly, reader.is_ready, reader.caught_up
        if is_ready and (caught_up or reader.held_back):
            # An earlier recorder knew all of what this one is still reading, and may have published it:
            # nothing is said that knows less, unless memory has no room for the rest.
            self._publish_final(reader, assembly)
        if is_ready and caught_up:
            self._publish_running(reader, assembly)

    def _publish_final(self, reader: SeriesReader, assembly: Assembly) -> None:
        with reader.lock:
            asked = sorted({*assembly.landing(), *assembly.due()[:HOURS_AT_ONCE]})
        if not asked:
            return
        marks = self._store.landed_marks(reader.series.name, asked)
        with reader.lock:
            for hour_us in set(assembly.landing()) & marks.keys():
                mark = marks[hour_us]
                assembly.landed(hour_us, mark.revision, final=mark.state in FINAL_STATES)
            due = [hour_us for hour_us in assembly.due() if hour_us in asked]
        if due:
            self._send(reader, assembly, self._finals(reader, assembly, due, marks))

    def _finals(
        self, reader: SeriesReader, assembly: Assembly, due: list[int], marks: dict[int, LandedHour]
    ) -> Iterator[Made]:
        for hour_us in due:
            mark = marks.get(hour_us)
            stored = None
            with reader.lock:
                if mark is not None:
                    assembly.known(hour_us, mark.revision)
                    if mark.state in FINAL_STATES and assembly.says_nothing(hour_us):
                        assembly.settled(hour_us)
                        continue
                sent = assembly.books[hour_us].sent
            if mark is not None and (mark.state in FINAL_STATES or sent is None):
                stored = next(self._store.read_hours(reader.series, hour_us, hour_us + HOUR_US), None)
            with reader.lock:
                border = assembly.border(hour_us)
            beside = [
                row
                for other_us in border
                for row in self._store.read_hours(reader.series, other_us, other_us + HOUR_US)
            ]
            with reader.lock:
                assembly.settle_border(hour_us, beside)
                made = assembly.final(hour_us, stored, now_us())
                if made is None:
                    assembly.settled(hour_us)
                    continue
            self._published_at.pop((reader.series.name, hour_us), None)
            yield made

    def _publish_running(self, reader: SeriesReader, assembly: Assembly) -> None:
        now = time.monotonic()
        with reader.lock:
            sizes = {hour_us: len(assembly.books[hour_us].ticks) for hour_us in assembly.running()}
        due = []
        for hour_us, ticks in sizes.items():
            last = self._published_at.setdefault((reader.series.name, hour_us), now + FIRST_S - pace.EVERY_S)
            if now - last >= pace.interval_s(ticks, len(self._readers)):
                due.append(hour_us)
        if due:
            self._send(reader, assembly, self._snapshots(reader, assembly, due))

    def _snapshots(self, reader: SeriesReader, assembly: Assembly, due: list[int]) -> Iterator[Made]:
        new = [hour_us for hour_us in due if not assembly.books[hour_us].revision]
        marks = self._store.landed_marks(reader.series.name, new) if new else {}
        for hour_us in due:
            with reader.lock:
                if hour_us in marks:
                    assembly.known(hour_us, marks[hour_us].revision)
                made = assembly.snapshot(hour_us, now_us())
            self._published_at[reader.series.name, hour_us] = time.monotonic()
            yield made

    def _send(self, reader: SeriesReader, assembly: Assembly, hours: Iterator[Made]) -> None:
        """Publishes hours as they are made; they count as published once all are acknowledged."""
        sent: dict[int, Sent] = {}

        def noted() -> Iterator[Hour]:
            for made in hours:
                sent[made.hour.hour_us] = made.sent
                yield made.hour

        self._bus.publish_hours(reader.series, noted())
        self._published += len(sent)
        with reader.lock:
            for hour_us, state in sent.items():
                assembly.published(hour_us, state)


def _facts(reader: SeriesReader) -> dict[str, str]:
    with reader.lock:
        assembly = reader.assembly
        facts = {
            "lag s": f"{reader.lag_s:.3f}",
            "open hours": str(len(assembly.books)),
            "events": str(assembly.events),
            "open gaps": str(assembly.open_gaps),
            "read": str(assembly.read),
            "caught up": str(reader.caught_up).lower(),
        }
        if reader.problem:
            facts["problem"] = reader.problem
    return facts


def main() -> None:
    settings = Settings()
    lifecycle.run(Recorder(settings), settings, role=access.PULSAR_RECORDER, interval_s=2.0)


if __name__ == "__main__":
    main()
