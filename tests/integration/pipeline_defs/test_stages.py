"""The stages of history on real servers: done once, done again, stopped in between, mended."""

import re
from collections.abc import Sequence
from datetime import date

import pytest

from candlewick import verify
from candlewick.candles import Level
from candlewick.history import History, LandingTimeoutError
from candlewick.hours import HourState
from candlewick.instruments import Series
from candlewick.pipeline import partition_days
from candlewick.store.proofs import Proof
from candlewick.times import DAY_US, day_us

from .conftest import NOW_US, Stages

MONDAY, FRIDAY = date(2021, 3, 1), date(2021, 3, 5)


def proofs(history: History, series: Series, days: Sequence[date]) -> list[Proof]:
    """Everything that can be proved of days."""
    return [
        *(verify.rehash(history.store, series, day) for day in days),
        *(one.proof for one in verify.recount_intraday(history.store, series, days)),
        *(one.proof for one in verify.recount_daily(history.store, series, days, from_ticks=True)),
        *(one.proof for one in verify.recount_daily(history.store, series, days, from_ticks=False)),
        *(verify.against_venue(history.store, history.venue, series, day, NOW_US) for day in days),
    ]


def holes(history: History, series: Series, days: Sequence[date]) -> list[object]:
    rows = history.store.coverage(series.name, day_us(days[0]), day_us(days[-1]) + DAY_US, as_of_us=NOW_US)
    return [row for row in rows if row.hole]


def test_a_week_goes_from_the_venue_to_candles_and_a_second_time_changes_nothing(stages: Stages) -> None:
    series = stages.add("EUR/USD")
    days = partition_days(series, MONDAY, FRIDAY)
    with stages.history() as history:
        first = list(history.backfill(series, days))
        before = stages.tables(series)
        second = list(history.backfill(series, days))

        assert [one.fetched.day for one in first] == days
        assert all(one.published.hours >= 22 and one.fetched.changed >= 22 for one in first)
        assert not holes(history, series, days)
        assert all(proof.holds for proof in proofs(history, series, days))
    assert sum(one.published.hours + one.fetched.changed for one in second) == 0
    assert stages.tables(series) == before
    assert before["candles"]


def test_a_stage_finds_what_the_one_before_it_left(stages: Stages) -> None:
    """As when a run is killed after each stage and another process goes on."""
    series = stages.add("GBP/USD")
    days = partition_days(series, MONDAY, date(2021, 3, 2))
    with stages.history() as history:
        fetched = list(history.fetch(series, days))
    with stages.history() as history:
        published = list(history.publish(series, days))
    with stages.history() as history:
        landed = list(history.await_landed(series, days))
    with stages.history() as history:
        history.refresh(series, Level.INTRADAY, days)
    with stages.history() as history:
        history.refresh(series, Level.DAILY, days)
        assert all(proof.holds for proof in proofs(history, series, days))
        assert not any(day.hours for day in history.publish(series, days))
    ticks = [day.ticks for day in fetched]
    assert ticks == [day.ticks for day in published] == [day.ticks for day in landed]
    assert not any(day.different for day in landed)


def test_a_run_that_goes_on_does_not_ask_the_venue_again(stages: Stages) -> None:
    series = stages.add("USD/JPY")
    with stages.history() as history:
        (asked,) = history.fetch(series, [MONDAY])
        requests = stages.venue.count()
        (resumed,) = history.fetch(series, [MONDAY], since_us=NOW_US)

    assert resumed.resumed
    assert (resumed.ticks, resumed.states) == (asked.ticks, asked.states)
    assert stages.venue.count() == requests


def test_what_never_arrives_is_named(stages: Stages) -> None:
    series = stages.add("AUD/USD")
    with stages.history() as history:
        list(history.fetch(series, [MONDAY]))
        with pytest.raises(LandingTimeoutError, match=r"24 of 24 hours of .* 2021-03-01T00:00:00Z.*sink"):
            list(history.await_landed(series, [MONDAY], patience_s=0.2))


