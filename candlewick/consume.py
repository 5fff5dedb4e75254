"""One series from any past moment on: its stored hours, then what happens now, without loss or repeat.

An hour row that a recorder made names the live message that it was made up to. From there the live topic
goes on; what a row holds already is passed over, trades by their id and quotes by where they lie. Once live,
the database is not asked any more.
"""

import time
from bisect import bisect_right
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import pairwise

import msgspec
import numpy as np
import pulsar

from candlewick import topics
from candlewick.broker import close, connect, refused
from candlewick.bus_admin import BusAdmin
from candlewick.errors import CandlewickError
from candlewick.hours import Hour, Trades
from candlewick.instruments import Series
from candlewick.live import continuity
from candlewick.live.continuity import Continuity, Saying
from candlewick.live.events import Channel, Event, Quote, Trade, decode
from candlewick.live.reading import AT_ONCE, Published, TopicReader
from candlewick.live.wanted import is_live
from candlewick.position import Position, live_position
from candlewick.store import DatabaseUnavailableError, Store
from candlewick.store.series import SeriesState
from candlewick.times import HOUR_US, MINUTE_US, floor_hour, now_us

PATIENCE_MS = 100
SILENT_S = 60.0
_LOOK_BACK_US = 2 * HOUR_US
"""Rows before the wanted span that are looked at for where the live topic goes on."""


class Traded(msgspec.Struct, frozen=True, gc=False):
    """A trade; `us` is its time, microseconds since 1970; `side` the taker's, 1 buy and -1 sell."""

    us: int
    trade_id: int
    price: int
    quantity: int
    side: int


class Quoted(msgspec.Struct, frozen=True, gc=False):
    """The best bid and ask from a moment on."""

    us: int
    bid: int
    ask: int
    bid_volume: int
    ask_volume: int


class Missing(msgspec.Struct, frozen=True, gc=False):
    """Something may be missing in [from_us, to_us); comes before what follows it."""

    from_us: int
    to_us: int
    reason: str


class Filled(msgspec.Struct, frozen=True, gc=False):
    """What was missing has been given, late, among the ticks before this."""

    from_us: int
    to_us: int


class Live(msgspec.Struct, frozen=True, gc=False):
    """History ends here: what follows is given as it is published."""

    us: int


Item = Traded | Quoted | Missing | Filled | Live
"""Prices and volumes are integers in the scales of the series."""


class Ids:
    """Trade ids that were given: as runs, since they are consecutive but for what is missing."""

    def __init__(self) -> None:
        self._firsts: list[int] = []
        self._lasts: list[int] = []

    def __contains__(self, trade_id: int) -> bool:
        index = bisect_right(self._firsts, trade_id) - 1
        return index >= 0 and trade_id <= self._lasts[index]

    def add(self, trade_id: int) -> bool:
        """Whether an id is new."""
        if self._lasts and trade_id == self._lasts[-1] + 1:
            self._lasts[-1] = trade_id
            return True
        if trade_id in self:
            return False
        self._join([*zip(self._firsts, self._lasts, strict=True), (trade_id, trade_id)])
        return True

    def add_sorted(self, ids: np.ndarray) -> None:
        """The ids of an hour."""
        if not len(ids):
            return
        borders = [0, *(np.flatnonzero(np.diff(ids) != 1) + 1).tolist(), len(ids)]
        runs = [(int(ids[a]), int(ids[b - 1])) for a, b in pairwise(borders)]
        self._join([*zip(self._firsts, self._lasts, strict=True), *runs])

    def _join(self, runs: list[tuple[int, int]]) -> None:
        self._firsts, self._lasts = [], []
        for first, last in sorted(runs):
            if self._lasts and first <= self._lasts[-1] + 1:
                self._lasts[-1] = max(self._lasts[-1], last)
            else:
                self._firsts.append(first)
                self._lasts.append(last)


