"""What is thought of what is seen, and what it says to do."""

from dataclasses import replace

import pytest

from candlewick.health import Condition
from candlewick.hours import Gap, HourState
from candlewick.instruments import Kind
from candlewick.live.stream_health import StreamHealth
from candlewick.store import CoverageRow
from candlewick.times import HOUR_US, MINUTE_US, SECOND_US
from candlewick.watch import judge as judging
from candlewick.watch.judge import Check, Outcome, judge
from candlewick.watch.look import Hole, Worker, holes
from candlewick.watch.memory import Memory

from .looks import NOW_US, QUOTES, STREAMING, TRADES, Scene, sink, worker


def verdict(scene: Scene, check: Check, memory: Memory | None = None, *, of: str = "kraken") -> Outcome:
    """What is thought at once; with a memory, what is thought when there was something before."""
    verdicts = judge(scene.look(), memory or Memory(), patient=memory is not None)
    return next(one for one in verdicts.outcomes if (one.subject, one.check) == (of, check))


def test_all_is_well() -> None:
    outcomes = judge(Scene().look(), Memory()).outcomes

    assert [one.name for one in outcomes if one.passed is not True] == []
    assert {one.subject for one in outcomes} == {"kraken", "quote-hours", "trade-hours"}
    assert {one.check for one in outcomes if one.subject == "kraken"} == set(Check)


