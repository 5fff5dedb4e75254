"""What one series has published, and what it lacks. Pure: events and times go in, records come out.

A trade series knows its last id: a jump is a gap that names the ids, and so is what happened between two
connections. A series of quotes has no ids: what happened between two connections stays unknown, unless the
first price of the new connection is the last one of the old.

Events of a gap that come later, from the venue's REST side or late in the stream, are published then; when
all of them are there the gap is `filled`. What the venue does not have stays a gap of exactly those ids.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Self

from msgspec.structs import replace

from candlewick.live.continuity import Continuity, Saying
from candlewick.live.events import Quote, Trade
from candlewick.times import HOUR_US

_HOUR_NS = HOUR_US * 1000

UNAVAILABLE = "the venue does not have these trades"
LARGEST_ID = (1 << 63) - 1
GAPS_KEPT = 1000
"""Gaps that are remembered, should their trades still come; older ones stay on their hours."""
NARROWEST_NS, WIDEST_NS = 1_000_000, 60_000_000_000
"""How long a gap is of a quote that cannot be published."""
AHEAD_NS = 1_000_000_000
"""A venue's clock may be this much ahead of ours; what it says beyond that is not believed."""


def by_our_clock(venue_ns: int, receive_ns: int) -> int:
    """A venue's time, or when it was received if that time lies in the future.

    Were a clock that jumped ahead believed, the series would count as known up to there, and what is lost
    until then would not be said.
    """
    return venue_ns if venue_ns <= receive_ns + AHEAD_NS else receive_ns


@dataclass(slots=True)
class OpenGap:
    """A gap of a trade series that may still be filled.

    Attributes:
        missing: ranges of ids [first, last] that have not come, in order.
        since_ns: from where REST must be asked; trades before it are not of this gap.
        first_known: whether the first id is known; of a first start it is not.
    """

    record: Continuity
    missing: list[tuple[int, int]]
    since_ns: int
    first_known: bool = True
    given_up: bool = False
    """The venue does not have what is missing; should it come late all the same, it is taken."""
    attempts: int = 0
    reached_ns: int = 0
    """Up to where REST has answered in the attempt that goes on; 0 before its first page."""
    seen: dict[int, int] = field(default_factory=dict)
    """Times of trades next to what is missing, so that what stays missing has exact bounds."""

    @classmethod
    def of(cls, record: Continuity) -> Self:
        """The gap that a record opened; what has come since is still to be taken out."""
        first_known = record.first_id is not None
        last_id = record.last_id if record.last_id is not None else LARGEST_ID
        missing = [(record.first_id or 0, last_id)]
        given_up = record.reason == UNAVAILABLE
        return cls(record, missing, record.from_ns, first_known, given_up)

    def take(self, trade_id: int) -> bool:
        """Whether an id was missing; it no longer is."""
        for index, (first, last) in enumerate(self.missing):
            if first <= trade_id <= last:
                rest = [(first, trade_id - 1), (trade_id + 1, last)]
                self.missing[index : index + 1] = [(a, b) for a, b in rest if a <= b]
                return True
        return False


