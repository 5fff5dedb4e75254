"""The two topics of a series as a worker writes them, and the hours that must come of them.

`expected` is the plain reading of what a recorder is for, with all of both topics at hand.
"""

from dataclasses import dataclass, field
from random import Random

from candlewick.calendars import calendar
from candlewick.hours import Gap, Hour, HourState, Quotes, Trades
from candlewick.instruments import AssetClass, Kind, Series
from candlewick.live.continuity import Continuity, Saying
from candlewick.live.events import Quote, Trade
from candlewick.position import Position
from candlewick.times import HOUR_US, parse_time
from tests.live_topics import quote, trade

START_US = parse_time("2024-03-04T10:00")
START_NS = START_US * 1000
HOUR_NS = HOUR_US * 1000

Event = Trade | Quote


@dataclass
class Topics:
    """What a worker published, in order; positions are `ledger:entry`, a ledger for every twenty."""

    series: Series
    live: list[tuple[Position, Event]] = field(default_factory=list)
    records: list[tuple[Position, Continuity]] = field(default_factory=list)
    now_ns: int = 0

    def tell(self, event: Event) -> None:
        self.live.append((_place(len(self.live)), event))

    def say(
        self, kind: Saying, from_ns: int, to_ns: int, ids: tuple[int | None, int | None] = (None, None)
    ) -> Continuity:
        position = str(self.live[-1][0]) if self.live else ""
        self.now_ns = max(self.now_ns, to_ns)
        record = Continuity(kind, from_ns, max(to_ns, from_ns + 1), *ids, position, "", self.now_ns)
        self.records.append((_place(len(self.records)), record))
        return record


