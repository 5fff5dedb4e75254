"""What happens to hours on their way when the database, the broker or a row fails, with a guard at work.

Each test leaves the guard of the shared platform with nothing to complain of.
"""

import os
import re
import signal
import threading
from collections.abc import Callable, Iterator

import psycopg
import pytest

from candlewick import access, messages, topics
from candlewick.broker import avro
from candlewick.bus import Bus, Published
from candlewick.health import Condition, Health
from candlewick.hours import Hour
from candlewick.instruments import Kind, Series
from candlewick.local import programs, supervisor
from candlewick.local.home import Home
from candlewick.position import Position
from candlewick.settings import Settings
from candlewick.times import iso
from streaming import guard
from tests.faults.guarding import await_said, await_well, said
from tests.integration.bus.sinks import Sinks, connected, hour, sender
from tests.platform import Platform
from tests.waiting import until

WITHOUT_A_HAND_S = 30


@pytest.fixture
def landing(platform: Platform) -> Iterator[Sinks]:
    settings = platform.settings
    with connected(settings) as ready:
        await_well(settings)
        yield ready


def kill(settings: Settings, program: str) -> None:
    os.kill(supervisor.states(Home(settings.home))[program].pid, signal.SIGKILL)


def stop(settings: Settings, program: str) -> None:
    home = Home(settings.home)
    supervisor.stop_program(home, program)
    until(f"{program} has stopped", lambda: supervisor.states(home)[program].pid == 0)


def in_background(work: Callable[[], Published]) -> Callable[[], Published]:
    """Starts it; the function returned waits for the result."""
    results: list[Published] = []
    thread = threading.Thread(target=lambda: results.append(work()))
    thread.start()

    def result() -> Published:
        thread.join(240)
        assert results, "publishing failed"
        return results[0]

    return result


def answers(landing: Sinks) -> bool:
    try:
        psycopg.connect(access.database_url(landing.settings)).close()
    except psycopg.OperationalError:
        return False
    return True


def problems(landing: Sinks, series: Series) -> dict[int, str]:
    return {failed.hour_us: failed.reason for failed in landing.store.failed_hours(series.name)}


def restarts(landing: Sinks, kind: Kind) -> int:
    return int(said(landing.settings).facts[f"{topics.sink_name(kind)}.restarts"])


def published_and_landing(landing: Sinks, series: Series, hours: list[Hour]) -> Callable[[], Published]:
    result = in_background(lambda: landing.bus.publish_hours(series, hours))
    until("the first have landed", lambda: landing.count(series) >= 20)
    return result


@pytest.mark.parametrize("how", ["kill", pytest.param("restart", marks=pytest.mark.full)])
def test_a_database_restart_while_landing_is_over_without_a_hand(landing: Sinks, how: str) -> None:
    series = landing.add_series()
    hours = [hour(series, n, count=6000) for n in range(400)]
    published = published_and_landing(landing, series, hours)
    home = Home(landing.settings.home)
    if how == "kill":
        killed = supervisor.states(home)[programs.POSTGRES].pid
        kill(landing.settings, programs.POSTGRES)
        until("that is noticed", lambda: supervisor.states(home)[programs.POSTGRES].pid != killed)
    else:
        stop(landing.settings, programs.POSTGRES)
        supervisor.start_program(home, programs.POSTGRES)
    until("the database is back", lambda: answers(landing), 120)
    before = landing.count(series)
    assert before < len(hours), "it was over before it began"
    until("hours land again", lambda: landing.count(series) > before, WITHOUT_A_HAND_S)
    assert published().ticks == sum(len(each.ticks) for each in hours)
    until("everything has landed", lambda: landing.landed(series, hours), 90)


def test_a_sink_that_loses_its_connections_is_brought_back(landing: Sinks) -> None:
    before = restarts(landing, Kind.QUOTES)
    assert landing.hang_up() >= 4
    until("both sinks were restarted", lambda: restarts(landing, Kind.QUOTES) > before)
    series = landing.add_series()
    hours = [hour(series, n) for n in range(50)]
    landing.bus.publish_hours(series, hours)
    until("everything has landed", lambda: landing.landed(series, hours), WITHOUT_A_HAND_S)
    await_well(landing.settings)
    url, token = (
        access.pulsar_url(landing.settings),
        access.pulsar_token(landing.settings, access.PULSAR_READER),
    )
    workers: set[str] = set()
    position = Position(-1, -1)
    with Bus(url, token) as bus:

        def guard_speaks() -> bool:
            # The topic is every worker's.
            nonlocal position
            message = bus.read_message(topics.HEALTH_TOPIC, position)
            workers.add(Health.decode(message.payload).worker)
            position = Position(message.last.ledger, message.last.entry + 1)
            return guard.NAME in workers

        until("the guard's record is on the topic of health", guard_speaks)