@dataclass(frozen=True, slots=True)
class Broker:
    """Where the live topics are, and in whose name they are read."""

    url: str
    admin_url: str
    token: str | None
    log: str = "/dev/null"


class Follower:
    """Iterates once over one series; belongs to one thread.

    Args:
        patience_s: ends after that long without anything new, once live; None: never.
    """

    def __init__(
        self, store: Store, broker: Broker, series: Series, start_us: int, patience_s: float | None
    ) -> None:
        self._store = store
        self._broker = broker
        self._series = series
        self._start_us = start_us
        self._patience_s = patience_s
        self._channel = Channel(series.kind.value)
        self._topic = topics.live_topic(series, self._channel)
        self._made: dict[int, Position] = {}
        """Up to where each hour's row was made."""
        self._ids = Ids()
        self._missing: list[tuple[int, int]] = []
        self._read = Position(-1, -1)

    def __iter__(self) -> Iterator[Item]:
        began_us = now_us()
        yield from self._history()
        if not is_live(self._series):
            return
        yield Live(now_us())
        client = connect(self._broker.url, self._broker.token, log=self._broker.log)
        try:
            yield from self._live(client, began_us)
        except pulsar.PulsarException as error:
            raise refused(self._topic, error) from error
        finally:
            close(client)

    # Stored hours

    def _history(self) -> Iterator[Item]:
        start_us = floor_hour(self._start_us)
        rows = self._store.read_hours(self._series, start_us - _LOOK_BACK_US, 2**52)
        lacking: deque[Missing] | None = None
        for hour in rows:
            position = live_position(hour.source)
            if position is not None:
                self._made[hour.hour_us] = position
            if isinstance(hour.ticks, Trades):
                self._ids.add_sorted(hour.ticks.trade_id)
            if hour.hour_us < start_us:
                continue
            if lacking is None:
                lacking = deque(self._lacking(start_us))
            while lacking and lacking[0].from_us < hour.hour_us:
                yield self._note(lacking.popleft())
            yield from self._hour(hour)
        if not is_live(self._series):
            # Of a live series the topic goes on, and says itself what is missing.
            yield from map(self._note, self._lacking(start_us) if lacking is None else lacking)

    def _lacking(self, start_us: int) -> list[Missing]:
        """Hours of the span without a row that are neither closed nor still to come."""
        known = self._store.coverage(self._series.name, start_us, now_us())
        return [
            Missing(max(row.hour_us, self._start_us), row.hour_us + HOUR_US, row.reason or "")
            for row in known
            if row.hole and row.source is None
        ]

    def _hour(self, hour: Hour) -> Iterator[Item]:
        make = Traded if isinstance(hour.ticks, Trades) else Quoted
        us, *columns = hour.ticks.columns()
        us = us + hour.hour_us
        gaps = deque(hour.gaps)
        for row in zip(us.tolist(), *(column.tolist() for column in columns), strict=True):
            # It begins at the time of the last tick before it.
            while gaps and gaps[0].from_us < row[0]:
                gap = gaps.popleft()
                if gap.to_us > self._start_us:
                    yield self._note(Missing(gap.from_us, gap.to_us, "a gap"))
            if row[0] >= self._start_us:
                yield make(*row)
        for gap in gaps:
            if gap.to_us > self._start_us:
                yield self._note(Missing(gap.from_us, gap.to_us, "a gap"))

    def _note(self, missing: Missing) -> Missing:
        self._missing.append((missing.from_us, missing.to_us))
        return missing

    # The live topic

    def _live(self, client: pulsar.Client, began_us: int) -> Iterator[Item]:
        events = TopicReader(client, self._topic, self._behind())
        topic = topics.continuity_topic(self._topic)
        records = TopicReader(client, topic, self._since(topic, began_us - _LOOK_BACK_US))
        said = deque(_still_of_use(_marks(records)))
        moved_at = asked_at = time.monotonic()
        while True:
            known = len(said)
            batch = events.take(PATIENCE_MS)
            # Behind the events: a gap is in its topic before anything beyond it is in the other.
            said.extend(_marks(records))
            for item in self._in_order(batch, said, known if len(batch) < AT_ONCE else 0):
                moved_at = time.monotonic()
                yield item
            now = time.monotonic()
            if self._patience_s is not None and now - moved_at > self._patience_s:
                return
            if now - max(moved_at, asked_at) > SILENT_S:
                self._check_collected()
                asked_at = time.monotonic()

    def _behind(self) -> Position:
        # The last rows may lack what came late for their hours: it is looked for from the earliest on.
        last = sorted(self._made)[-2:]
        if last:
            return min(self._made[hour_us] for hour_us in last)
        return self._since(self._topic, self._start_us - 5 * MINUTE_US)

    def _since(self, topic: str, us: int) -> Position:
        with BusAdmin(self._broker.admin_url, self._broker.token) as admin:
            return admin.position_since(topic, us)

    def _check_collected(self) -> None:
        """The topic of a series that was removed is silent for ever."""
        name = self._series.name
        with suppress(DatabaseUnavailableError):
            if self._store.series_states().get(name, SeriesState.REMOVED) is SeriesState.REMOVED:
                raise CandlewickError(
                    f"{name} is not collected any more", f"`candlewick add {name}` collects it again"
                )

    def _in_order(self, batch: list[Published], said: deque[Continuity], settled: int) -> Iterator[Item]:
        """Events, and between them what was said of them.

        Args:
            settled: how many of what was said is older than the end of the topic that the batch reaches.
        """
        for message in batch:
            at = message.at
            while said and (said[0].kind == Saying.GAP or said[0].position) and _place(said[0]) < at:
                yield from self._say(said.popleft())
                settled -= 1
            self._read = at
            yield from self._event(at, decode(self._channel, message.payload))
        while said and (_place(said[0]) <= self._read if said[0].position else settled > 0):
            yield from self._say(said.popleft())
            settled -= 1

    def _event(self, at: Position, event: Event) -> Iterator[Item]:
        us = event.exchange_ns // 1000
        if isinstance(event, Trade):
            if self._ids.add(event.trade_id) and us >= self._start_us:
                yield Traded(us, event.trade_id, event.price, event.quantity, event.side)
        elif isinstance(event, Quote) and us >= self._start_us:
            made = self._made.get(floor_hour(us))
            if made is None or at > made:
                yield Quoted(us, event.bid, event.ask, event.bid_volume, event.ask_volume)

    def _say(self, record: Continuity) -> Iterator[Item]:
        span = record.from_ns // 1000, -(-record.to_ns // 1000)
        if span[1] <= self._start_us:
            return
        if record.kind == Saying.GAP:
            if not any(first <= span[0] and span[1] <= end for first, end in self._missing):
                yield self._note(Missing(*span, record.reason))
        elif record.kind == Saying.FILLED:
            told = [one for one in self._missing if one[0] < span[1] and span[0] < one[1]]
            if told:
                # Rows have their gaps cut at hours.
                self._missing = [
                    one for one in self._missing if not (span[0] <= one[0] and one[1] <= span[1])
                ]
                yield Filled(*span)


def _still_of_use(records: list[Continuity]) -> list[Continuity]:
    """Records without the gaps that are filled by now: what filled them is in the rows or will be read."""
    kept: list[Continuity] = []
    for record in records:
        if record.kind == Saying.FILLED:
            kept = [one for one in kept if one.kind != Saying.GAP or one.bounds != record.bounds]
        kept.append(record)
    return kept


def _place(record: Continuity) -> Position:
    return Position.parse(record.position) or Position(-1, -1)


def _marks(reader: TopicReader) -> list[Continuity]:
    """What was said by now, but for how far all is complete."""
    records = [continuity.decode(message.payload) for message in reader.take_all()]
    return [record for record in records if record.kind != Saying.COMPLETE]