def test_a_running_day_fills_as_its_hours_come_out(stages: Stages) -> None:
    series = stages.add("BTC/USD")
    today = date(2021, 3, 10)
    with stages.history() as history:
        (day,) = history.fetch(series, [today], recheck=False)
        request = history.store.day_request(series.name, today)

    # 12:30: eleven hours are over for more than an hour, one is young, one is running.
    assert day.states["data"] == 11
    assert day.states["pending"] == 2
    assert request is not None
    assert request.hours_out == 12
    assert request.recheck_us is not None
    assert request.failures == 0


def test_a_venue_that_fails_leaves_good_data_alone_and_is_noted(stages: Stages) -> None:
    series = stages.add("EUR/GBP")
    with stages.history() as history:
        list(history.backfill(series, [MONDAY]))
        before = stages.tables(series)
        stages.venue.set_faults("html")
        try:
            (again,) = history.backfill(series, [MONDAY])
        finally:
            stages.venue.set_faults()
        failed = history.store.failed_hours(series.name)
        request = history.store.day_request(series.name, MONDAY)

        assert {problem.state for problem in again.fetched.problems} == {HourState.FAILED}
        assert len(failed) == 24
        assert request is not None
        assert request.failures == 1
        after = stages.tables(series)
        assert (after["hours"], after["candles"]) == (before["hours"], before["candles"])

        # A day with failed hours is not done with, whoever asks and however.
        (resumed,) = history.fetch(series, [MONDAY], recheck=False, since_us=NOW_US)
        assert not resumed.resumed
        assert history.store.failed_hours(series.name) == []


def test_candles_that_are_wrong_are_found_and_made_anew(stages: Stages) -> None:
    series = stages.add("EUR/JPY")
    with stages.history() as history:
        list(history.backfill(series, [MONDAY]))
        before = stages.tables(series)
        stages.execute(
            "UPDATE quote_candle SET bid_high = bid_high + 1 WHERE timeframe IN ('5m', '1d') AND series_id = "
            "(SELECT series_id FROM series WHERE name = %s)",
            series.name,
        )

        (intraday,) = verify.recount_intraday(history.store, series, [MONDAY])
        assert intraday.proof.holds is False
        assert "5m 2021-03-01T00:00:00Z: bid_high is" in intraday.proof.detail
        assert not all(
            one.proof.holds for one in verify.recount_daily(history.store, series, [MONDAY], from_ticks=True)
        )

        history.store.distrust_candles(series.name, day_us(MONDAY), day_us(MONDAY) + DAY_US)
        for level in Level:
            history.refresh(series, level, [MONDAY])
        assert stages.tables(series) == before


def test_arrays_that_rotted_are_found_and_published_anew(stages: Stages) -> None:
    series = stages.add("EUR/CHF")
    with stages.history() as history:
        list(history.backfill(series, [MONDAY]))
        before = stages.tables(series)
        stages.execute("ALTER TABLE quote_hour DISABLE TRIGGER USER")
        stages.execute(
            "UPDATE quote_hour SET bid[1] = bid[1] + 1 WHERE series = %s AND ticks > 0", series.name
        )
        stages.execute("ALTER TABLE quote_hour ENABLE TRIGGER USER")
        assert verify.rehash(history.store, series, MONDAY).holds is False
        assert next(history.await_landed(series, [MONDAY])).different

        requests = stages.venue.count()
        (rebuilt,) = history.rebuild(series, [MONDAY])

        assert rebuilt.hours == 24
        assert stages.venue.count() == requests
        assert stages.tables(series) == before
        (again,) = history.rebuild(series, [MONDAY])
        assert again.hours == 0


def test_a_difference_from_the_venue_is_named(stages: Stages) -> None:
    series = stages.add("NZD/USD")
    with stages.history() as history:
        list(history.backfill(series, [MONDAY]))
        stages.execute(
            "UPDATE quote_candle SET ask_close = ask_close + 1 WHERE timeframe = '1m' AND series_id = "
            "(SELECT series_id FROM series WHERE name = %s) AND ts >= '2021-03-01 12:00Z'",
            series.name,
        )
        proof = verify.against_venue(history.store, history.venue, series, MONDAY, NOW_US)
        running = verify.against_venue(history.store, history.venue, series, date(2021, 3, 10), NOW_US)

    assert proof.holds is False
    assert re.match(r"2021-03-01T12:\d\d:00Z ASK: close \d+ here, \d+ there and \d+ more", proof.detail)
    assert running == Proof(date(2021, 3, 10), None, "the day is not final")