def test_poison_is_named_while_others_land_and_stays_where_it_is(landing: Sinks) -> None:
    series = landing.add_series()
    bad = hour(series, 3, price_scale=4)
    good = [hour(series, n) for n in range(3)] + [hour(series, n) for n in range(4, 40)]
    landing.bus.publish_hours(series, [*good[:3], bad, *good[3:]])
    until("the others have landed", lambda: landing.landed(series, good))
    until("it is named", lambda: bad.hour_us in problems(landing, series), 90)
    assert list(problems(landing, series)) == [bad.hour_us]
    assert "scales 5 and 0, not 4 and 0" in problems(landing, series)[bad.hour_us]
    await_said(landing.settings, "it is told", lambda record: record.condition is Condition.DEGRADED, 60)
    record = said(landing.settings)
    assert f"{series.name} {iso(bad.hour_us)}: " in record.facts["quote-hours.refused"]
    before = restarts(landing, Kind.QUOTES)

    later = [hour(series, n) for n in range(50, 60)]
    landing.bus.publish_hours(series, later)
    until("others still land", lambda: landing.landed(series, later))
    until("it alone is owed", lambda: landing.owed(series) == 1)
    assert restarts(landing, Kind.QUOTES) == before

    mended = hour(series, 3, revision=2)
    landing.bus.publish_hours(series, [mended])
    until("the hour published anew lands", lambda: landing.landed(series, [mended]))
    assert guard.discard(landing.settings, series, bad.hour_us) == 1
    until("it is no problem any more", lambda: not problems(landing, series), 120)
    await_well(landing.settings)
    assert landing.landed(series, [*good, *later, mended])


def test_a_row_whose_cause_is_cured_lands_by_itself(landing: Sinks) -> None:
    series = landing.add_series(stored=False)
    sent = [hour(series, n) for n in range(2)]
    landing.bus.publish_hours(series, sent)
    await_said(
        landing.settings, "it is told", lambda record: record.facts.get("quote-hours.poison") == "2", 90
    )
    assert "no series" in said(landing.settings).facts["quote-hours.refused"]
    landing.store.add_series(series)
    until("they land", lambda: landing.landed(series, sent), 60)
    await_well(landing.settings)


@pytest.mark.full
def test_a_message_that_is_no_hour_stops_the_sink_until_it_is_discarded(landing: Sinks) -> None:
    """Sinks end at bytes that their schema cannot read; only a producer that is not ours sends such."""
    series = landing.add_series()
    good = [hour(series, n) for n in range(20)]
    schema = avro(messages.DEFINITIONS[Kind.QUOTES])
    with sender(landing.settings) as junk:
        junk.send(topics.hour_topic(series), schema, b"\x02no hour", "junk")
    landing.bus.publish_hours(series, good)
    await_said(
        landing.settings, "it is told", lambda record: record.facts.get("quote-hours.poison") == "1", 90
    )
    record = said(landing.settings)
    place = re.search(rf"{series.name} message (\d+):(\d+): ", record.facts["quote-hours.refused"])
    assert place, "what has no hour is told by its place"
    assert problems(landing, series) == {}
    assert guard.discard(landing.settings, series, Position(int(place[1]), int(place[2]))) == 1
    until("the others land", lambda: landing.landed(series, good), 90)
    await_well(landing.settings)


def test_a_broker_killed_while_publishing_loses_and_doubles_nothing(landing: Sinks) -> None:
    series = landing.add_series()
    hours = [hour(series, n, count=6000) for n in range(400)]
    published = published_and_landing(landing, series, hours)
    kill(landing.settings, programs.PULSAR)
    assert published().messages == len(hours)
    until("everything has landed", lambda: landing.landed(series, hours), 120)
    assert landing.count(series) == len(hours)
    await_well(landing.settings)


def test_the_guard_waits_for_a_database_that_is_away(landing: Sinks) -> None:
    home = Home(landing.settings.home)
    guard_pid = supervisor.states(home)[programs.GUARD].pid
    stop(landing.settings, programs.POSTGRES)
    try:
        await_said(landing.settings, "it waits", lambda record: record.condition is Condition.WAITING, 30)
        assert "nothing is lost" in said(landing.settings).summary
    finally:
        supervisor.start_program(home, programs.POSTGRES)
    await_well(landing.settings)
    assert supervisor.states(home)[programs.GUARD].pid == guard_pid
