"""The ledger against a venue that has trades, sends what it likes of them, and has a REST side."""

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from candlewick.live.continuity import Continuity, Saying
from candlewick.live.events import Origin, Quote, Trade
from streaming.live.ledger import (
    NARROWEST_NS,
    UNAVAILABLE,
    WIDEST_NS,
    Ledger,
    QuoteLedger,
    TradeLedger,
)

HOUR_NS = 3_600_000_000_000
START_NS = 1_790_000_000 * 10**9 // HOUR_NS * HOUR_NS
SECOND_NS = 10**9


def trade(trade_id: int, ns: int, origin: str = Origin.STREAM) -> Trade:
    return Trade(ns, ns, trade_id, 100, 1, 1, 5, 8, origin)


def quote(ns: int, bid: int = 100) -> Quote:
    return Quote(ns, ns, bid, bid + 1, 1, 1, 5, 0)


def open_gaps(records: list[Continuity]) -> list[Continuity]:
    """What is said to be missing after all that was said."""
    gaps = {}
    for record in records:
        if record.kind == Saying.GAP:
            gaps[record.bounds] = record
        elif record.kind == Saying.FILLED:
            assert gaps.pop(record.bounds, None), f"{record} closes no gap"
    return list(gaps.values())


class AgainstAVenue(RuleBasedStateMachine):
    """`tape` is what happened at the venue; `lost` are ids that nobody has; `topic` is what was published."""

    def __init__(self) -> None:
        super().__init__()
        self.ledger = TradeLedger()
        self.tape: list[Trade] = []
        self.lost: set[int] = set()
        self.topic: list[int] = []
        self.said: list[Continuity] = []
        self.now = START_NS + 60 * SECOND_NS
        self.connected = False
        self.withheld: list[Trade] = []

    def collect(self) -> None:
        self.said += self.ledger.take_records()

    @rule(
        count=st.integers(1, 5),
        lost=st.integers(0, 1),
        sent=st.sampled_from(["all", "none", "late", "twice"]),
    )
    def trade(self, count: int, lost: int, sent: str) -> None:
        """Trades happen; the stream has them, or not, or later, or twice."""
        new = []
        for _ in range(count):
            self.now += SECOND_NS
            new.append(trade(1000 + len(self.tape), self.now))
            self.tape.append(new[-1])
        self.lost |= {one.trade_id for one in new[:lost]}
        new = new[lost:]
        if not self.connected or sent == "none":
            return
        if sent == "late":
            self.withheld += new
            return
        for one in [*new, *new] if sent == "twice" else new:
            self.deliver(one)

    @rule()
    def deliver_late(self) -> None:
        if self.connected:
            for one in reversed(self.withheld):
                self.deliver(one)
            self.withheld.clear()

    def deliver(self, one: Trade) -> None:
        if self.ledger.take(one, self.now):
            self.topic.append(one.trade_id)
        self.collect()

    @rule(snapshot=st.integers(0, 4))
    def connect(self, snapshot: int) -> None:
        """The subscription begins with the last trades, or with none."""
        self.withheld.clear()
        self.connected = True
        self.ledger.begin(self.now)
        last = [one for one in self.tape if one.trade_id not in self.lost][-snapshot:] if snapshot else []
        fresh = self.ledger.snapshot(last, self.now)
        self.topic += [one.trade_id for one in fresh]
        if not last:
            has = [one for one in self.tape if one.trade_id not in self.lost]
            self.ledger.newest(has[-1] if has else None, self.now)
        self.collect()

    @rule()
    def disconnect(self) -> None:
        self.connected = False
        self.ledger.resuming = True

    @rule()
    def fill(self) -> None:
        """REST answers for every open gap, up to its end."""
        for gap in list(self.ledger.gaps):
            if gap.given_up or gap not in self.ledger.gaps:
                continue
            last_id = gap.missing[-1][1]
            page = [
                trade(one.trade_id, one.exchange_ns, Origin.REST)
                for one in self.tape
                if one.exchange_ns >= gap.since_ns - SECOND_NS and one.trade_id not in self.lost
            ]
            self.topic += [one.trade_id for one in self.ledger.fill(gap, page, self.now)]
            if any(one.trade_id > last_id for one in page) or not gap.first_known:
                self.ledger.nothing_there(gap, self.now)
            self.collect()

    @rule()
    def complete(self) -> None:
        self.ledger.complete(self.now, "1:1", self.now)
        self.collect()

    @invariant()
    def nothing_is_published_twice(self) -> None:
        assert len(self.topic) == len(set(self.topic))

    @invariant()
    def what_is_missing_is_said_to_be(self) -> None:
        """Between the first and the last that were seen, each id is in the topic or in an open gap."""
        if self.ledger.last_id is None or not self.topic:
            return
        said = [(gap.first_id or 0, gap.last_id) for gap in open_gaps(self.said) if gap.last_id is not None]
        for missing in set(range(min(self.topic), self.ledger.last_id + 1)) - set(self.topic):
            assert any(first <= missing <= last for first, last in said), missing

    def teardown(self) -> None:
        """After a whole connection and REST all is there but what the venue does not have."""
        self.connect(3)
        self.trade(2, lost=0, sent="all")
        for _ in range(3):
            self.fill()
        seen = set(self.topic)
        wanted = {one.trade_id for one in self.tape} - self.lost
        assert wanted <= seen
        for gap in open_gaps(self.said):
            assert gap.first_id is not None
            assert gap.last_id is not None
            assert set(range(gap.first_id, gap.last_id + 1)) <= self.lost
            assert gap.reason == UNAVAILABLE
            times = {one.trade_id: one.exchange_ns for one in self.tape}
            assert gap.from_ns <= times[gap.first_id] < gap.to_ns


