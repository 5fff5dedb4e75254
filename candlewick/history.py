"""History of a series, a UTC day at a time: fetched, published, landed, made into candles.

Each stage may be done again at any time and then changes nothing that is right already; each finds
what the one before it left in the archive or the database, so that a stage can be killed and done by
another process. The command line, Dagster and the benchmarks all call these.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property
from types import TracebackType
from typing import Self, TypeVar

import numpy as np

from candlewick import access, rechecks
from candlewick.archive import Archive, ArchivedHour
from candlewick.bus import Bus, Published
from candlewick.calendars import calendar
from candlewick.candles import Level
from candlewick.dukascopy.archived_days import load_day, renew_day
from candlewick.dukascopy.fetch import DayResult, HourProblem, fetch_day
from candlewick.dukascopy.limiter import DatabaseLimiter, day_lock
from candlewick.dukascopy.venue import Venue
from candlewick.errors import CandlewickError
from candlewick.hours import FINAL_STATES, Hour, HourState, Quotes
from candlewick.instruments import Series
from candlewick.settings import Settings
from candlewick.store import DatabaseUnavailableError, LandedHour, Refreshed, Store
from candlewick.times import DAY_US, HOUR_US, day_us, iso, now_us

# Days in flight per stage: enough to keep two cores busy, few enough to stay far below 400 MB.
DAYS_AHEAD = 3
DAYS_TO_LAND = 4

T = TypeVar("T")
R = TypeVar("R")

LANDING_PATIENCE_S = 180.0
_POLL_S = (0.02, 0.25)

_NOT_OUT = frozenset({"not-published", "too-late", "not-asked"})
NO_ANSWER = frozenset({"unreachable", "timed-out", "throttled", "server-error", "host-closed"})
"""First words of the reasons of hours that no host gave a sound answer about."""


class LandingTimeoutError(CandlewickError):
    """Published hours did not arrive in the database."""


@dataclass(frozen=True, slots=True)
class FetchedDay:
    """What fetching a day found; its ticks are in the archive.

    Attributes:
        states: hours by state, `outside` for those that the calendar closes and that hold nothing.
        spread: median of ask less bid in natural units, None without ticks.
        transport: what the content came by; empty when there is none.
        problems: hours that are not final, and failed re-checks of hours that are.
        resumed: it had been asked for since the run was requested, and was not asked for again.
    """

    day: date
    states: dict[str, int] = field(default_factory=dict)
    ticks: int = 0
    spread: float | None = None
    requests: int = 0
    bytes: int = 0
    seconds: float = 0.0
    transport: str = ""
    changed: int = 0
    problems: tuple[HourProblem, ...] = ()
    warnings: tuple[str, ...] = ()
    resumed: bool = False

    @property
    def unanswered(self) -> bool:
        """Nothing is known of the day's hours because no host gave a sound answer."""
        return (
            bool(self.problems) and not self.ticks and all(reason_of(p) in NO_ANSWER for p in self.problems)
        )


@dataclass(frozen=True, slots=True)
class PublishedDay:
    """Hours of a day that the database lacked, acknowledged by the broker."""

    day: date
    hours: int = 0
    ticks: int = 0
    bytes: int = 0
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class LandedDay:
    """The archived hours of a day, all of which have arrived in the database.

    Attributes:
        different: hours whose stored arrays do not have the content that was published.
    """

    day: date
    hours: int = 0
    ticks: int = 0
    seconds: float = 0.0
    different: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Backfilled:
    """One day after all of its stages."""

    fetched: FetchedDay
    published: PublishedDay
    landed: LandedDay


@dataclass(frozen=True, slots=True)
class RebuiltDay:
    """A day decoded anew from the archive: how many hours were published again, and what is wrong with it."""

    day: date
    hours: int = 0
    complaints: tuple[str, ...] = ()


def reason_of(problem: HourProblem) -> str:
    """The stable name that a problem's reason begins with."""
    return problem.reason.partition(":")[0]


