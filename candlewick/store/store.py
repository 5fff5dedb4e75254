"""The store: everything that Candlewick asks of PostgreSQL, in one object."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import date, timedelta
from types import TracebackType
from typing import Self

from candlewick.candles import Candles, Level, Timeframe
from candlewick.hours import Hour, Ticks
from candlewick.instruments import Series
from candlewick.store import hours, problems, proofs, series
from candlewick.store.candles import read_candles
from candlewick.store.coverage import CoverageRow, coverage
from candlewick.store.database import Database
from candlewick.store.hours import LandedHour
from candlewick.store.problems import DayRequest, Problem, note_request
from candlewick.store.proofs import FailedHour, Proof, ProofKind
from candlewick.store.refresh import Refreshed, dirty_series, distrust, refresh
from candlewick.store.roles import prepare_role
from candlewick.store.series import SeriesState
from candlewick.times import now_us

# What a span means that has no end: all years that a venue of ours can have hours in.
EARLIEST_US = 0
LATEST_US = 4_102_444_800_000_000  # 2100-01-01


class Store:
    """One database. Safe to share between threads; make a new one after a fork.

    All moments are integer microseconds since 1970, UTC; spans are [start, end).
    Every method raises `DatabaseUnavailableError` when the database does not answer.
    """

    def __init__(self, database_url: str) -> None:
        self.database_url = database_url
        self._database = Database(database_url)

    def __enter__(self) -> Self:
        self._database.open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._database.close()

    def migrate(self) -> list[str]:
        """Brings the database to this version's tables; returns the names of what was applied."""
        from candlewick.store.migrate import migrate  # noqa: PLC0415  (few that use a store migrate it)

        return migrate(self.database_url)

    def prepare_roles(self, sink_password: str, reader_password: str) -> tuple[str, str]:
        """Creates or updates the login roles `<database>_sink` and `<database>_reader`; returns their names.

        The sink may insert and update hours, the reader may read everything. Passwords travel as
        SCRAM verifiers. The store must be connected as a role that may create roles.
        """
        with self._database.transaction() as connection:
            sink = prepare_role(connection, "sink", sink_password)
            return sink, prepare_role(connection, "reader", reader_password)

    def stamp(self, kind: str) -> None:
        """Marks the database as `real` or `demo` data.

        Raises:
            CandlewickError: it is stamped as the other kind.
        """
        with self._database.transaction() as connection:
            series.stamp(connection, kind)

    def add_series(self, wanted: Series, *, first_tick_us: int | None = None) -> int:
        """Adds a series, or finds it; its calendar may change, its scales may not.

        Args:
            first_tick_us: hours before it count as closed; None where it is not known.

        Raises:
            CandlewickError: it is kept with other scales.
        """
        with self._database.transaction() as connection:
            return series.add_series(connection, wanted, first_tick_us)

    def collect_series(self, wanted: Iterable[tuple[Series, int | None]]) -> None:
        """Like `add_series`, several with their first ticks: all of them, or none.

        Raises:
            CandlewickError: one of them is kept with other scales.
        """
        with self._database.transaction() as connection:
            for one, first_tick_us in wanted:
                series.add_series(connection, one, first_tick_us)

    def series_states(self) -> dict[str, SeriesState]:
        """Whether each series is collected, by name; also of those that are paused or removed."""
        with self._database.transaction() as connection:
            return series.series_states(connection)

    def set_series_state(self, names: Sequence[str], state: SeriesState) -> None:
        with self._database.transaction() as connection:
            series.set_series_state(connection, names, state)

    def delete_series(self, known: Series) -> None:
        """Deletes a series with all that is stored and known of it."""
        with self._database.transaction() as connection:
            series.delete_series(connection, known)

    def series(self, name: str) -> Series | None:
        with self._database.transaction() as connection:
            found = series.find_series(connection, name)
            return found[1] if found else None

    def all_series(self) -> list[Series]:
        """Every series that is not removed, by name."""
        with self._database.transaction() as connection:
            return series.all_series(connection)

    def wanted_series(self) -> list[Series]:
        """Every series that is neither paused nor removed, by name."""
        with self._database.transaction() as connection:
            return series.wanted_series(connection)

    def write_sessions(
        self, calendar: str, sessions: Iterable[tuple[int, int]], known: tuple[int, int]
    ) -> None:
        """Replaces the weekly sessions of a calendar; outside `known` no hour counts as closed."""
        with self._database.transaction() as connection:
            series.write_sessions(connection, calendar, sessions, known)

    def landed(self, name: str, hours_us: Sequence[int]) -> dict[int, LandedHour]:
        """The stored hours among those asked for, each with the hash of its stored arrays, made anew.

        Raises:
            UnknownSeriesError: no such series.
        """
        with self._database.transaction() as connection:
            return hours.landed(connection, series.known_series(connection, name)[1], hours_us)

    def landed_marks(self, name: str, hours_us: Sequence[int]) -> dict[int, LandedHour]:
        """Like `landed`, with the hashes that the messages stated: cheap enough to poll."""
        with self._database.transaction() as connection:
            return hours.landed_marks(connection, series.known_series(connection, name)[1], hours_us)

    def read_hours(self, known: Series, start_us: int, end_us: int) -> Iterator[Hour]:
        """The stored hours that overlap the span, whole, in order, one at a time."""
        with self._database.reading() as connection:
            yield from hours.read_hours(connection, known, start_us, end_us)

    def read_ticks(self, known: Series, start_us: int, end_us: int) -> Iterator[tuple[int, Ticks]]:
        """The stored ticks of the span by hour, in order: the hour's start and its ticks."""
        with self._database.reading() as connection:
            yield from hours.read_ticks(connection, known, start_us, end_us)

    def read_candles(
        self, known: Series, timeframe: Timeframe, start_us: int, end_us: int
    ) -> Iterator[Candles]:
        """The stored candles that begin in the span, oldest first, 100,000 at a time."""
        with self._database.reading() as connection:
            yield from read_candles(connection, known, timeframe, start_us, end_us)

    def note_problems(self, name: str, found: Sequence[Problem], *, tried_us: int) -> None:
        """Records hours that could not be had; each counts as one more attempt at its hour."""
        with self._database.transaction() as connection:
            problems.note_problems(connection, name, found, tried_us)

    def clear_problems(self, name: str, hours_us: Sequence[int]) -> None:
        with self._database.transaction() as connection:
            problems.clear_problems(connection, name, hours_us)

    def note_request(
        self,
        name: str,
        day: date,
        *,
        asked_us: int,
        transport: str | None,
        hours_out: int,
        recheck_us: int | None,
        failures: int,
        problems: Sequence[Problem],
    ) -> None:
        """Records a request for a day; its problems replace those that were known of the day's hours."""
        request = DayRequest(asked_us, transport, hours_out, recheck_us, failures)
        with self._database.transaction() as connection:
            note_request(connection, name, day, request, problems)

    def day_request(self, name: str, day: date) -> DayRequest | None:
        """The last request for a UTC day, if there was one."""
        return self.day_requests(name, day, day + timedelta(days=1)).get(day)

    def day_requests(self, name: str, first_day: date, end_day: date) -> dict[date, DayRequest]:
        """The last requests for the UTC days from `first_day` up to before `end_day`."""
        with self._database.transaction() as connection:
            return problems.day_requests(connection, name, first_day, end_day)

    def forget_hours(self, known: Series, hours_us: Sequence[int]) -> None:
        """Removes stored hours, so that they land anew when they are published again.

        For rows whose arrays are not what their hash says: the update rule would keep them.
        """
        with self._database.transaction() as connection:
            proofs.forget_hours(connection, known, hours_us)

    def failed_hours(self, name: str) -> list[FailedHour]:
        """Every hour of a series that could not be had, in order."""
        with self._database.transaction() as connection:
            return proofs.failed_hours(connection, name)

    def note_proofs(self, name: str, kind: ProofKind, found: Sequence[Proof], *, checked_us: int) -> None:
        """Records what a check of some days found, in place of what it found before."""
        with self._database.transaction() as connection:
            proofs.note_proofs(connection, name, kind, found, checked_us)

    def broken_proofs(self, name: str, kind: ProofKind) -> list[Proof]:
        """The days of which the last check of this kind failed, in order."""
        with self._database.transaction() as connection:
            return proofs.broken_proofs(connection, name, kind)

    def count_proofs(self, name: str, kind: ProofKind) -> tuple[int, int, int]:
        """Days of which a check of this kind held, failed, and had nothing to compare with."""
        with self._database.transaction() as connection:
            return proofs.count_proofs(connection, name, kind)

    def coverage(
        self, name: str, start_us: int, end_us: int, *, as_of_us: int | None = None
    ) -> list[CoverageRow]:
        """What is known of each hour that overlaps the span, as of now or of another moment.

        Raises:
            UnknownSeriesError: no such series.
        """
        as_of_us = now_us() if as_of_us is None else as_of_us
        with self._database.transaction() as connection:
            series.known_series(connection, name)
            return coverage(connection, name, start_us, end_us, as_of_us)

    def refresh(
        self,
        name: str,
        level: Level,
        start_us: int = EARLIEST_US,
        end_us: int = LATEST_US,
    ) -> Refreshed:
        """Makes the candles of a level anew where hours that begin in the span are dirty.

        Dirty is an hour whose content is not what the level's candles were made of. Waits for any
        other refresh of the series; commits every 744 hours.

        Raises:
            UnknownSeriesError: no such series.
        """
        return refresh(self._database, name, level, start_us, end_us)

    def dirty_series(self, venues: Collection[str], start_us: int) -> list[str]:
        """The series of some venues that have stored hours since a moment to be refreshed: one round trip."""
        with self._database.transaction() as connection:
            return dirty_series(connection, venues, start_us)

    def distrust_candles(self, name: str, start_us: int = EARLIEST_US, end_us: int = LATEST_US) -> None:
        """Makes every hour of the span dirty: the next refreshes make all of its candles anew from ticks.

        Until then the candles stay as they are.

        Raises:
            UnknownSeriesError: no such series.
        """
        with self._database.transaction() as connection:
            distrust(connection, name, start_us, end_us)