TestAgainstAVenue = AgainstAVenue.TestCase
TestAgainstAVenue.settings = settings(max_examples=150, stateful_step_count=25)


def connected(ledger: Ledger, at_ns: int = START_NS + 60 * SECOND_NS) -> None:
    ledger.begin(at_ns)


def test_a_first_start_lacks_its_hour_up_to_the_first_trade() -> None:
    ledger = TradeLedger()
    connected(ledger)
    first = trade(7, START_NS + 50 * SECOND_NS)
    assert ledger.snapshot([first], 0) == [first]
    (gap,) = ledger.take_records()
    assert (gap.kind, gap.from_ns, gap.to_ns, gap.last_id) == (Saying.GAP, START_NS, first.exchange_ns, 6)


def test_a_snapshot_that_reaches_into_the_hour_before_leaves_nothing_open() -> None:
    ledger = TradeLedger()
    connected(ledger)
    before, within = trade(7, START_NS - 1), trade(8, START_NS + 1)
    assert ledger.snapshot([within, before], 0) == [within]
    assert open_gaps(ledger.take_records()) == []


def test_skipped_ids_are_a_gap_between_the_trades_beside_them() -> None:
    ledger = TradeLedger(last_id=10)
    ledger.resume_from(START_NS, START_NS + 5 * SECOND_NS)
    connected(ledger)
    ledger.snapshot([trade(10, START_NS)], 0)
    ledger.complete(START_NS + 20 * SECOND_NS, "1:1", 0)
    ledger.take_records()
    assert ledger.take(trade(13, START_NS + 30 * SECOND_NS), 0)
    (gap,) = ledger.take_records()
    assert (gap.first_id, gap.last_id) == (11, 12)
    # From the last trade: that nothing was missing up to the `complete` in between is proven wrong.
    assert (gap.from_ns, gap.to_ns) == (START_NS, START_NS + 30 * SECOND_NS)


def test_while_it_resumes_a_series_does_not_say_that_it_is_complete() -> None:
    ledger = TradeLedger(last_id=10)
    ledger.resume_from(START_NS, None)
    connected(ledger)
    ledger.complete(START_NS + 90 * SECOND_NS, "1:1", 0)
    assert ledger.take_records() == []
    ledger.snapshot([trade(10, START_NS)], 0)
    ledger.complete(START_NS + 90 * SECOND_NS, "1:1", 0)
    assert [record.kind for record in ledger.take_records()] == [Saying.GAP, Saying.FILLED, Saying.COMPLETE]


def test_quotes_that_were_missed_stay_a_gap_up_to_the_price_that_opens_the_connection() -> None:
    ledger = QuoteLedger(quote(START_NS))
    ledger.resume_from(START_NS, START_NS + SECOND_NS)
    connected(ledger)
    opening = quote(START_NS + 9 * SECOND_NS, bid=105)
    assert ledger.snapshot(opening, 0)
    (gap,) = ledger.take_records()
    assert (gap.from_ns, gap.to_ns) == (START_NS + SECOND_NS, START_NS + 9 * SECOND_NS)


def test_a_quote_that_cannot_be_published_is_a_gap_that_grows_while_others_follow() -> None:
    ledger = QuoteLedger(quote(START_NS))
    ledger.resume_from(START_NS, None)
    connected(ledger)
    ledger.left_out(START_NS, "1.1234567 has more digits", START_NS)
    assert ledger.take_records() == [], "the gap of the connection reaches up to the first good price"
    ledger.snapshot(quote(START_NS), START_NS)
    ledger.take_records()

    ledger.left_out(START_NS + SECOND_NS, "1.1234567 has more digits", START_NS + SECOND_NS)
    (gap,) = ledger.take_records()
    assert (gap.from_ns, gap.to_ns) == (START_NS + SECOND_NS, START_NS + SECOND_NS + NARROWEST_NS)
    assert gap.reason == "1.1234567 has more digits"

    # Ten a second for an hour.
    for number in range(20, 36_000):
        at_ns = START_NS + SECOND_NS // 10 * number
        ledger.left_out(at_ns, "again", at_ns)
    gaps = ledger.take_records()
    assert len(gaps) < 100
    for number in range(20, 36_000):
        at_ns = START_NS + SECOND_NS // 10 * number
        assert any(one.from_ns <= at_ns < one.to_ns for one in gaps)
    assert all(one.to_ns - one.from_ns <= WIDEST_NS for one in gaps)