class Ledger:
    """What trades and quotes have in common: until when a series is known, and when it may say so.

    `records` collects what is to be published on the topic of continuity, in order; the caller takes it.
    """

    def __init__(self, known_ns: int | None = None) -> None:
        """`known_ns`: up to when the series is known by its topic; None: it is new."""
        self.known_ns = known_ns
        self.records: list[Continuity] = []
        self.resuming = True
        self.duplicates = 0
        self._event_ns = known_ns
        self._begun_ns = known_ns or 0
        self._complete_ns = 0
        self._start_ns = 0

    def resume_from(self, event_ns: int | None, complete_ns: int | None) -> None:
        """What the series' own topics say: its last event, and up to when it was complete."""
        self._event_ns = event_ns if event_ns is not None else complete_ns
        known = [moment for moment in (event_ns, complete_ns) if moment is not None]
        self.known_ns = max(known) if known else None
        self._begun_ns = self.known_ns or 0

    def begin(self, now_ns: int, *, in_doubt: bool = False) -> None:
        """The venue acknowledged a subscription at `now_ns` by its clock: what came before is not known.

        Args:
            in_doubt: the stream was found mute, so that what was said to be complete since its last event
                may not have been.
        """
        self.resuming = True
        self._start_ns = now_ns
        if in_doubt and self._event_ns is not None:
            self.known_ns = self._event_ns

    def overlap(self) -> None:
        """A second connection is being opened: what comes from now on may come of both.

        Nothing to do for trades, which ids tell apart.
        """

    def succeed(self) -> None:
        """The first connection has ended, and the second one's events come now, some of them again."""

    def alone(self) -> None:
        """There is no second connection after all."""

    def complete(self, upto_ns: int, position: str, at_ns: int, last_id: int | None = None) -> None:
        """The connection is whole and everything up to `upto_ns` has been acknowledged."""
        if self.resuming or upto_ns <= self._complete_ns:
            return
        self._complete_ns = upto_ns
        self.known_ns = max(self.known_ns or 0, upto_ns)
        self.records.append(
            Continuity(Saying.COMPLETE, self._begun_ns, upto_ns, None, last_id, position, at_ns=at_ns)
        )

    def take_records(self) -> list[Continuity]:
        taken, self.records = self.records, []
        return taken

    def _event(self, event: Quote | Trade) -> None:
        event_ns = by_our_clock(event.exchange_ns, event.receive_ns)
        self._event_ns = max(self._event_ns or 0, event_ns)
        self.known_ns = max(self.known_ns or 0, event_ns)

    def _resumed(self, from_ns: int) -> None:
        self.resuming = False
        self._begun_ns = from_ns

    def _hour_start(self) -> int:
        return self._start_ns // _HOUR_NS * _HOUR_NS