def _place(number: int) -> Position:
    return Position(3 + number // 20, number % 20)


def series(kind: Kind, week: str = "crypto") -> Series:
    return Series("kraken", "btcusd", kind, AssetClass.CRYPTO, 1, 8, week)


def rounded(one: Trade) -> Trade:
    """A trade as REST gives it: its time rounded to microseconds."""
    return trade((one.exchange_ns + 500) // 1000 * 1000, one.trade_id, "rest")


def of_trades(random: Random) -> Topics:
    """Four hours of a market whose connection is not the best."""
    made = Topics(series(Kind.TRADES))
    moments = sorted(_moment(random) for _ in range(random.randint(0, 60)))
    market = [trade(ns, number + 100) for number, ns in enumerate(moments)]
    lost: list[tuple[Continuity, list[Trade]]] = []
    opening = made.say(Saying.GAP, START_NS, moments[0] if moments else START_NS + 1, (None, 99))
    made.say(Saying.FILLED, *_bounds(opening))
    known_ns, index = START_NS, 0
    while index < len(market):
        step = random.random()
        if step < 0.1 and index + 1 < len(market):
            count = random.randint(1, min(8, len(market) - index - 1))
            missing = market[index : index + count]
            index += count
            ids = missing[0].trade_id, missing[-1].trade_id
            record = made.say(Saying.GAP, known_ns, market[index].exchange_ns, ids)
            lost.append((record, missing))
        elif step < 0.2:
            # Everything before the next trade, by the venue's clock.
            made.say(Saying.COMPLETE, START_NS, market[index].exchange_ns)
            if random.random() < 0.3 and lost:
                _fill(made, random, lost)
            continue
        elif step < 0.25 and made.live:
            # Asked for without need.
            again = random.choice(made.live)[1]
            assert isinstance(again, Trade)
            made.tell(rounded(market[again.trade_id - 100]))
        made.tell(market[index])
        known_ns = market[index].exchange_ns
        index += 1
    made.say(Saying.COMPLETE, START_NS, START_NS + random.randint(4, 6) * HOUR_NS)
    while lost and random.random() < 0.7:
        _fill(made, random, lost)
    made.say(Saying.COMPLETE, START_NS, START_NS + 6 * HOUR_NS + 1)
    return made


def _fill(made: Topics, random: Random, lost: list[tuple[Continuity, list[Trade]]]) -> None:
    record, missing = lost.pop(random.randrange(len(lost)))
    had = [one for one in missing if random.random() < 0.8]
    for one in had:
        made.tell(rounded(one) if random.random() < 0.9 else one)
    for one in missing:
        if one not in had:
            # To the microsecond before and after that could be found.
            made.say(Saying.GAP, record.from_ns, record.to_ns, (one.trade_id, one.trade_id))
    made.say(Saying.FILLED, *_bounds(record))


def of_quotes(random: Random, week: str = "crypto") -> Topics:
    """Four hours of quotes, of which nobody can give again what was missed."""
    made = Topics(series(Kind.QUOTES, week))
    moments = sorted(_moment(random) for _ in range(random.randint(0, 60)))
    made.say(Saying.GAP, START_NS, moments[0] if moments else START_NS + 1)
    known_ns, equal = START_NS, 0
    for number, ns in enumerate(moments):
        step = random.random()
        if step < 0.1:
            made.say(Saying.COMPLETE, START_NS, max(known_ns, ns - 1_000_000))
        elif step < 0.2 and known_ns < ns:
            made.say(Saying.GAP, known_ns, ns)
        elif step < 0.4:
            equal = number
        made.tell(quote(ns, equal))
        known_ns = ns
    made.say(Saying.COMPLETE, START_NS, START_NS + 6 * HOUR_NS + 1)
    return made


def _moment(random: Random) -> int:
    """A time within four hours, often next to where one ends."""
    if random.random() < 0.3:
        return START_NS + random.randint(1, 3) * HOUR_NS + random.randint(-3000, 3000)
    return START_NS + random.randrange(4 * HOUR_NS)


def _bounds(record: Continuity) -> tuple[int, int, tuple[int | None, int | None]]:
    return record.from_ns, record.to_ns, (record.first_id, record.last_id)


def expected(made: Topics) -> dict[int, Hour]:
    """Every final hour."""
    complete_ns = max(record.to_ns for _, record in made.records if record.kind == Saying.COMPLETE)
    gaps: dict[object, Continuity] = {}
    for _, record in made.records:
        if record.kind == Saying.GAP:
            gaps[record.bounds] = record
        elif record.kind == Saying.FILLED:
            gaps.pop(record.bounds, None)
    events = [event for _, event in made.live]
    if made.series.kind is Kind.TRADES:
        best: dict[int, Trade] = {}
        for event in events:
            assert isinstance(event, Trade)
            held = best.get(event.trade_id)
            if held is None or (held.origin == "rest" and event.origin != "rest"):
                best[event.trade_id] = event
        events = [best[trade_id] for trade_id in sorted(best)]
    else:
        events.sort(key=lambda event: event.exchange_ns // 1000)
    hours = {}
    for hour_us in range(START_US, complete_ns // 1000 // HOUR_US * HOUR_US, HOUR_US):
        mine = [event for event in events if 0 <= event.exchange_ns // 1000 - hour_us < HOUR_US]
        spans = [
            part
            for record in gaps.values()
            for part in calendar(made.series.calendar).sessions(
                max(record.from_ns // 1000, hour_us), min(-(-record.to_ns // 1000), hour_us + HOUR_US)
            )
        ]
        held = {us for first, end in spans for us in (first, end)}
        covered = [
            (a, b)
            for a, b in zip(sorted(held), sorted(held)[1:], strict=False)
            if any(first <= a and b <= end for first, end in spans)
        ]
        joined: list[Gap] = []
        for a, b in covered:
            joined[-1:] = [Gap(joined[-1].from_us, b)] if joined and joined[-1].to_us == a else [
                *joined[-1:], Gap(a, b)
            ]  # fmt: skip
        state = HourState.DATA if mine or joined else HourState.CLOSED
        hours[hour_us] = Hour(
            made.series.name, hour_us, 0, state, "", 1, 8, _ticks(made.series.kind, hour_us, mine),
            tuple(joined),
        )  # fmt: skip
    return hours


def _ticks(kind: Kind, hour_us: int, events: list[Event]) -> Quotes | Trades:
    import numpy as np  # noqa: PLC0415

    rows = [
        (e.exchange_ns // 1000 - hour_us, e.trade_id, e.price, e.quantity, e.side)
        if isinstance(e, Trade)
        else (e.exchange_ns // 1000 - hour_us, e.bid, e.ask, e.bid_volume, e.ask_volume)
        for e in events
    ]
    table = np.array(rows, dtype=np.int64).reshape(-1, 5)
    return (Trades if kind is Kind.TRADES else Quotes)(*table.T)