def test_a_clock_that_jumped_ahead_hides_no_gap() -> None:
    ledger = QuoteLedger(quote(START_NS))
    ledger.resume_from(START_NS, None)
    connected(ledger)
    ledger.snapshot(quote(START_NS), 0)
    ahead = quote(START_NS + SECOND_NS)
    ahead.exchange_ns += HOUR_NS
    assert ledger.take(ahead, 0)
    ledger.begin(START_NS + 9 * SECOND_NS)
    assert ledger.snapshot(quote(START_NS + 9 * SECOND_NS, bid=105), 0)
    (gap,) = ledger.take_records()
    assert (gap.from_ns, gap.to_ns) == (START_NS + SECOND_NS, START_NS + 9 * SECOND_NS)


def test_a_clock_ahead_when_the_connection_opens_makes_no_gap_in_the_future() -> None:
    ledger = QuoteLedger(quote(START_NS))
    ledger.resume_from(START_NS, None)
    connected(ledger)
    ahead = quote(START_NS + 9 * SECOND_NS, bid=105)
    ahead.exchange_ns += HOUR_NS
    assert ledger.snapshot(ahead, 0)
    (gap,) = ledger.take_records()
    assert gap.to_ns == START_NS + 9 * SECOND_NS


def test_the_same_price_of_the_same_time_is_no_gap_and_not_published_again() -> None:
    ledger = QuoteLedger(quote(START_NS))
    ledger.resume_from(START_NS, START_NS + SECOND_NS)
    connected(ledger)
    assert not ledger.snapshot(quote(START_NS), 0)
    assert ledger.take_records() == []


def test_an_equal_price_of_another_time_is_another_where_prices_keep_their_time() -> None:
    for by_time in (False, True):
        ledger = QuoteLedger(quote(START_NS), by_time=by_time)
        ledger.resume_from(START_NS, None)
        connected(ledger)
        assert ledger.snapshot(quote(START_NS + SECOND_NS), 0) is by_time


def test_a_mute_stream_is_in_doubt_since_its_last_quote() -> None:
    ledger = QuoteLedger(quote(START_NS))
    ledger.resume_from(START_NS, None)
    connected(ledger)
    ledger.snapshot(quote(START_NS), 0)
    ledger.complete(START_NS + 30 * SECOND_NS, "1:1", 0)
    ledger.take_records()
    ledger.begin(START_NS + 40 * SECOND_NS, in_doubt=True)
    ledger.snapshot(quote(START_NS + 35 * SECOND_NS, bid=7), 0)
    (gap,) = ledger.take_records()
    assert (gap.from_ns, gap.to_ns) == (START_NS, START_NS + 35 * SECOND_NS)


def test_equal_quotes_of_the_stream_are_all_published() -> None:
    ledger = QuoteLedger()
    connected(ledger)
    ledger.snapshot(quote(START_NS + SECOND_NS), 0)
    assert all(ledger.take(quote(START_NS + SECOND_NS), 0) for _ in range(3))


def test_a_first_start_of_quotes_begins_in_the_hour_of_the_price_that_opens_it() -> None:
    ledger = QuoteLedger()
    connected(ledger)
    assert ledger.snapshot(quote(START_NS - 48 * HOUR_NS + SECOND_NS), 0)
    (gap,) = open_gaps(ledger.take_records())
    assert (gap.from_ns, gap.to_ns) == (START_NS - 48 * HOUR_NS, START_NS - 48 * HOUR_NS + SECOND_NS)


def test_a_market_that_rests_begins_in_the_present_hour() -> None:
    ledger = QuoteLedger()
    connected(ledger)
    assert not ledger.snapshot(None, 0)
    (gap,) = open_gaps(ledger.take_records())
    assert (gap.from_ns, gap.to_ns) == (START_NS, START_NS + 60 * SECOND_NS)
    assert ledger.take(quote(START_NS + 90 * SECOND_NS), 0)