BAD = {
    "no longer connected": (Scene(kraken=worker(connected="no", trouble="silent")), Check.CONNECTED),
    "silent worker": (Scene(kraken=worker(said_us=NOW_US - MINUTE_US)), Check.CONNECTED),
    "worker that fell": (Scene(kraken=worker(state="BACKOFF")), Check.CONNECTED),
    "worker that never spoke": (Scene(kraken=Worker("kraken")), Check.CONNECTED),
    "still": (Scene(kraken=worker(still="yes", condition=Condition.DEGRADED)), Check.DATA_MOVING),
    "refused": (
        Scene(kraken=worker(streams={TRADES: StreamHealth("refused", problem="EQuery:Unknown pair")})),
        Check.DATA_MOVING,
    ),
    "late": (
        Scene(
            kraken=worker(streams={TRADES: StreamHealth("streaming", last_event_us=NOW_US, lag_ms=20_000)})
        ),
        Check.LAG,
    ),
    "Pulsar takes nothing": (
        Scene(kraken=worker(streams={TRADES: StreamHealth("streaming", waiting=1500)})),
        Check.LAG,
    ),
    "gap": (Scene(holes=[Hole(TRADES, NOW_US - HOUR_US, NOW_US - MINUTE_US, "gap")]), Check.OPEN_GAPS),
    "silent recorder": (Scene(recorder=worker("recorder", said_us=NOW_US - HOUR_US)), Check.RECORDED),
    "recorder without a topic": (
        Scene(recorder=worker("recorder", **{f"{TRADES}.problem": "TopicNotFound"})),
        Check.RECORDED,
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_bad_fails_its_check_alone_and_says_what_to_type(name: str) -> None:
    scene, check = BAD[name]

    outcome = verdict(scene, check)

    assert outcome.passed is False
    assert "`candlewick " in outcome.text
    others = [one for one in judge(scene.look(), Memory(), patient=False).outcomes if one.check is not check]
    assert [one.name for one in others if one.passed is False] == []


def test_a_moment_without_a_connection_is_no_failure() -> None:
    memory = Memory()
    lost = Scene(kraken=worker(connected="no", trouble="dropped"))

    assert verdict(lost, Check.CONNECTED, memory).passed
    assert verdict(lost.later(30), Check.CONNECTED, memory).passed
    assert verdict(lost.later(60), Check.CONNECTED, memory).passed is False
    assert verdict(Scene().later(90), Check.CONNECTED, memory).passed
    assert verdict(lost.later(120), Check.CONNECTED, memory).passed


def test_a_worker_without_credentials_is_as_it_should_be() -> None:
    away = StreamHealth("opening")
    kraken = worker(configured="no", connected="no", streams={TRADES: away, QUOTES: away})
    scene = Scene(kraken=kraken, holes=[Hole(TRADES, NOW_US - HOUR_US, NOW_US, "never asked")])

    verdicts = judge(scene.look(), Memory(), patient=False)

    assert [one.name for one in verdicts.outcomes if one.passed is False] == []
    assert (verdicts.stuck, verdicts.holes) == ((), ())


def test_what_cannot_be_seen_is_not_judged() -> None:
    scene = Scene(sinks=None, holes=None, kraken=worker(said_us=NOW_US - HOUR_US))

    verdicts = judge(scene.look(), Memory(), patient=False)

    unknown = {one.check for one in verdicts.outcomes if one.passed is None}
    assert unknown == {
        Check.DATA_MOVING, Check.LAG, Check.OPEN_GAPS, Check.RECONNECT_RATE, Check.SINK_PROGRESS
    }  # fmt: skip
    assert (verdicts.stuck, verdicts.holes) == (None, None)


def test_connections_are_counted_over_an_hour_and_over_a_restart() -> None:
    memory = Memory()
    scene = Scene()
    for minute, count in enumerate([5, 9, 0, 4, 7]):
        scene = scene.later(60 if minute else 0, kraken=worker(reconnects=str(count)))
        scene = replace(scene, kraken=worker(at_us=scene.at_us, reconnects=str(count)))
        outcome = verdict(scene, Check.RECONNECT_RATE, memory)
    # 4 before the restart, 0 + 4 + 3 after it.
    assert outcome.text.startswith("11 connections")
    assert outcome.passed is False

    later = scene.later(2 * 3600)

    assert verdict(later, Check.RECONNECT_RATE, memory).passed


def test_a_gap_that_is_being_filled_has_time() -> None:
    gap = Hole(TRADES, NOW_US - HOUR_US, NOW_US - MINUTE_US, "gap")
    filling = worker(streams={TRADES: replace_open(1), QUOTES: STREAMING})
    memory = Memory()
    scene = Scene(holes=[gap], kraken=filling)

    assert verdict(scene, Check.OPEN_GAPS, memory).passed
    assert verdict(scene.later(600), Check.OPEN_GAPS, memory).passed
    failed = verdict(scene.later(960), Check.OPEN_GAPS, memory)
    assert failed.passed is False
    assert f"`candlewick backfill {TRADES} --from " in failed.text
    assert not failed.is_warning


def replace_open(count: int) -> StreamHealth:
    return StreamHealth("streaming", 1, 1, 0, NOW_US, 0.1, 6.0, 40.0, open_gaps=count)


def test_a_gap_that_no_venue_fills_is_a_warning() -> None:
    outcome = verdict(Scene(holes=[Hole(QUOTES, NOW_US - HOUR_US, NOW_US, "gap")]), Check.OPEN_GAPS)

    assert outcome.passed is False
    assert outcome.is_warning
    assert f"`candlewick coverage {QUOTES} --from " in outcome.text
    assert "backfill" not in outcome.text


def test_hours_that_are_owed_and_do_not_land() -> None:
    memory = Memory()
    scene = Scene(sinks=[sink(owed=3)])

    assert verdict(scene, Check.SINK_PROGRESS, memory).passed
    assert verdict(scene.later(120), Check.SINK_PROGRESS, memory).passed
    moving = scene.later(150, sinks=[sink(owed=3, landed=11)])
    assert verdict(moving, Check.SINK_PROGRESS, memory).passed
    stuck = moving.later(200)
    for of in ("kraken", "trade-hours"):
        outcome = verdict(stuck, Check.SINK_PROGRESS, memory, of=of)
        assert outcome.passed is False
        assert "`candlewick restart trade-hours`" in outcome.text


def test_rows_that_the_database_refuses_fail_the_sink_and_do_not_count_as_owed() -> None:
    memory = Memory()
    scene = Scene(sinks=[sink(owed=1, poison=1)])

    outcome = verdict(scene, Check.SINK_PROGRESS, memory, of="trade-hours")

    assert outcome.passed is False
    assert "refused by the database" in outcome.text


def test_a_topic_that_the_broker_cannot_open_fails_the_sink() -> None:
    memory = Memory()
    scene = Scene(sinks=[replace(sink(Kind.QUOTES), unreadable=("dukascopy:eurusd:quotes",))])
    assert verdict(scene, Check.SINK_PROGRESS, memory, of="quote-hours").passed
    outcome = verdict(scene.later(600), Check.SINK_PROGRESS, memory, of="quote-hours")
    assert outcome.passed is False
    assert "dukascopy:eurusd:quotes" in outcome.text
    assert "docs/operating.md" in outcome.text


# Holes


def row(
    number: int, state: HourState = HourState.DATA, *gaps: tuple[int, int], reason: str | None = None
) -> CoverageRow:
    hour = number * HOUR_US
    spans = tuple(Gap(hour + start * SECOND_US, hour + end * SECOND_US) for start, end in gaps)
    hole = bool(spans) or state not in {HourState.DATA, HourState.CLOSED}
    return CoverageRow(hour, state, reason, hole, 0, spans, 1, "", None, None, None, None)


def test_gaps_over_a_full_hour_are_one() -> None:
    rows = [
        row(1, HourState.DATA, (10, 20), (3000, 3600)),
        row(2, HourState.DATA, (0, 3600)),
        row(3, HourState.PENDING, (0, 5), reason="running"),
    ]

    found = holes(TRADES, rows, 0, 3 * HOUR_US + MINUTE_US)

    spans = [(hole.from_us // SECOND_US, hole.to_us // SECOND_US) for hole in found]
    assert spans == [(3610, 3620), (6600, 3 * 3600 + 5)]


def test_an_hour_is_late_half_an_hour_after_its_end() -> None:
    rows = [row(1, HourState.PENDING, reason="not complete yet")]

    assert holes(TRADES, rows, 0, 2 * HOUR_US + 29 * MINUTE_US) == []
    (late,) = holes(TRADES, rows, 0, 2 * HOUR_US + 31 * MINUTE_US)
    assert (late.from_us, late.to_us, late.reason) == (HOUR_US, 2 * HOUR_US, "not complete yet")


def test_what_was_before_the_series_was_added_is_not_missed() -> None:
    rows = [row(1, HourState.PENDING, reason="never asked"), row(2, HourState.DATA, (0, 600))]

    found = holes(TRADES, rows, 2 * HOUR_US + 600 * SECOND_US, 9 * HOUR_US)

    assert found == []


def test_every_check_has_its_description() -> None:
    assert set(judging.DESCRIPTIONS) == set(Check)