class History:
    """The stages, and what they need: store, bus, archive and venue, each opened when first used.

    Use it as a context manager. Safe to share between threads; make a new one after a fork.

    Args:
        clock: the time by which hours are judged, microseconds since 1970, UTC.
    """

    def __init__(self, settings: Settings, *, clock: Callable[[], int] = now_us) -> None:
        self.settings = settings
        self.clock = clock
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @cached_property
    def store(self) -> Store:
        return self._stack.enter_context(Store(access.database_url(self.settings)))

    @cached_property
    def bus(self) -> Bus:
        token = access.pulsar_token(self.settings, access.PULSAR_PUBLISHER)
        return self._stack.enter_context(Bus(access.pulsar_url(self.settings), token))

    @cached_property
    def archive(self) -> Archive:
        archive = Archive(self.settings.archive_url)
        archive.stamp("demo" if self.settings.demo else "real")
        return archive

    @cached_property
    def venue(self) -> Venue:
        limiter = DatabaseLimiter(access.database_url(self.settings), self.settings)
        return self._stack.enter_context(Venue(self.settings, self._stack.enter_context(limiter)))

    def series(self, name: str) -> Series:
        """A collected series.

        Raises:
            CandlewickError: it is not collected here.
        """
        found = self.store.series(name)
        if found is None:
            raise CandlewickError(
                f"no series {name} is collected here",
                "names are like dukascopy:eurusd:quotes; `candlewick add` adds one",
            )
        return found

    # Fetch

    def fetch(
        self, series: Series, days: Iterable[date], *, recheck: bool = True, since_us: int | None = None
    ) -> Iterator[FetchedDay]:
        """Brings the archive up to date with the venue, a few days at a time, and yields them in order.

        A day that cannot be had is not an error: its hours are noted as problems, with reasons.

        Args:
            recheck: final hours are asked for again too, since the venue corrects what it has published.
            since_us: days that have been asked for since then, and of which no hour failed, are left as
                they are (a run that goes on where another stopped).

        Raises:
            CandlewickError: nothing can be done at all (database or archive away, disk full).
        """

        def one(day: date) -> FetchedDay:
            return self._fetch_day(series, day, recheck=recheck, since_us=since_us)[0]

        with ThreadPoolExecutor(DAYS_AHEAD, "fetch") as pool:
            yield from _ahead(pool, one, days, DAYS_AHEAD)

    def _fetch_day(
        self, series: Series, day: date, *, recheck: bool, since_us: int | None = None
    ) -> tuple[FetchedDay, list[Hour]]:
        began = time.perf_counter()
        hours_us = _hours(day)
        with day_lock(self.store, series, day):
            known = self.store.day_request(series.name, day)
            asked_before = known.asked_us if known is not None and not known.failures else None
            if since_us is not None and asked_before is not None and asked_before >= since_us:
                return self._resumed(series, day), []
            asked_us = self.clock()
            revisions = {
                hour: mark.revision for hour, mark in self.store.landed_marks(series.name, hours_us).items()
            }
            result = fetch_day(
                series,
                day,
                venue=self.venue,
                archive=self.archive,
                now_us=asked_us,
                # What could not be asked again the last time is not settled by leaving it alone.
                recheck=recheck or (known is not None and known.failures > 0),
                known_revisions=revisions,
            )
            self._note(series, day, asked_us, result)
        return _fetched(series, result, asked_us, time.perf_counter() - began), result.hours

    def _note(self, series: Series, day: date, asked_us: int, result: DayResult) -> None:
        """Leaves on record what a request found, and when the day is due again."""
        problems = result.problems
        failed = any(problem.state is HourState.FAILED for problem in problems)
        before = self.store.day_request(series.name, day)
        failures = (before.failures if before else 0) + 1 if failed else 0
        pending = {problem.hour_us for problem in problems if problem.state is HourState.PENDING}
        pending |= {hour.hour_us for hour in result.hours if hour.state is HourState.PENDING}
        ended = [hour for hour in _expected(series, day) if hour + HOUR_US <= asked_us]
        not_out = {problem.hour_us for problem in problems if reason_of(problem) in _NOT_OUT}
        due_us = rechecks.next_ask(series.name, day, asked_us, failures=failures, pending=bool(pending))
        self.store.note_request(
            series.name,
            day,
            asked_us=asked_us,
            transport=result.transport or None,
            hours_out=len(set(ended) - not_out),
            recheck_us=due_us,
            failures=failures,
            problems=problems,
        )

    def _resumed(self, series: Series, day: date) -> FetchedDay:
        archived = self.archive.read_day(series, day)
        hours = archived.hours.values() if archived else ()
        states = _states(series, day, {hour.hour_us: hour.state for hour in hours}, (), self.clock())
        return FetchedDay(day, states, sum(hour.ticks for hour in hours), resumed=True)

    # Publish

    def publish(self, series: Series, days: Iterable[date]) -> Iterator[PublishedDay]:
        """Publishes the archived hours that the database lacks or has in an older revision.

        A day is yielded once all of its messages are acknowledged. Days are decoded ahead, in threads.

        Raises:
            CandlewickError: the broker refuses or does not answer, or archived bytes decode to something
                else than when they were archived; the sound hours have been published then.
        """

        def load(day: date) -> tuple[date, list[Hour], list[str]]:
            return day, *self._owed(series, day)

        unsound: list[str] = []
        unsound_days: list[date] = []
        with ThreadPoolExecutor(DAYS_AHEAD, "decode") as pool:
            for day, hours, complaints in _ahead(pool, load, days, DAYS_AHEAD):
                unsound += complaints
                unsound_days += [day] if complaints else []
                yield self._publish(series, day, hours)
        if unsound:
            more = f" and {len(unsound) - 1} more" if len(unsound) > 1 else ""
            raise CandlewickError(
                f"{series.name}: {unsound[0]}{more}",
                f"`{rebuild_command(series, unsound_days, from_archive=True)}` publishes what the archive "
                "holds now; "
                "a backfill fetches damaged objects again",
            )

    def _publish(self, series: Series, day: date, hours: list[Hour]) -> PublishedDay:
        began = time.perf_counter()
        published = self.bus.publish_hours(series, hours) if hours else Published(0, 0, 0)
        seconds = time.perf_counter() - began
        return PublishedDay(day, len(hours), published.ticks, published.bytes, seconds)

    def _owed(self, series: Series, day: date) -> tuple[list[Hour], list[str]]:
        """The archived hours of a day that the database lacks, and what is wrong with the archive."""
        manifest = self.archive.read_day(series, day)
        if manifest is None:
            return [], []
        marks = self.store.landed_marks(series.name, list(manifest.hours))
        owed = {us for us, hour in manifest.hours.items() if not _archived_has_arrived(hour, marks.get(us))}
        if not owed:
            return [], []
        loaded = load_day(series, day, self.archive)
        if loaded is None:
            return [], []
        complaints = [*loaded.damaged]
        complaints += [
            f"{iso(us)} decodes to other quotes than before" for us in sorted(loaded.outdated & owed)
        ]
        sound = owed - loaded.outdated
        return [hour for us, hour in sorted(loaded.hours.items()) if us in sound], complaints

    # Land

    def await_landed(
        self, series: Series, days: Iterable[date], *, patience_s: float = LANDING_PATIENCE_S
    ) -> Iterator[LandedDay]:
        """Waits until every archived hour is in the database as it was archived, a day after the other.

        Landed means: state and content hash are the archived ones, or a newer final row has taken the
        place; the hash is then made anew from the stored arrays. A database that restarts is waited for.

        Args:
            patience_s: how long nothing may arrive before this gives up.

        Raises:
            LandingTimeoutError: hours did not arrive; names the first and says where to look.
        """
        for day in days:
            manifest = self.archive.read_day(series, day)
            yield self._land(series, day, manifest.hours if manifest else {}, patience_s)

    def _land(
        self, series: Series, day: date, expected: Mapping[int, ArchivedHour], patience_s: float
    ) -> LandedDay:
        began = time.perf_counter()
        self._await_marks(series, expected, patience_s)
        stored = self.store.landed(series.name, list(expected)) if expected else {}
        different = tuple(
            us for us, hour in expected.items() if not _archived_has_arrived(hour, stored.get(us))
        )
        ticks = sum(hour.ticks for hour in stored.values())
        return LandedDay(day, len(expected), ticks, time.perf_counter() - began, different)

    def _await_marks(self, series: Series, expected: Mapping[int, ArchivedHour], patience_s: float) -> None:
        missing = set(expected)
        deadline = time.monotonic() + patience_s
        pause_s, longest_s = _POLL_S
        problem = ""
        while missing:
            try:
                marks = self.store.landed_marks(series.name, sorted(missing))
                problem = ""
            except DatabaseUnavailableError as error:
                marks, problem = {}, f" ({error.problem})"
            arrived = {us for us in missing if _archived_has_arrived(expected[us], marks.get(us))}
            if arrived:
                missing -= arrived
                deadline = time.monotonic() + patience_s
                pause_s = _POLL_S[0]
                continue
            if time.monotonic() > deadline:
                raise LandingTimeoutError(
                    f"{len(missing)} of {len(expected)} hours of {series.name} did not land within "
                    f"{patience_s:.0f} s of the last, the first is {iso(min(missing))}{problem}",
                    "`candlewick status` shows the sink and its errors; the messages wait in Pulsar, "
                    "so that running this again is enough once the sink is well",
                )
            time.sleep(pause_s)
            pause_s = min(pause_s * 1.5, longest_s)

    # Candles

    def refresh(self, series: Series, level: Level, days: Sequence[date]) -> Refreshed:
        """Makes the candles of a level from the first to the last of `days`, where hours are dirty."""
        if not days:
            return Refreshed()
        return self.store.refresh(series.name, level, day_us(min(days)), day_us(max(days)) + DAY_US)

    # From the archive

    def rebuild(self, series: Series, days: Iterable[date]) -> Iterator[RebuiltDay]:
        """Decodes the archived bytes again and publishes what is not in the database like that.

        Hours that decode to other content than before get new revisions; rows whose arrays are not what
        their hash says are removed first. Needs no network; yields a day once it has landed. Candles are
        left to `refresh`.

        Raises:
            LandingTimeoutError: what was published did not arrive.
            CandlewickError: the archive or the broker does not answer.
        """
        for day in days:
            with day_lock(self.store, series, day):
                loaded = renew_day(series, day, self.archive, now_us=self.clock())
            if loaded is None:
                yield RebuiltDay(day)
                continue
            marks = self.store.landed_marks(series.name, list(loaded.hours))
            stored = self.store.landed(series.name, list(marks))
            rotten = [us for us in marks if stored[us].content_hash != marks[us].content_hash]
            self.store.forget_hours(series, rotten)
            lacking = [
                hour
                for us, hour in sorted(loaded.hours.items())
                if us in rotten or not _archived_has_arrived(loaded.manifest.hours[us], marks.get(us))
            ]
            self._publish(series, day, lacking)
            next(self.await_landed(series, [day]))
            yield RebuiltDay(day, len(lacking), tuple(loaded.damaged))

    # All of it

    def backfill(self, series: Series, days: Sequence[date], *, recheck: bool = True) -> Iterator[Backfilled]:
        """All stages, side by side: while a day lands, the next is published and others are fetched.

        Yields each day once its intraday candles are made; the daily ones are made at the end.
        """

        def fetch(day: date) -> tuple[FetchedDay, list[Hour]]:
            return self._fetch_day(series, day, recheck=recheck)

        def land(fetched: FetchedDay, published: PublishedDay) -> Backfilled:
            landed = next(self.await_landed(series, [fetched.day]))
            if landed.different:
                raise CandlewickError(
                    f"{series.name} {iso(landed.different[0])} is stored with other content than published",
                    f"`{rebuild_command(series, [fetched.day], from_archive=True)}` publishes it anew; "
                    "`candlewick doctor` checks the disk",
                )
            self.refresh(series, Level.INTRADAY, [fetched.day])
            return Backfilled(fetched, published, landed)

        landings: deque[Future[Backfilled]] = deque()
        with (
            ThreadPoolExecutor(DAYS_AHEAD, "fetch") as fetchers,
            ThreadPoolExecutor(1, "land") as lander,
        ):
            for fetched, hours in _ahead(fetchers, fetch, days, DAYS_AHEAD):
                owed = self._lacking(series, fetched.day, hours)
                published = self._publish(series, fetched.day, owed)
                landings.append(lander.submit(land, fetched, published))
                if len(landings) > DAYS_TO_LAND:
                    yield landings.popleft().result()
            while landings:
                yield landings.popleft().result()
        self.refresh(series, Level.DAILY, days)

    def _lacking(self, series: Series, day: date, hours: list[Hour]) -> list[Hour]:
        """Of the hours just fetched, those that the database lacks or has in an older revision."""
        marks = self.store.landed_marks(series.name, _hours(day))
        return [
            hour
            for hour in hours
            if (mark := marks.get(hour.hour_us)) is None
            or not _has_arrived(hour.state, hour.revision, hour.hash, mark)
        ]


