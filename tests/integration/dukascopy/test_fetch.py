"""Fetching days over real HTTP from a venue that answers as each test says."""

import threading
from datetime import date
from pathlib import Path

import pytest

from candlewick.archive import Archive
from candlewick.dukascopy import fetch
from candlewick.dukascopy.fetch import DayResult, fetch_day
from candlewick.dukascopy.limiter import Unpaced
from candlewick.dukascopy.venue import Venue, confirm_scale
from candlewick.errors import CandlewickError
from candlewick.hours import HourState
from candlewick.instruments import find
from candlewick.settings import Settings
from candlewick.times import DAY_US, HOUR_US, MINUTE_US, day_us
from tests.dukascopy_encoders import alone, bi5, json_ticks, minute_candles, records
from tests.integration.dukascopy.bench import (
    DAY,
    DAY_OBJECT,
    FOLDER,
    FULL,
    LATER,
    MONDAY,
    SERIES,
    Bench,
    day_object,
    hour_path,
    json_path,
    revisions,
    ticks_of,
    without,
)
from tests.scripted_venue import Scripted, ScriptedVenue

DATA, CLOSED, PENDING, FAILED = HourState.DATA, HourState.CLOSED, HourState.PENDING, HourState.FAILED
ALL_DATA = dict.fromkeys(range(24), DATA)