@given(
    before=st.integers(0, 4), by_first=st.integers(0, 8), opened_at=st.integers(0, 6), rest=st.integers(0, 5)
)
def test_what_two_connections_give_is_published_once(
    before: int, by_first: int, opened_at: int, rest: int
) -> None:
    """The first connection has given `before` further prices when the second is being opened, `by_first` more
    when it ends; the second begins with the price of its opening, `opened_at` behind `before`."""
    tape = [quote(START_NS + number * SECOND_NS, bid=100 + number % 3) for number in range(40)]
    ledger = QuoteLedger(by_time=True)
    connected(ledger)
    published = [one for one in tape[: before + 1] if ledger.take(one, 0)]
    ledger.take_records()
    ledger.overlap()
    last = before + by_first
    published += [one for one in tape[before + 1 : last + 1] if ledger.take(one, 0)]
    ledger.succeed()
    opening = before + opened_at
    published += [one for one in tape[opening : max(opening, last) + rest + 1] if ledger.snapshot(one, 0)]
    gaps = ledger.take_records()
    if opening <= last:
        assert published == tape[: last + rest + 1]
        assert gaps == []
    else:
        # The first one was behind: what it had not given is said to be missing.
        assert published == [*tape[: last + 1], *tape[opening : opening + rest + 1]]
        assert [(gap.from_ns, gap.to_ns) for gap in gaps] == [
            (tape[last].exchange_ns, tape[opening].exchange_ns)
        ]


def test_the_first_of_two_connections_may_be_lost_before_the_second_goes_on() -> None:
    ledger = QuoteLedger(by_time=True)
    connected(ledger)
    ledger.take(quote(START_NS), 0)
    ledger.take_records()
    ledger.overlap()
    assert ledger.take(quote(START_NS + SECOND_NS), 0)
    ledger.begin(START_NS + 5 * SECOND_NS)
    ledger.succeed()
    # The opening price and the one behind it had come.
    assert not ledger.take(quote(START_NS), 0)
    assert not ledger.take(quote(START_NS + SECOND_NS), 0)
    assert ledger.take(quote(START_NS + 6 * SECOND_NS), 0)


def test_a_second_connection_that_never_came_leaves_nothing_behind() -> None:
    ledger = QuoteLedger(by_time=True)
    connected(ledger)
    ledger.take(quote(START_NS), 0)
    ledger.overlap()
    ledger.alone()
    assert ledger.take(quote(START_NS), 0), "the same again, of one connection, is another"


def test_a_market_that_rests_while_a_second_connection_opens_leaves_no_gap_behind() -> None:
    ledger = QuoteLedger(by_time=True)
    connected(ledger)
    ledger.take(quote(START_NS), 0)
    ledger.take_records()
    ledger.overlap()
    ledger.succeed()
    assert not ledger.snapshot(None, 0)
    assert ledger.take(quote(START_NS + 48 * HOUR_NS), 0)
    assert ledger.take_records() == []


def test_nothing_is_complete_beyond_a_trade_that_cannot_be_published_until_the_next_one_shows_it() -> None:
    ledger = TradeLedger()
    connected(ledger)
    ledger.snapshot([trade(1, START_NS)], 0)
    ledger.take_records()
    ledger.left_out(1)
    ledger.complete(START_NS + SECOND_NS, "", 0)
    assert [record.kind for record in ledger.take_records()] == [Saying.COMPLETE], "it is known by now"
    ledger.left_out(2)
    ledger.complete(START_NS + 2 * SECOND_NS, "", 0)
    assert ledger.take_records() == []
    ledger.take(trade(3, START_NS + 2 * SECOND_NS), 0)
    (gap,) = ledger.take_records()
    assert (gap.first_id, gap.last_id) == (2, 2)
    ledger.complete(START_NS + 3 * SECOND_NS, "", 0)
    assert [record.kind for record in ledger.take_records()] == [Saying.COMPLETE]


def test_a_clock_that_had_jumped_ahead_hides_nothing_between_two_connections() -> None:
    ledger = QuoteLedger(by_time=True)
    connected(ledger)
    ahead = quote(START_NS)
    ahead.exchange_ns += HOUR_NS
    ledger.take(ahead, 0)
    ledger.take_records()
    ledger.overlap()
    ledger.succeed()
    assert ledger.snapshot(quote(START_NS + SECOND_NS), 0)
    (gap,) = ledger.take_records()
    assert (gap.from_ns, gap.to_ns) == (START_NS, START_NS + SECOND_NS)


def test_a_clock_that_jumped_ahead_makes_no_gap_of_trades_in_the_future() -> None:
    ledger = TradeLedger(last_id=10)
    ledger.resume_from(START_NS, None)
    connected(ledger)
    ahead = trade(15, START_NS + 9 * SECOND_NS)
    ahead.exchange_ns += HOUR_NS
    ledger.snapshot([ahead], 0)
    (gap,) = open_gaps(ledger.take_records())
    assert (gap.from_ns, gap.to_ns) == (START_NS, START_NS + 9 * SECOND_NS)