class TradeLedger(Ledger):
    """Trades by their ids."""

    def __init__(
        self, last_id: int | None = None, known_ns: int | None = None, gaps: Iterable[OpenGap] = ()
    ) -> None:
        super().__init__(known_ns)
        self.last_id = last_id
        self.gaps: list[OpenGap] = list(gaps)
        self._left_out_id = -1

    def left_out(self, trade_id: int) -> None:
        """A trade that cannot be published: the next one that can shows by its id that it is missing."""
        self._left_out_id = max(self._left_out_id, trade_id)

    def complete(self, upto_ns: int, position: str, at_ns: int, last_id: int | None = None) -> None:
        if self._left_out_id > (-1 if self.last_id is None else self.last_id):
            return
        super().complete(upto_ns, position, at_ns, last_id if last_id is not None else self.last_id)

    def snapshot(self, trades: list[Trade], at_ns: int) -> list[Trade]:
        """The venue's last trades at the beginning of a subscription: what of them is to be published.

        `trades` may be empty: a symbol without trades, or a venue that gives none; then it is left to
        `newest` to say where the series stands.
        """
        trades = sorted(trades, key=lambda trade: trade.trade_id)
        if not trades:
            return []
        return self._first_start(trades, at_ns) if self.last_id is None else self._resume(trades, at_ns)

    def take(self, trade: Trade, at_ns: int) -> bool:
        """A trade of the stream: whether it is to be published."""
        if self.last_id is None or self.resuming:
            # No snapshot came before it: it is one itself.
            return bool(self.snapshot([trade], at_ns))
        if trade.trade_id <= self.last_id:
            return self._fills(trade)
        self._follow([trade], "ids were skipped", at_ns)
        return True

    def reopen(self, bounds: tuple[int, int], ids: tuple[int, int], at_ns: int) -> None:
        """A hole that the topic itself shows: a worker ended between an event and the record of its gap."""
        record = self._record(*bounds, *ids, "found after a restart", at_ns)
        self.gaps.append(OpenGap.of(record))

    def fill(self, gap: OpenGap, trades: list[Trade], at_ns: int) -> list[Trade]:
        """Trades that REST has between the bounds of a gap: those that were missing."""
        if not gap.first_known:
            trades = [trade for trade in trades if trade.exchange_ns >= gap.since_ns]
            if trades:
                first = min(trade.trade_id for trade in trades)
                gap.first_known = True
                gap.missing = [(max(first, a), b) for a, b in gap.missing if b >= first]
        found = []
        for trade in trades:
            gap.seen[trade.trade_id] = trade.exchange_ns
            # Another gap may lack it too: a worker that was killed found its own again.
            if [True for other in self.gaps if other.take(trade.trade_id)]:
                found.append(trade)
        if gap not in self.gaps:
            return found
        beside = {near for first, last in gap.missing for near in (first - 1, last + 1)}
        gap.seen = {trade_id: ns for trade_id, ns in gap.seen.items() if trade_id in beside}
        for other in [other for other in self.gaps if not other.missing]:
            self._close(other, "by the venue's REST side", at_ns)
        return found

    def nothing_there(self, gap: OpenGap, at_ns: int) -> None:
        """REST has answered for the whole gap: what is still missing the venue does not have."""
        if gap not in self.gaps:
            return
        if not gap.first_known:
            # No trade between the hour's start and the first that was seen.
            gap.missing = []
        gap.given_up = True
        if gap.missing == [(gap.record.first_id, gap.record.last_id)]:
            # Nothing of it was found: its bounds stand.
            gap.record = replace(gap.record, reason=UNAVAILABLE, position="", at_ns=at_ns)
            self.records.append(gap.record)
            return
        for first, last in gap.missing:
            record = self._record(
                gap.seen.get(first - 1, gap.record.from_ns),
                gap.seen.get(last + 1, gap.record.to_ns),
                first,
                last,
                UNAVAILABLE,
                at_ns,
            )
            self.gaps.append(OpenGap.of(record))
        # After the exact ones, so that at no time less is said to be missing than is.
        reason = "but for what the venue does not have" if gap.missing else "nothing was missing"
        self._close(gap, reason, at_ns)
        del self.gaps[:-GAPS_KEPT]

    def _first_start(self, trades: list[Trade], at_ns: int) -> list[Trade]:
        start_ns = self._hour_start()
        mine = [trade for trade in trades if trade.exchange_ns >= start_ns]
        self._resumed(start_ns)
        if len(mine) == len(trades):
            # The oldest of them may not be the first of its hour.
            first = trades[0]
            record = self._record(start_ns, first.exchange_ns, None, first.trade_id - 1, "first start", at_ns)
            self.gaps.append(OpenGap.of(record))
        else:
            record = self._record(start_ns, max(at_ns, start_ns + 1), None, None, "first start", at_ns)
            self._filled(record, "nothing was missing", at_ns)
        self.known_ns = start_ns
        self.last_id = trades[0].trade_id - 1
        self._follow([trade for trade in trades if trade.exchange_ns < start_ns], None, at_ns)
        self._follow(mine, "ids were skipped", at_ns)
        return mine

    def _resume(self, trades: list[Trade], at_ns: int) -> list[Trade]:
        if self.last_id is None:
            raise ValueError("a series that has no last id does not resume")
        late = [trade for trade in trades if trade.trade_id <= self.last_id and self._fills(trade)]
        new = [trade for trade in trades if trade.trade_id > self.last_id]
        if self.resuming:
            from_ns = self.known_ns or trades[0].exchange_ns
            self._resumed(from_ns)
            if not new or new[0].trade_id == self.last_id + 1:
                self._nothing_missed(from_ns, new[0].exchange_ns if new else self._start_ns, at_ns)
        self._follow(new[:1], "the connection was lost", at_ns)
        self._follow(new[1:], "ids were skipped", at_ns)
        return [*late, *new]

    def _follow(self, trades: list[Trade], reason: str | None, at_ns: int) -> None:
        """Takes trades as the last ones; ids between them are a gap, unless no reason is given for one."""
        for trade in trades:
            if reason is not None and self.last_id is not None and trade.trade_id > self.last_id + 1:
                to_ns = by_our_clock(trade.exchange_ns, trade.receive_ns)
                self._open(to_ns, self.last_id + 1, trade.trade_id - 1, reason, at_ns)
            self.last_id = trade.trade_id
            self._event(trade)

    def _nothing_missed(self, from_ns: int, to_ns: int, at_ns: int) -> None:
        """A reconnect between two consecutive trades: said, and closed at once. Its range of ids is empty."""
        last_id = self.last_id or 0
        record = self._record(
            from_ns, max(from_ns, to_ns), last_id + 1, last_id, "the connection was lost", at_ns
        )
        self._filled(record, "nothing was missing", at_ns)

    def newest(self, trade: Trade | None, at_ns: int) -> None:
        """No snapshot came: the newest trade that the venue has, by REST, or that it has none."""
        if not self.resuming:
            return
        if trade is None or self.last_id is None:
            start_ns = self._hour_start()
            self._resumed(start_ns)
            self.known_ns = start_ns
            last_id = trade.trade_id if trade else None
            record = self._record(start_ns, self._start_ns, None, last_id, "first start", at_ns)
            if trade is None:
                self._filled(record, "the venue has no trades", at_ns)
            else:
                self.last_id, self._event_ns = trade.trade_id, trade.exchange_ns
                self.gaps.append(OpenGap.of(record))
            return
        from_ns = self.known_ns or self._start_ns
        self._resumed(from_ns)
        if trade.trade_id > self.last_id:
            # Its id is missing, too: it was not published.
            to_ns = by_our_clock(trade.exchange_ns, trade.receive_ns) + 1
            self._open(to_ns, self.last_id + 1, trade.trade_id, "the connection was lost", at_ns)
            self.last_id = trade.trade_id
        else:
            self._nothing_missed(from_ns, self._start_ns, at_ns)

    def _fills(self, trade: Trade) -> bool:
        for gap in self.gaps:
            if gap.first_known and gap.take(trade.trade_id):
                if not gap.missing:
                    self._close(gap, "late, by the stream", trade.receive_ns)
                return True
        self.duplicates += 1
        return False

    def _open(self, to_ns: int, first: int, last: int, reason: str, at_ns: int) -> None:
        # From the last trade, not from the last `complete`: ids that are missing prove that one wrong.
        from_ns = self._event_ns if self._event_ns is not None else to_ns
        record = self._record(min(from_ns, to_ns), max(from_ns, to_ns), first, last, reason, at_ns)
        self.gaps.append(OpenGap.of(record))

    def _record(  # noqa: PLR0917 (in the order of the record)
        self, from_ns: int, to_ns: int, first: int | None, last: int | None, reason: str, at_ns: int
    ) -> Continuity:
        record = Continuity(
            Saying.GAP, from_ns, max(to_ns, from_ns + 1), first, last, reason=reason, at_ns=at_ns
        )
        self.records.append(record)
        return record

    def _close(self, gap: OpenGap, reason: str, at_ns: int) -> None:
        self.gaps.remove(gap)
        self._filled(gap.record, reason, at_ns)

    def _filled(self, record: Continuity, reason: str, at_ns: int) -> None:
        self.records.append(Continuity(Saying.FILLED, *record.bounds, reason=reason, at_ns=at_ns))


