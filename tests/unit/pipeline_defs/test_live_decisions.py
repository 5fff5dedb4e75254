"""What the sensor reports, and when it has something restarted."""

from dataclasses import replace

import dagster as dg

from candlewick.health import Condition
from candlewick.times import HOUR_US, MINUTE_US, SECOND_US
from candlewick.watch.judge import judge
from candlewick.watch.memory import Memory
from pipeline_defs.live.report import Reported, due_checks, due_observations
from pipeline_defs.live.restarts import MOST_IN_AN_HOUR, Request, Restarts, decide
from pipeline_defs.live.sensors import Kept, kept, tick
from tests.unit.watch.looks import NOW_US, Scene, sink, worker

HUNG = worker(said_us=NOW_US - 2 * MINUTE_US)
STILL = worker(still="yes", condition=Condition.DEGRADED)
KNOWN = {"kraken", "quote-hours", "trade-hours"}


# Reports


def test_six_quiet_hours_cost_few_events() -> None:
    state, events = Kept(), 0
    scene = Scene()
    for number in range(720):
        result = tick(scene.later(30 * number).look(), state, KNOWN)
        events += len(result.asset_events)

    # A venue: 72 observations, 7 checks; two sinks: 12 observations and as many checks each.
    assert events == 72 + 12 * (7 + 2 * 2)


def test_a_change_is_reported_at_once_and_once() -> None:
    reported, memory = Reported(), Memory()
    lost = Scene(kraken=worker(connected="no"))

    def due(scene: Scene) -> tuple[list[str], list[str]]:
        look = scene.look()
        outcomes = due_checks(judge(look, memory), reported, look.at_us)
        return due_observations(look, reported), [one.name for one in outcomes]

    due(Scene())
    assert due(Scene().later(30)) == ([], [])
    assert due(lost.later(60)) == (["kraken"], [])
    assert due(lost.later(90)) == ([], [])
    assert due(lost.later(120)) == ([], ["kraken.connected"])
    assert due(lost.later(150)) == ([], [])
    assert due(Scene().later(180)) == (["kraken"], ["kraken.connected"])


def test_what_has_no_asset_is_not_reported() -> None:
    result = tick(Scene().look(), Kept(), {"quote-hours", "trade-hours"})

    assert {event.asset_key for event in result.asset_events} == {
        dg.AssetKey(["sink", "quote_hours"]),
        dg.AssetKey(["sink", "trade_hours"]),
    }


def test_a_tick_says_why_it_asks_for_nothing() -> None:
    state = Kept()
    tick(Scene(sinks=[sink(poison=2)]).look(), state, KNOWN)

    result = tick(Scene(sinks=[sink(poison=2)]).later(30).look(), state, KNOWN)

    said = result.skip_reason.skip_message if result.skip_reason else ""
    assert "nothing is stuck; 1 of 8 checks fail" in (said or "")
    assert "2 rows are refused" in (said or "")


def test_a_cursor_survives_and_one_of_another_version_does_not_matter() -> None:
    state = Kept()
    result = tick(Scene().look(), state, KNOWN)

    assert kept(result.cursor) == state
    assert kept("not json") == Kept()
    assert kept(None) == Kept()


# Restarts


def hung(seconds: int) -> Scene:
    """Kraken's worker has not spoken since the beginning; the others have, just now."""
    now_us = NOW_US + seconds * SECOND_US
    return replace(Scene().later(seconds), kraken=worker(at_us=now_us, said_us=NOW_US - 2 * MINUTE_US))


def ask(scene: Scene, memory: Memory, restarts: Restarts) -> list[Request]:
    return decide(scene.look(), memory, restarts)[0]


def test_a_worker_that_says_nothing_while_it_runs_is_restarted() -> None:
    (request,) = ask(Scene(kraken=HUNG), Memory(), Restarts())

    assert (request.name, request.attempt) == ("kraken", 1)
    assert "said nothing for 120 s" in request.reason


def test_what_is_not_stuck_is_left_alone() -> None:
    for kraken in (
        worker(),
        worker(connected="no", condition=Condition.WAITING),
        worker(said_us=NOW_US - HOUR_US, state="BACKOFF"),
        worker(said_us=NOW_US - HOUR_US, state="STOPPED"),
        worker(said_us=NOW_US - HOUR_US, age_s=30),
        worker(condition=Condition.DEGRADED),
        STILL,
        replace(HUNG, process=None),
    ):
        assert ask(Scene(kraken=kraken), Memory(), Restarts()) == []


def test_a_connection_on_which_nothing_moves_is_given_three_minutes() -> None:
    memory, restarts = Memory(), Restarts()
    scene = Scene(kraken=STILL)

    asked = [(s, ask(scene.later(s), memory, restarts)) for s in range(0, 240, 30)]

    assert [s for s, requests in asked if requests] == [180]
    # While the incident lasts the next attempt waits for two minutes.
    assert asked[-1][1] == []


def test_attempts_back_off_and_end_within_an_hour() -> None:
    memory, restarts = Memory(), Restarts()
    asked: list[tuple[int, Request]] = []
    for s in range(0, 3 * 3600, 30):
        asked += [(s, request) for request in ask(hung(s), memory, restarts)]

    times = [s for s, _ in asked]
    assert times[:4] == [0, 120, 360, 840]
    for start in times:
        assert sum(start <= s < start + 3600 for s in times) <= MOST_IN_AN_HOUR
    assert len({request.key for _, request in asked}) == len(asked)
    assert {request.incident_us for _, request in asked} == {NOW_US}
    often = Restarts(asked={"kraken": [NOW_US + n for n in range(MOST_IN_AN_HOUR)]})
    _, waiting = decide(hung(1200).look(), Memory(), often)
    assert "somebody has to look" in waiting[0]


def test_an_incident_that_comes_again_is_another_one_under_the_same_cap() -> None:
    memory, restarts = Memory(), Restarts()
    keys = set()
    for s in range(0, 3600, 60):
        scene = Scene().later(s) if (s // 60) % 2 else hung(s)
        keys |= {request.key for request in ask(scene, memory, restarts)}

    assert len(keys) == MOST_IN_AN_HOUR


def test_a_sink_is_restarted_where_the_guard_does_not() -> None:
    def first_asked(guard_speaks: bool) -> int:  # noqa: FBT001
        memory, restarts = Memory(), Restarts()
        scene = Scene(sinks=[sink(owed=5)])
        for s in range(0, 3600, 30):
            now = scene.later(s)
            if not guard_speaks:
                now = replace(now, guard=worker("guard", at_us=now.at_us, said_us=now.at_us - HOUR_US))
            if any(request.name == "trade-hours" for request in ask(now, memory, restarts)):
                return s
        raise AssertionError("it was never asked for")

    assert first_asked(guard_speaks=False) == 300
    assert first_asked(guard_speaks=True) == 600


def test_a_sink_without_its_database_is_let_wait() -> None:
    memory, restarts = Memory(), Restarts()
    scene = Scene(sinks=[sink(owed=5)], database_problem="the database does not answer")

    assert all(ask(scene.later(s), memory, restarts) == [] for s in range(0, 1800, 30))


def test_a_request_runs_the_asset_once_and_says_why() -> None:
    result = tick(Scene(kraken=HUNG).look(), Kept(), KNOWN)

    (run,) = result.run_requests or []
    assert run.run_key == f"restart kraken {NOW_US // SECOND_US} 1"
    assert [key.to_user_string() for key in run.asset_selection or []] == ["restart/kraken"]
    assert "said nothing" in run.tags["candlewick/reason"]
    assert run.tags["dagster/max_retries"] == "0"