def rebuild_command(series: Series, days: Sequence[date], *, from_archive: bool = False) -> str:
    """The command that makes these days anew, ready to be typed."""
    end = max(days) + timedelta(days=1)
    flag = " --from-archive" if from_archive else ""
    return f"candlewick rebuild {series.name} --from {min(days)} --to {end}{flag}"


def _has_arrived(state: HourState, revision: int, content_hash: bytes, row: LandedHour) -> bool:
    """Is the row what was sent, or a newer final one that takes its place?

    Equal content of an earlier revision is not enough: another one may be on its way in between.
    """
    if row.state is state and row.content_hash == content_hash and row.revision >= revision:
        return True
    newer = state not in FINAL_STATES or row.revision > revision
    return row.state in FINAL_STATES and newer


def _archived_has_arrived(hour: ArchivedHour, row: LandedHour | None) -> bool:
    return row is not None and _has_arrived(hour.state, hour.revision, bytes.fromhex(hour.content_hash), row)


def _ahead(
    pool: ThreadPoolExecutor, function: Callable[[T], R], items: Iterable[T], most: int
) -> Iterator[R]:
    """`map` in threads, in order, never more than `most` results ahead of the one being used."""
    waiting: deque[Future[R]] = deque()
    try:
        for item in items:
            waiting.append(pool.submit(function, item))
            if len(waiting) >= most:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:
            future.cancel()