def states(result: DayResult) -> dict[int, HourState]:
    return {(hour.hour_us - DAY) // HOUR_US: hour.state for hour in result.hours}


def problems(result: DayResult) -> dict[int, tuple[HourState, str]]:
    return {
        (problem.hour_us - DAY) // HOUR_US: (problem.state, problem.reason.partition(":")[0])
        for problem in result.problems
    }


def hashes(result: DayResult) -> dict[int, bytes]:
    return {hour.hour_us: hour.hash for hour in result.hours}


def test_a_day_is_one_request_and_again_none(bench: Bench) -> None:
    bench.server.files[DAY_OBJECT] = day_object(FULL)
    result = bench.fetch()
    assert (result.requests, result.transport, states(result), result.problems) == (
        1,
        "day-object",
        ALL_DATA,
        [],
    )
    assert len(result.changed) == 24
    assert result.bytes == len(day_object(FULL))
    again = bench.fetch()
    assert (again.requests, again.changed) == (0, set())
    assert revisions(again) == revisions(result)
    assert hashes(again) == hashes(result)


def test_all_transports_give_the_same_hashes(bench: Bench, tmp_path: Path) -> None:
    bench.server.files[DAY_OBJECT] = day_object(FULL)
    by_day = bench.fetch()
    bench.archive = Archive(str(tmp_path / "second"))
    del bench.server.files[DAY_OBJECT]
    bench.serve_json(FULL)
    by_json = bench.fetch()
    bench.archive = Archive(str(tmp_path / "third"))
    bench.server.files.clear()
    bench.serve_hours(FULL)
    by_hours = bench.fetch()
    assert (by_day.transport, by_json.transport, by_hours.transport) == (
        "day-object",
        "json-feed",
        "bi5-hour",
    )
    assert hashes(by_day) == hashes(by_json) == hashes(by_hours)


@pytest.mark.parametrize("body", [b"<html>busy</html>", day_object(FULL)[:-30], bi5(FULL[13]), b"\x5d\x00"])
def test_a_bad_day_object_passes_on(bench: Bench, body: bytes) -> None:
    bench.server.files[DAY_OBJECT] = body
    bench.serve_hours(FULL)
    result = bench.fetch()
    assert (states(result), result.transport, result.problems) == (ALL_DATA, "bi5-hour", [])


def test_only_what_a_day_object_lacks_goes_on(bench: Bench) -> None:
    bench.server.files[DAY_OBJECT] = day_object(without(7))
    bench.serve_minutes({hour * 60: 1.0 for hour in range(24)})
    bench.serve_json(FULL)
    result = bench.fetch()
    assert (states(result), result.transport) == (ALL_DATA, "day-object+json-feed")
    assert [path for path in bench.server.asked if "/ticks/" in path] == [json_path(7)]


def test_damage_is_failed_by_name_and_the_rest_is_in_place(bench: Bench) -> None:
    bench.serve_hours(FULL)
    bench.server.files[hour_path(3)] = bi5(FULL[3])[:-20]
    bench.server.files[hour_path(5)] = b"<html></html>"
    bench.server.files[hour_path(6)] = bi5(FULL[6][::-1])
    result = bench.fetch()
    assert problems(result) == {3: (FAILED, "truncated"), 5: (FAILED, "not-lzma"), 6: (FAILED, "times-fall")}
    assert states(result) == dict.fromkeys(set(range(24)) - {3, 5, 6}, DATA)
    bench.serve_hours(FULL)
    mended = bench.fetch()
    assert (states(mended), mended.problems) == (ALL_DATA, [])
    assert {(us - DAY) // HOUR_US for us in mended.changed} == {3, 5, 6}


def test_a_young_hour_is_pending_with_its_ticks(bench: Bench) -> None:
    bench.serve_hours({9: FULL[9], 10: FULL[10]})
    now_us = DAY + 11 * HOUR_US + 30 * MINUTE_US
    result = bench.fetch(now_us=now_us)
    assert (states(result)[9], states(result)[10]) == (DATA, PENDING)
    assert problems(result)[10] == (PENDING, "young")
    assert problems(result)[11] == (PENDING, "running")
    assert problems(result)[8] == (PENDING, "not-published")
    assert set(problems(result)) == {*range(9), 10, 11}
    assert not any("_ticks.bi5" in path and "04_" in path for path in bench.server.asked)
    assert hour_path(11) not in bench.server.asked
    later = bench.fetch(now_us=now_us + HOUR_US)
    assert states(later)[10] is DATA
    assert revisions(later)[10] > revisions(result)[10]
    assert revisions(later)[9] == revisions(result)[9]
    assert hour_path(9) not in bench.server.asked


def test_too_late_is_pending(bench: Bench) -> None:
    bench.server.otherwise = lambda path: Scripted(400 if path.startswith("/v1") else 404)
    result = bench.fetch(now_us=DAY + 2 * HOUR_US)
    assert problems(result)[0] == (PENDING, "not-published")
    assert "answered 400" in result.problems[0].reason


def test_a_day_not_begun_is_not_asked_for(bench: Bench) -> None:
    result = bench.fetch(now_us=DAY - 1)
    assert (result.hours, result.problems, bench.server.asked) == ([], [], [])


def test_a_saturday_is_not_asked_for(bench: Bench) -> None:
    result = bench.fetch(date(2019, 2, 2))
    assert (result.hours, result.problems, bench.server.asked) == ([], [], [])


def test_ticks_outside_the_session_are_kept(bench: Bench) -> None:
    friday = date(2019, 2, 1)
    bench.server.files["/EURUSD/2019/01/01_ticks.bi5"] = day_object(without(22))
    result = bench.fetch(friday)
    assert {(hour.hour_us - day_us(friday)) // HOUR_US: hour.state for hour in result.hours} == {
        hour: DATA for hour in range(24) if hour != 22
    }


def test_hours_before_history_are_closed_without_a_request(bench: Bench) -> None:
    result = bench.fetch(date(1999, 2, 4))
    assert {hour.state for hour in result.hours} == {CLOSED}
    assert (len(result.hours), len(result.changed), bench.server.asked) == (24, 24, [])
    again = bench.fetch(date(1999, 2, 4))
    assert (again.changed, [hour.revision for hour in again.hours]) == (
        set(),
        [h.revision for h in result.hours],
    )


# Empty answers


def test_a_holiday_is_closed_by_the_minute_candles(bench: Bench) -> None:
    bench.server.files[DAY_OBJECT] = b""
    bench.serve_minutes({})
    result = bench.fetch()
    assert states(result) == dict.fromkeys(range(24), CLOSED)
    assert (result.problems, len(bench.server.asked)) == ([], 3)
    assert len(list(bench.folder.rglob("*candles_min_1.bi5"))) == 2
    assert bench.fetch().requests == 0


def test_a_partial_holiday(bench: Bench) -> None:
    bench.server.files[DAY_OBJECT] = day_object({hour: FULL[hour] for hour in range(8)})
    bench.serve_minutes({hour * 60: 1.0 for hour in range(8)})
    result = bench.fetch()
    assert states(result) == {hour: DATA if hour < 8 else CLOSED for hour in range(24)}


def test_an_empty_answer_is_not_believed_without_evidence(bench: Bench) -> None:
    bench.serve_hours(without(4))
    bench.server.files[hour_path(4)] = b""
    result = bench.fetch()
    assert problems(result) == {4: (FAILED, "empty-unconfirmed")}
    assert bench.server.asked.count(hour_path(4)) == 1 + fetch.EMPTY_RETRIES


@pytest.mark.parametrize(
    "evidence", [b"", b"<html>", minute_candles({}, rows=1000), minute_candles({})[:-20]]
)
def test_evidence_that_is_no_evidence(bench: Bench, evidence: bytes) -> None:
    bench.server.files[DAY_OBJECT] = b""
    bench.server.files[f"{FOLDER}/BID_candles_min_1.bi5"] = evidence
    assert not bench.fetch().hours


def test_an_empty_answer_against_the_evidence(bench: Bench) -> None:
    bench.serve_hours(without(4))
    bench.server.files[hour_path(4)] = b""
    bench.serve_minutes({hour * 60 + 5: 1.0 for hour in range(24)})
    assert problems(bench.fetch()) == {4: (FAILED, "empty-but-traded")}


def test_one_side_with_volume_is_enough_doubt(bench: Bench) -> None:
    bench.server.files[DAY_OBJECT] = b""
    bench.serve_minutes({})
    bench.server.files[f"{FOLDER}/ASK_candles_min_1.bi5"] = minute_candles({241: 1.0})
    result = bench.fetch()
    assert problems(result) == {4: (FAILED, "empty-but-traded")}
    assert states(result) == {hour: CLOSED for hour in range(24) if hour != 4}


def test_an_intermittent_empty_answer(bench: Bench) -> None:
    bench.serve_hours(FULL)
    bench.server.first[hour_path(4)] = [Scripted(200, b""), Scripted(200, b"")]
    result = bench.fetch()
    assert (states(result), result.problems) == (ALL_DATA, [])


def test_json_minutes_are_evidence_too(bench: Bench) -> None:
    bench.server.files[DAY_OBJECT] = b""
    empty = (
        b'{"timestamp":%d,"multiplier":1.0E-5,"open":null,"high":null,"low":null,"close":null,"shift":60000,'
        b'"times":[],"opens":[],"highs":[],"lows":[],"closes":[],"volumes":[]}' % (DAY // 1000)
    )
    for side in ("BID", "ASK"):
        bench.server.files[f"/v1/candles/minute/EUR-USD/{side}/2019/2/4"] = empty
    assert states(bench.fetch()) == dict.fromkeys(range(24), CLOSED)


def test_candles_of_one_side_alone_prove_nothing(bench: Bench) -> None:
    bench.serve_hours(without(4))
    bench.server.files[hour_path(4)] = b""
    bench.serve_minutes({hour * 60 + 5: 1.0 for hour in range(24) if hour != 4})
    del bench.server.files[f"{FOLDER}/ASK_candles_min_1.bi5"]
    assert problems(bench.fetch()) == {4: (FAILED, "empty-unconfirmed")}


def test_candles_that_lack_hours_with_quotes_prove_nothing(bench: Bench) -> None:
    bench.serve_hours(without(4))
    bench.server.files[hour_path(4)] = b""
    bench.serve_minutes({hour * 60 + 5: 1.0 for hour in range(20) if hour != 4})
    assert problems(bench.fetch()) == {4: (FAILED, "empty-unconfirmed")}


def test_an_empty_running_day_waits_for_its_candles(bench: Bench) -> None:
    bench.server.files[hour_path(0)] = b""
    bench.serve_minutes({})
    result = bench.fetch(now_us=DAY + 5 * HOUR_US)
    assert problems(result)[0] == (PENDING, "empty-unconfirmed")


def test_what_was_never_published_is_closed_by_the_venue_s_history(bench: Bench) -> None:
    body = b'{"priceScale":5,"histories":[{"period":"TICK","from":%d}]}' % ((DAY + 20 * HOUR_US) // 1000)
    bench.server.files["/v1/instruments/EUR-USD"] = body
    result = bench.fetch()
    assert states(result) == dict.fromkeys(range(20), CLOSED)
    assert problems(result) == dict.fromkeys(range(20, 24), (PENDING, "not-published"))


# Re-checks


def test_a_correction_replaces_one_hour(bench: Bench) -> None:
    bench.server.files[DAY_OBJECT] = day_object(FULL)
    before = bench.fetch()
    bench.server.files[DAY_OBJECT] = day_object({**FULL, 10: ticks_of(10, 5)})
    after = bench.fetch(recheck=True)
    assert after.changed == {DAY + 10 * HOUR_US}
    assert revisions(after)[10] > revisions(before)[10]
    assert {h: r for h, r in revisions(after).items() if h != 10} == {
        h: r for h, r in revisions(before).items() if h != 10
    }
    assert bench.fetch(recheck=True).changed == set()


def test_a_failing_recheck_leaves_good_data_alone(bench: Bench) -> None:
    bench.serve_hours(FULL)
    before = bench.fetch()
    bench.serve_json({2: ticks_of(2, 5)})
    bench.server.files[hour_path(2)] = b"<html>"
    bench.server.files[hour_path(3)] = b""
    del bench.server.files[hour_path(4)]
    after = bench.fetch(recheck=True)
    assert (states(after), hashes(after), after.changed) == (ALL_DATA, hashes(before), set())
    assert problems(after) == {
        2: (FAILED, "not-lzma"),
        3: (FAILED, "empty-unconfirmed"),
        4: (PENDING, "not-published"),
    }
    assert not any(path.startswith("/v1/ticks") or path == DAY_OBJECT for path in bench.server.asked)


def test_transports_that_disagree_are_reported(bench: Bench) -> None:
    bench.serve_hours(without(5))
    bench.fetch()
    bench.server.files[DAY_OBJECT] = day_object({**FULL, 9: ticks_of(9, 3)})
    result = bench.fetch()
    assert (states(result), result.changed) == (ALL_DATA, {DAY + 5 * HOUR_US})
    (disagreement,) = result.disagreements
    assert (disagreement.hour_us, disagreement.archived, disagreement.other) == (
        DAY + 9 * HOUR_US,
        "bi5-hour",
        "day-object",
    )
    assert "4 quotes against 3" in str(disagreement)
    assert len({hour.hour_us: hour for hour in result.hours}[DAY + 9 * HOUR_US].ticks) == 4


def test_recompressed_bytes_are_no_correction(bench: Bench) -> None:
    bench.serve_hours(FULL)
    before = bench.fetch()
    bench.server.files[hour_path(1)] = alone(records(FULL[1]), size=None)
    after = bench.fetch(recheck=True)
    assert (after.changed, revisions(after)) == (set(), revisions(before))


def test_revisions_pass_what_is_known_elsewhere(bench: Bench) -> None:
    bench.serve_hours(FULL)
    known = LATER + 10 * DAY_US
    result = bench.fetch(known_revisions={DAY: known})
    assert revisions(result)[0] == known + 1
    assert revisions(result)[1] < known


# The archive


def test_a_damaged_object_is_named_and_fetched_again(bench: Bench) -> None:
    bench.serve_hours(FULL)
    before = bench.fetch()
    (file,) = bench.folder.rglob("*-07h_ticks.bi5")
    file.write_bytes(file.read_bytes()[:-1])
    after = bench.fetch()
    assert bench.server.asked == [hour_path(7)]
    assert (states(after), revisions(after)) == (ALL_DATA, revisions(before))
    assert file.name in after.warnings[0]
    assert bench.fetch().requests == 0


def test_a_damaged_object_that_cannot_be_had_again_is_a_problem(bench: Bench) -> None:
    bench.serve_hours(FULL)
    before = bench.fetch()
    (file,) = bench.folder.rglob("*-07h_ticks.bi5")
    file.unlink()
    good = bench.server.files.pop(hour_path(7))
    after = bench.fetch()
    assert problems(after) == {7: (PENDING, "not-published")}
    assert 7 not in states(after)
    bench.server.files[hour_path(7)] = good
    assert revisions(bench.fetch()) == revisions(before)


def test_a_damaged_manifest_is_made_anew(bench: Bench) -> None:
    bench.serve_hours(FULL)
    before = bench.fetch()
    (manifest,) = bench.folder.rglob("manifest.json")
    manifest.write_text("{")
    after = bench.fetch(known_revisions={hour.hour_us: hour.revision for hour in before.hours})
    assert states(after) == ALL_DATA
    assert all(revisions(after)[hour] > revisions(before)[hour] for hour in range(24))
    assert "manifest" in after.warnings[0]


def test_a_kill_before_the_manifest_leaves_the_old_day(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.serve_hours(FULL)
    before = bench.fetch()
    bench.server.files[hour_path(1)] = bi5(ticks_of(1, 2))

    def killed(*_arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Archive, "write_day", killed)
        with pytest.raises(KeyboardInterrupt):
            bench.fetch(recheck=True)
    assert hashes(bench.fetch()) == hashes(before)
    assert bench.fetch(recheck=True).changed == {DAY + HOUR_US}


# Scales


def test_a_scale_that_the_venue_contradicts_is_never_used(bench: Bench) -> None:
    bench.serve_hours(FULL)
    bench.server.files[json_path(6)] = json_ticks(FULL[6], DAY + 6 * HOUR_US, scale=3)
    result = bench.fetch()
    assert problems(result) == {6: (FAILED, "scale-mismatch")}
    assert hour_path(6) not in bench.server.asked


def test_a_scale_is_confirmed_by_the_venue(bench: Bench) -> None:
    bench.server.files["/v1/instruments/EUR-USD"] = b'{"priceScale":5}'
    assert confirm_scale(bench.venue, find("eurusd")) == 5


def test_a_scale_that_the_venue_does_not_tell(bench: Bench) -> None:
    with pytest.raises(CandlewickError, match="does not say"):
        confirm_scale(bench.venue, find("eurusd"))
    bench.server.files["/v1/instruments/EUR-USD"] = b'{"priceScale":null}'
    bench.server.otherwise = lambda path: (
        Scripted(200, b'{"multiplier":0.001}') if "/candles/day/" in path else Scripted(404)
    )
    assert confirm_scale(bench.venue, find("eurusd")) == 3


# HTTP


@pytest.mark.parametrize("status", [202, 403, 429, 500, 502, 503])
def test_refusals_are_asked_again(bench: Bench, status: int) -> None:
    bench.server.files[DAY_OBJECT] = day_object(FULL)
    bench.server.first[DAY_OBJECT] = [Scripted(status), Scripted(status, b"busy"), Scripted(status)]
    result = bench.fetch()
    assert (result.transport, result.requests, states(result)) == ("day-object", 4, ALL_DATA)


@pytest.mark.parametrize(
    ("scripted", "reason"),
    [
        (Scripted(503), "throttled"),
        (Scripted(429, headers={"Retry-After": "1"}), "throttled"),
        (Scripted(202), "throttled"),
        (Scripted(500), "server-error"),
        (Scripted(410), "http-410"),
        (Scripted(302, headers={"Location": "http://127.0.0.1:9/"}), "http-302"),
        (Scripted(200, b"half", announce=100), "unreachable"),
    ],
)
def test_an_hour_that_no_host_gives_is_failed(bench: Bench, scripted: Scripted, reason: str) -> None:
    bench.serve_hours(FULL)
    bench.server.files[hour_path(8)] = scripted
    assert problems(bench.fetch()) == {8: (FAILED, reason)}


def test_a_venue_that_hangs(bench: Bench) -> None:
    bench.serve_hours(FULL)
    release = threading.Event()
    bench.server.first[hour_path(8)] = [Scripted(200, until=release)] * 10
    result = Bench(bench.server, bench.folder, timeout_s=0.5).fetch()
    release.set()
    assert problems(result) == {8: (FAILED, "timed-out")}


def test_a_venue_that_is_not_there(tmp_path: Path) -> None:
    with ScriptedVenue() as server:
        url = server.url
    settings = Settings(_env_file=None, dukascopy_url=url, dukascopy_json_url="none")  # type: ignore[call-arg]
    with Venue(settings, Unpaced()) as venue:
        archive = Archive(str(tmp_path))
        result = fetch_day(SERIES, MONDAY, venue=venue, archive=archive, now_us=LATER)
    assert set(problems(result).values()) == {(FAILED, "unreachable")}
    assert len(result.problems) == 24


@pytest.mark.parametrize("url", ["datafeed.dukascopy.com", "ftp://x/", "http://:80:80", "http://"])
def test_an_address_that_is_none(url: str) -> None:
    settings = Settings(_env_file=None, dukascopy_url=url)  # type: ignore[call-arg]
    with pytest.raises(CandlewickError, match="no address of a venue"):
        Venue(settings, Unpaced())


def test_requests_look_like_a_browser_s(bench: Bench) -> None:
    bench.fetch()
    assert {headers["Referer"] for headers in bench.server.headers} == {"https://freeserv.dukascopy.com/"}
    assert all("Mozilla" in headers["User-Agent"] for headers in bench.server.headers)


def test_an_endless_body_is_refused(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("candlewick.dukascopy.venue.MAX_BODY_BYTES", 1_000)
    bench.serve_hours(FULL)
    bench.server.files[hour_path(8)] = bytes(2_000)
    assert problems(bench.fetch()) == {8: (FAILED, "too-large")}


# Recordings


@pytest.mark.parametrize("transport", ["bi5-hour", "day-object"])
def test_recorded_day(bench: Bench, fixtures: Path, transport: str) -> None:
    files = sorted((fixtures / "dukascopy/dukascopy-node/EURUSD/2019/01/04").glob("*h_ticks.bi5"))
    if transport == "day-object":
        bench.server.files[DAY_OBJECT] = b"".join(file.read_bytes() for file in files)
    else:
        for hour, file in enumerate(files):
            bench.server.files[hour_path(hour)] = file.read_bytes()
    result = bench.fetch()
    assert (result.transport, states(result), result.problems) == (transport, ALL_DATA, [])
    assert sum(len(hour.ticks) for hour in result.hours) == 136_741