class QuoteLedger(Ledger):
    """Quotes: no ids, so that what was missed stays unknown."""

    def __init__(
        self, last: Quote | None = None, known_ns: int | None = None, *, by_time: bool = False
    ) -> None:
        """`by_time`: the price that opens a subscription has the time at which it was made, so that an equal
        one of another time is another."""
        super().__init__(known_ns)
        self.last = last
        self._by_time = by_time
        self._of_both: set[tuple[int, ...]] | None = None
        """What has come since a second connection is being opened, and the last before; None without one."""
        self._succeeds = False
        self._opening = False
        self._left_out_ns = 0
        self._width_ns = 0

    def snapshot(self, quote: Quote | None, at_ns: int) -> bool:
        """The price at the beginning of a subscription: whether it is to be published.

        Nothing came between its time and the subscription. None: the venue gives none, its market rests.
        """
        if not self.resuming:
            return self._again(quote, at_ns)
        known_ns = self.known_ns
        if known_ns is None:
            return self._first_start(quote, at_ns)
        self._resumed(known_ns)
        if quote is None:
            self._gap(known_ns, self._start_ns, "the connection was lost", at_ns)
            return False
        to_ns = by_our_clock(quote.exchange_ns, quote.receive_ns)
        self._gap(known_ns, to_ns, "the connection was lost", at_ns)
        self._opening = False
        if self._is_last(quote) or (self._succeeds and self._came(quote, at_ns)):
            return False
        if quote.exchange_ns < known_ns and self.last is None:
            return False
        return self._publish(quote)

    def _again(self, quote: Quote | None, at_ns: int) -> bool:
        """A second connection is opened; the first one has kept the series whole."""
        if quote is None or self._is_last(quote):
            self._opening = False
            return False
        return self.take(quote, at_ns)

    def _first_start(self, quote: Quote | None, at_ns: int) -> bool:
        # By the price's own time: nothing came after it, however old it is.
        first_ns = self._start_ns
        if quote is not None:
            first_ns = by_our_clock(quote.exchange_ns, quote.receive_ns)
        start_ns = first_ns // _HOUR_NS * _HOUR_NS
        self._resumed(start_ns)
        self.known_ns = start_ns
        self._gap(start_ns, first_ns, "first start", at_ns)
        return quote is not None and self._publish(quote)

    def take(self, quote: Quote, at_ns: int) -> bool:
        """A quote of the stream: whether it is to be published, as all are that one connection gives."""
        if self.resuming:
            return self.snapshot(quote, at_ns)
        if self._succeeds and self._came(quote, at_ns):
            return False
        return self._publish(quote)

    def overlap(self) -> None:
        self._of_both = set() if self.last is None else {_content(self.last)}
        self._succeeds = self._opening = False

    def succeed(self) -> None:
        self._succeeds = self._opening = self._of_both is not None

    def alone(self) -> None:
        self._of_both = None
        self._succeeds = self._opening = False

    def _came(self, quote: Quote, at_ns: int) -> bool:
        """Whether the first connection has given a quote of the second one already.

        If it has not given the price that opened the second one, nor a later one, it may have lacked more.
        """
        opening, self._opening = self._opening, False
        if self._of_both is not None and _content(quote) in self._of_both:
            return True
        last = self.last
        if last is not None and quote.exchange_ns <= by_our_clock(last.exchange_ns, last.receive_ns):
            return opening
        if opening and self._event_ns is not None:
            to_ns = by_our_clock(quote.exchange_ns, quote.receive_ns)
            self._gap(self._event_ns, to_ns, "the connection was lost", at_ns)
        self.alone()
        return False

    def left_out(self, exchange_ns: int, reason: str, at_ns: int) -> None:
        """A quote that cannot be published: a gap from its time on, wider while one follows the other.

        A venue that writes more digits from now on would otherwise have a gap for each of its quotes.
        """
        from_ns = by_our_clock(exchange_ns, at_ns)
        # Before its first quote, the gap of the connection goes up to one that can be published.
        if self.resuming or from_ns < self._left_out_ns:
            return
        follows = from_ns < self._left_out_ns + WIDEST_NS
        self._width_ns = min(2 * self._width_ns, WIDEST_NS) if follows else NARROWEST_NS
        self._left_out_ns = from_ns + self._width_ns
        self._gap(from_ns, self._left_out_ns, reason, at_ns)

    def _publish(self, quote: Quote) -> bool:
        self.last = quote
        if self._of_both is not None:
            self._of_both.add(_content(quote))
        self._event(quote)
        return True

    def _gap(self, from_ns: int, to_ns: int, reason: str, at_ns: int) -> None:
        if from_ns < to_ns:
            self.records.append(Continuity(Saying.GAP, from_ns, to_ns, reason=reason, at_ns=at_ns))

    def _is_last(self, quote: Quote) -> bool:
        last = self.last
        if last is None or (self._by_time and last.exchange_ns != quote.exchange_ns):
            return False
        return (last.bid, last.ask, last.bid_volume, last.ask_volume) == (
            quote.bid,
            quote.ask,
            quote.bid_volume,
            quote.ask_volume,
        )


def _content(quote: Quote) -> tuple[int, ...]:
    return quote.exchange_ns, quote.bid, quote.ask, quote.bid_volume, quote.ask_volume