def _hours(day: date) -> range:
    return range(day_us(day), day_us(day) + DAY_US, HOUR_US)


def _fetched(series: Series, result: DayResult, asked_us: int, seconds: float) -> FetchedDay:
    held = {hour.hour_us: hour.state for hour in result.hours}
    return FetchedDay(
        day=result.day,
        states=_states(series, result.day, held, result.problems, asked_us),
        ticks=sum(len(hour.ticks) for hour in result.hours),
        spread=_median_spread(result.hours),
        requests=result.requests,
        bytes=result.bytes,
        seconds=seconds,
        transport=result.transport,
        changed=len(result.changed),
        problems=tuple(result.problems),
        warnings=(*map(str, result.disagreements), *result.warnings),
    )


def _states(
    series: Series, day: date, held: Mapping[int, HourState], problems: Iterable[HourProblem], at_us: int
) -> dict[str, int]:
    """How many of a day's hours that have begun are in each state; a failed re-check counts as its hour's."""
    counts = dict.fromkeys((*(state.value for state in HourState), "outside"), 0)
    wrong = {problem.hour_us: problem.state for problem in problems}
    expected = set(_expected(series, day))
    for hour_us in _hours(day):
        if hour_us > at_us:
            continue
        state = held.get(hour_us)
        if state not in FINAL_STATES:
            state = wrong.get(hour_us, state)
        if state is None and hour_us in expected:
            state = HourState.PENDING
        counts["outside" if state is None else state.value] += 1
    return counts


def _expected(series: Series, day: date) -> list[int]:
    return calendar(series.calendar).open_hours(day_us(day), day_us(day) + DAY_US)


def _median_spread(hours: Iterable[Hour]) -> float | None:
    spreads = [
        hour.ticks.ask - hour.ticks.bid
        for hour in hours
        if isinstance(hour.ticks, Quotes) and len(hour.ticks)
    ]
    scale = next((hour.price_scale for hour in hours), 0)
    return float(np.median(np.concatenate(spreads))) / 10**scale if spreads else None
