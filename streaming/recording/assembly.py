"""The open hours of one series, assembled from its live topic and its continuity.

Each topic is read in its own order, the two in any relation to one another: what a record says counts only
once the live topic has been read up to the record's position. So the hours that come out depend on what is
in the topics alone, not on when it was read.

An hour is kept here from its first event, gap or completeness until a final row of it has landed
(`settled`). Whatever comes for it later opens it again, and its next final row is joined with the stored one.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from candlewick import merge
from candlewick.calendars import calendar
from candlewick.hours import Gap, Hour, HourState, Quotes, Ticks, Trades
from candlewick.instruments import Kind, Series
from candlewick.live.continuity import Continuity, Saying
from candlewick.live.events import Event, Ticker, Trade
from candlewick.position import Position, live_position, live_source
from candlewick.times import HOUR_US, floor_hour, hours_between
from streaming.recording import columns, spans
from streaming.recording.columns import Growing
from streaming.recording.spans import Span

KEPT_US = 24 * HOUR_US
"""Continuity is read again for this long by a restart, so that gaps said then are still known one by one."""

_NOWHERE = Position(-1, -1)
_Bounds = tuple[int, int, int | None, int | None]


@dataclass(frozen=True, slots=True)
class Sent:
    """A row that was published: the state of the book that it was made of, and its revision."""

    version: int
    revision: int
    final: bool


@dataclass(frozen=True, slots=True)
class Made:
    """An hour to be published, and what to note of it once it is."""

    hour: Hour
    sent: Sent


@dataclass(slots=True)
class Book:
    """An hour that is not settled.

    Attributes:
        before: up to where the live topic had been read before the first event of this hour.
        version: grows with each change.
        excluded: trades that are another hour's.
        superseded: a row of somebody else's landed after one of ours.
    """

    ticks: Growing = field(default_factory=Growing)
    before: Position = _NOWHERE
    version: int = 0
    sent: Sent | None = None
    revision: int = 0
    excluded: set[int] = field(default_factory=set)
    superseded: bool = False


class Assembly:
    """One series. Belongs to one thread at a time.

    Args:
        read: up to where the live topic has been read and acknowledged by an earlier recorder.
        kept_us: how old continuity is before it is acknowledged.
    """

    def __init__(self, series: Series, read: Position | None = None, *, kept_us: int = KEPT_US) -> None:
        self.series = series
        self._kept_us = kept_us
        self.read = read or _NOWHERE
        self.books: dict[int, Book] = {}
        self.refused = 0
        self.last_exchange_us = 0
        self.complete_us = 0
        """Hours that end at or before this are complete."""
        self._week = calendar(series.calendar)
        self._waiting: deque[tuple[Position, Continuity, Position]] = deque()
        """Records that count once the live topic has been read up to the first; where each lies."""
        self._said_us = 0
        self._next_us: int | None = None
        self._gaps: dict[int, dict[_Bounds, list[Span]]] = {}
        self._filled: dict[int, list[Span]] = {}
        self._told: dict[int, int] = {}
        """When something was last said of the gaps of an hour."""
        self._marks: deque[tuple[Position, int]] = deque()
        self._newest_us = 0

    # What is read

    def take(self, events: Iterable[Event], upto: Position) -> None:
        """The next events of the live topic, the last of which lies at `upto`."""
        before = self.read
        # Most events are of the hour of the one before.
        hour_us, book = -1, None
        for event in events:
            us = event.exchange_ns // 1000
            if not hour_us <= us < hour_us + HOUR_US or book is None:
                hour_us = floor_hour(us)
                book = self._book(hour_us)
                if not len(book.ticks):
                    book.before = before
            book.version += 1
            if self._fits(event):
                columns.add(book.ticks, us - hour_us, event)
            else:
                self._refuse(us)
            self.last_exchange_us = us
        self.read = max(self.read, upto)
        self._apply()

    def say(self, record: Continuity, at: Position) -> None:
        """The next record of the continuity topic, which lies at `at`."""
        self._mark(at, record.at_ns // 1000)
        if record.kind == Saying.COMPLETE:
            # It matters when it passes the end of an hour, and then the first one counts.
            hour_us = floor_hour(record.to_ns // 1000)
            if hour_us <= self._said_us:
                return
            self._said_us = hour_us
        position = Position.parse(record.position) if record.kind != Saying.GAP else None
        self._waiting.append((position or _NOWHERE, record, at))
        self._apply()

    # What is to be published

    @property
    def events(self) -> int:
        """How many events stand in memory."""
        return sum(len(book.ticks) for book in self.books.values())

    @property
    def open_gaps(self) -> int:
        return len({bounds for hour in self._gaps.values() for bounds in hour})

    def is_final(self, hour_us: int) -> bool:
        if hour_us >= self.complete_us:
            return False
        end_us = hour_us + HOUR_US
        # A gap that is being filled is not told first as one that stays.
        return not any(
            record.kind != Saying.COMPLETE
            and record.from_ns < end_us * 1000
            and record.to_ns > hour_us * 1000
            for _, record, _ in self._waiting
        )

    def due(self) -> list[int]:
        """Final hours of which no row of this state has been published, in order."""
        return sorted(
            hour_us
            for hour_us, book in self.books.items()
            if not (book.sent and book.sent.final and book.sent.version == book.version)
            and self.is_final(hour_us)
        )

    @property
    def said_us(self) -> int:
        """When the newest record was made, by the clock of the venue's worker."""
        return self._newest_us

    def running(self) -> list[int]:
        """Hours that are not final, hold anything, and have changed since they were published, in order."""
        return sorted(
            hour_us
            for hour_us, book in self.books.items()
            if (len(book.ticks) or self._gaps.get(hour_us))
            and not (book.sent and book.sent.version == book.version)
            and not self.is_final(hour_us)
        )

    def landing(self) -> list[int]:
        """Hours of which a final row was published that is not known to have landed."""
        return sorted(hour_us for hour_us, book in self.books.items() if book.sent and book.sent.final)

    def says_nothing(self, hour_us: int) -> bool:
        """Whether all there is to say of a final hour is that it is complete: no row could change by that."""
        book = self.books[hour_us]
        return not (len(book.ticks) or book.excluded or self._gaps.get(hour_us) or self._filled.get(hour_us))

    def snapshot(self, hour_us: int, now_us: int) -> Made:
        """An hour as it stands, `pending`."""
        book = self.books[hour_us]
        ticks, _ = self._ticks(hour_us)
        gaps = spans.joined(self._open(hour_us))
        return self._made(hour_us, HourState.PENDING, ticks, gaps, max(now_us, book.revision + 1))

    def border(self, hour_us: int) -> list[int]:
        """Hours whose stored rows may hold a trade of this one: rounding may have put it over the border."""
        book = self.books[hour_us]
        if self.series.kind is Kind.QUOTES or not len(book.ticks):
            return []
        table = book.ticks.table()
        before = bool(((table[:, 0] == 0) & (table[:, 5] == 1)).any())
        after = bool(((table[:, 0] == HOUR_US - 1) & (table[:, 5] == 0)).any())
        return [hour_us - HOUR_US] * before + [hour_us + HOUR_US] * after

    def settle_border(self, hour_us: int, stored: Iterable[Hour]) -> None:
        """Leaves each trade to the hour in which it happened by the stream's own time.

        Args:
            stored: the rows of the hours that `border` named.
        """
        table = self.books[hour_us].ticks.table()
        for other in stored:
            if not isinstance(other.ticks, Trades):
                continue
            if other.hour_us < hour_us:
                rounded = table[(table[:, 0] == 0) & (table[:, 5] == 1), 1]
                theirs = other.ticks.trade_id[other.ticks.us == HOUR_US - 1]
                self._exclude(hour_us, np.intersect1d(rounded, theirs))
            else:
                exact = table[(table[:, 0] == HOUR_US - 1) & (table[:, 5] == 0), 1]
                theirs = other.ticks.trade_id[other.ticks.us == 0]
                self._exclude(other.hour_us, np.intersect1d(exact, theirs))

    def _exclude(self, hour_us: int, ids: np.ndarray) -> None:
        found = set(ids.tolist())
        if found and not found <= self._book(hour_us).excluded:
            self._book(hour_us).excluded |= found
            self._book(hour_us).version += 1

    def final(self, hour_us: int, stored: Hour | None, now_us: int) -> Made | None:
        """A final hour joined with the row that is stored; None where nothing is to be published.

        That is so where somebody else's row superseded ours and says all of it. Of a row that is from before
        this process an earlier one may have a worse one on its way to the database: ours goes after it.
        """
        book = self.books[hour_us]
        ticks, asked_later = self._ticks(hour_us)
        revision = max(now_us, book.revision + 1)
        held: list[Span] = []
        if stored is not None:
            revision = max(revision, stored.revision + 1)
            held = spans.minus([(gap.from_us, gap.to_us) for gap in stored.gaps], self._open(hour_us))
            held = spans.without(held, self._filled.get(hour_us, ()))
            if isinstance(ticks, Trades) and isinstance(stored.ticks, Trades):
                ticks = merge.merge_trades(
                    merge.without_ids(stored.ticks, book.excluded),
                    ticks,
                    asked_later,
                    stored_is_live=live_position(stored.source) is not None,
                )
                held = spans.still_open(held, hour_us, ticks)
            elif isinstance(ticks, Quotes) and isinstance(stored.ticks, Quotes):
                ticks = merge.merge_quotes(stored.ticks, ticks)
        # Our own gaps are open until it is said that they are filled: that does not depend on what is stored.
        gaps = spans.joined([*held, *self._open(hour_us)])
        state = HourState.DATA if len(ticks) or gaps else HourState.CLOSED
        made = self._made(hour_us, state, ticks, gaps, revision)
        if stored is not None and book.superseded and _same(stored, made.hour):
            return None
        return made

    # What became of it

    def published(self, hour_us: int, sent: Sent) -> None:
        book = self.books[hour_us]
        book.sent = sent
        book.superseded = False
        book.revision = max(book.revision, sent.revision)

    def known(self, hour_us: int, revision: int) -> None:
        """The revision of the stored row of an hour: the next one is higher."""
        book = self.books[hour_us]
        book.revision = max(book.revision, revision)

    def landed(self, hour_us: int, revision: int, *, final: bool) -> None:
        """What is stored of an hour that `landing` named."""
        book = self.books[hour_us]
        if book.sent is None or not final or revision < book.sent.revision:
            return
        if revision > book.sent.revision:
            # Somebody else's row: it is read, and joined with ours if it lacks anything.
            book.sent = None
            book.superseded = True
            book.revision = max(book.revision, revision)
        elif book.sent.version == book.version:
            self.settled(hour_us)

    def settled(self, hour_us: int) -> None:
        """All that is known of an hour is stored: it may be forgotten, what it was made of acknowledged."""
        del self.books[hour_us]
        self._forget()

    def done(self) -> tuple[Position | None, Position | None]:
        """Up to where the live topic and its continuity need not be read again after a restart."""
        first = min((book.before for book in self.books.values() if len(book.ticks)), default=self.read)
        oldest_us = min(self.books, default=self.complete_us)
        upto = None
        while (
            self._marks
            and self._marks[0][1] < min(oldest_us, self._newest_us - self._kept_us)
            and (not self._waiting or self._marks[0][0] < self._waiting[0][2])
        ):
            upto = self._marks.popleft()[0]
        return (first if first > _NOWHERE else None), upto

    # How

    def _book(self, hour_us: int) -> Book:
        book = self.books.get(hour_us)
        if book is None:
            book = self.books[hour_us] = Book()
        return book

    def _fits(self, event: Event) -> bool:
        if isinstance(event, Ticker) or isinstance(event, Trade) is not (self.series.kind is Kind.TRADES):
            return False
        return (event.price_scale, event.volume_scale) == (self.series.price_scale, self.series.volume_scale)

    def _refuse(self, us: int) -> None:
        """An event that this series cannot hold: where it should be stays a gap."""
        self.refused += 1
        bounds = us * 1000, us * 1000 + 1000, None, None
        self._gaps.setdefault(floor_hour(us), {})[bounds] = [(us, us + 1)]
        self._told[floor_hour(us)] = self._newest_us

    def _mark(self, at: Position, at_us: int) -> None:
        if not self._marks or floor_hour(at_us) > floor_hour(self._newest_us):
            self._marks.append((at, at_us))
        self._newest_us = max(self._newest_us, at_us)

    def _apply(self) -> None:
        while self._waiting and self._waiting[0][0] <= self.read:
            _, record, _ = self._waiting.popleft()
            if record.kind == Saying.COMPLETE:
                self._complete(floor_hour(record.to_ns // 1000))
                continue
            span = spans.of_ns(record.from_ns, record.to_ns)
            if self._next_us is None:
                self._next_us = floor_hour(span[0])
            for hour_us in hours_between(*span):
                parts = spans.cut(span, hour_us, self._week)
                if not parts:
                    continue
                if record.kind == Saying.GAP:
                    self._gaps.setdefault(hour_us, {})[record.bounds] = parts
                else:
                    self._gaps.get(hour_us, {}).pop(record.bounds, None)
                    self._filled.setdefault(hour_us, []).extend(parts)
                self._told[hour_us] = record.at_ns // 1000
                self._book(hour_us).version += 1

    def _complete(self, upto_us: int) -> None:
        if self._next_us is None:
            # A series that is read from its beginning has said a gap before.
            self._next_us = upto_us
        for hour_us in range(self._next_us, upto_us, HOUR_US):
            self._book(hour_us)
        self._next_us = max(self._next_us, upto_us)
        self.complete_us = max(self.complete_us, upto_us)

    def _open(self, hour_us: int) -> list[Span]:
        return [part for parts in self._gaps.get(hour_us, {}).values() for part in parts]

    def _ticks(self, hour_us: int) -> tuple[Ticks, np.ndarray]:
        book = self.books.get(hour_us)
        if book is None or not len(book.ticks):
            return columns.empty(self.series.kind), np.empty(0, dtype=bool)
        table = book.ticks.table()
        if self.series.kind is Kind.QUOTES:
            return columns.quotes(table), np.zeros(len(table), dtype=bool)
        made, asked_later = columns.trades(table)
        elsewhere = self._elsewhere(hour_us, made, asked_later)
        if len(elsewhere):
            kept = ~np.isin(made.trade_id, elsewhere)
            made, asked_later = Trades(*(column[kept] for column in made.columns())), asked_later[kept]
        return made, asked_later

    def _elsewhere(self, hour_us: int, made: Trades, asked_later: np.ndarray) -> np.ndarray:
        """Trades that belong to the hour before or after: their times were rounded over the border."""
        found = [np.fromiter(self.books[hour_us].excluded, dtype=np.int64)]
        for other_us in (hour_us - HOUR_US, hour_us + HOUR_US):
            other = self.books.get(other_us)
            if other is None or not (other.ticks.asked_later or self.books[hour_us].ticks.asked_later):
                # What happened in the stream's own time is of one hour.
                continue
            theirs, their_later = columns.trades(other.ticks.table())
            both, mine_at, their_at = np.intersect1d(
                made.trade_id, theirs.trade_id, assume_unique=True, return_indices=True
            )
            # As it happened before as asked for; then the earlier hour.
            rank, their_rank = asked_later[mine_at].astype(int), their_later[their_at].astype(int)
            found.append(both[(rank > their_rank) | ((rank == their_rank) & (other_us < hour_us))])
        return np.concatenate(found)

    def _made(self, hour_us: int, state: HourState, ticks: Ticks, gaps: list[Span], revision: int) -> Made:
        hour = Hour(
            series=self.series.name,
            hour_us=hour_us,
            revision=revision,
            state=state,
            source=live_source(self.read),
            price_scale=self.series.price_scale,
            volume_scale=self.series.volume_scale,
            ticks=ticks,
            gaps=tuple(Gap(first, end) for first, end in gaps),
        )
        return Made(hour, Sent(self.books[hour_us].version, revision, state is not HourState.PENDING))

    def _forget(self) -> None:
        """What was said of settled hours so long ago that a restart would not read it again either."""
        before_us = self._newest_us - 2 * self._kept_us
        gone = [hour for hour, at_us in self._told.items() if at_us < before_us and hour not in self.books]
        for hour_us in gone:
            del self._told[hour_us]
            self._gaps.pop(hour_us, None)
            self._filled.pop(hour_us, None)


def _same(stored: Hour, made: Hour) -> bool:
    return (stored.state, stored.gaps, stored.price_scale, stored.volume_scale, stored.hash) == (
        made.state, made.gaps, made.price_scale, made.volume_scale, made.hash,
    )  # fmt: skip
