"""Bars are what `candlewick candles` and `ticks` print, at every timeframe; hours what `coverage` says."""

from dataclasses import replace
from typing import Any

import httpx
import numpy as np
import pytest

from candlewick.calendars import calendar
from candlewick.candles import Timeframe
from candlewick.client import Client
from candlewick.hours import Gap, HourState, Quotes, Trades
from candlewick.instruments import AssetClass, Kind, Series
from candlewick.times import DAY_US, HOUR_US, floor_hour, now_us
from tests.integration.store.landing import Landing

NOW = floor_hour(now_us())
START = NOW - 12 * DAY_US
BOUNDARY = NOW - 5 * HOUR_US
HISTORY = Series("dukascopy", "audcad", Kind.QUOTES, AssetClass.FOREX, 5, 6, "forex")
LIVE = Series("oanda", "audcad", Kind.QUOTES, AssetClass.FOREX, 5, 0, "forex")
TRADES = Series("kraken", "ethusd", Kind.TRADES, AssetClass.CRYPTO, 2, 8, "crypto")


def quotes(count: int, seed: int) -> Quotes:
    chance = np.random.default_rng(seed)
    bid = 89_000 + np.cumsum(chance.integers(-3, 4, count))
    us = np.sort(chance.integers(0, 3_600_000, count)) * 1000
    volume = chance.integers(1, 500, count) * 10_000
    return Quotes(us, bid, bid + chance.integers(1, 9, count), volume, volume + 1)


def trades(count: int, seed: int) -> Trades:
    chance = np.random.default_rng(seed)
    us = np.sort(chance.integers(0, 3_600_000, count)) * 1000
    ids = np.arange(count) + seed * 100_000
    side = np.where(chance.integers(0, 2, count) == 1, 1, -1)
    return Trades(us, ids, 300_000 + chance.integers(-50, 50, count), chance.integers(1, 10**9, count), side)


@pytest.fixture
def stored(landing: Landing) -> Landing:
    for one in (HISTORY, LIVE, TRADES):
        week = calendar(one.calendar)
        known = START - 60 * DAY_US, NOW + 60 * DAY_US
        landing.store.write_sessions(week.name, week.sessions(*known), known)
        landing.store.add_series(one)
    for number, hour_us in enumerate(range(START, BOUNDARY, HOUR_US)):
        if number not in {30, 31}:
            landing.land(landing.hour(HISTORY, hour_us, quotes(40, number)))
    for number, hour_us in enumerate(range(NOW - 30 * HOUR_US, NOW, HOUR_US)):
        gap = (Gap(hour_us + 5, hour_us + 9),) if number == 27 else ()
        hour = landing.hour(LIVE, hour_us, quotes(50, 1000 + number), gaps=gap)
        landing.land(replace(hour, source=f"live:7:{number}"))
        landing.land(landing.hour(TRADES, hour_us, trades(60, number)))
    for one in (HISTORY, LIVE, TRADES):
        landing.refresh(one)
    return landing


def ask(web: httpx.Client, subject: str, from_us: int, to_us: int, **given: Any) -> dict[str, Any]:
    span = {"from_us": from_us, "to_us": to_us, **given}
    answer = web.get(f"/api/chart/{subject}/bars", params=span)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def expected(landing: Landing, series: str, timeframe: str, from_us: int, to_us: int) -> dict[str, list[Any]]:
    with Client(landing.url) as client:
        if timeframe == "tick":
            table = client.ticks(series, from_us, to_us)
        else:
            table = client.candles(series, timeframe, from_us, to_us)
    found = {name: table[name].to_pylist() for name in table.column_names[1:]}
    return {"time_us": table["time"].cast("int64").to_pylist(), **found}


@pytest.mark.parametrize("series", [HISTORY, LIVE, TRADES], ids=lambda one: one.name)
def test_a_series_at_every_timeframe(stored: Landing, web: httpx.Client, series: Series) -> None:
    for timeframe in Timeframe:
        from_us = NOW - 3 * DAY_US if timeframe is Timeframe.M1 else START
        bars = ask(web, series.name, from_us, NOW, timeframe=timeframe)
        assert bars["columns"] == expected(stored, series.name, timeframe, from_us, NOW)
        assert bars["columns"]["time_us"]
    from_us, to_us = NOW - 8 * HOUR_US + 1_234_000, NOW - 1
    bars = ask(web, series.name, from_us, to_us, timeframe="tick")
    assert bars["columns"] == expected(stored, series.name, "tick", from_us, to_us)


def test_the_server_picks_what_fits(stored: Landing, web: httpx.Client) -> None:
    for points in (50, 500, 2000):
        for hours in (1, 6, 60, 288):
            bars = ask(web, HISTORY.name, BOUNDARY - hours * HOUR_US, BOUNDARY, points=points)
            count = len(bars["columns"]["time_us"])
            assert count <= points
            stored_ticks = len(
                expected(stored, HISTORY.name, "tick", BOUNDARY - hours * HOUR_US, BOUNDARY)["time_us"]
            )
            assert (bars["timeframe"] == "tick") == (stored_ticks <= points)


def test_an_instrument_is_history_up_to_its_last_final_hour_and_live_behind_it(
    stored: Landing, web: httpx.Client
) -> None:
    span = web.get("/api/chart/audcad/span").json()
    assert (span["boundary_us"], span["history"], span["live"]) == (BOUNDARY, HISTORY.name, LIVE.name)
    for timeframe in ("tick", "1m", "5m", "15m", "30m", "1h"):
        from_us = BOUNDARY - 20 * HOUR_US
        bars = ask(web, "audcad", from_us, NOW, timeframe=timeframe)
        before = expected(stored, HISTORY.name, timeframe, from_us, BOUNDARY)
        # One chart, one unit: Dukascopy's volumes are millions.
        for name in ("bid_volume", "ask_volume"):
            before[name] = [round(millions * 1_000_000) for millions in before[name]]
        after = expected(stored, LIVE.name, timeframe, BOUNDARY, NOW)
        assert bars["columns"] == {name: before[name] + after[name] for name in before}
        assert bars["series"] == [HISTORY.name, LIVE.name]


def test_live_that_began_after_the_last_final_hour_leaves_no_hole(
    landing: Landing, web: httpx.Client
) -> None:
    for one in (HISTORY, LIVE):
        landing.store.add_series(one)
    landing.land(landing.hour(HISTORY, BOUNDARY, quotes(40, 1)))
    landing.land(landing.hour(HISTORY, BOUNDARY + HOUR_US, quotes(40, 2), HourState.PENDING))
    landing.land(landing.hour(LIVE, BOUNDARY + 2 * HOUR_US, quotes(50, 3)))
    bars = ask(web, "audcad", BOUNDARY, NOW, timeframe="tick")
    assert bars["boundary_us"] == BOUNDARY + 2 * HOUR_US
    assert len(bars["columns"]["time_us"]) == 40 + 40 + 50


def test_a_long_span_is_not_drawn_in_ticks_however_few(landing: Landing, web: httpx.Client) -> None:
    landing.store.add_series(HISTORY)
    landing.land(landing.hour(HISTORY, START, quotes(40, 1)))
    assert ask(web, HISTORY.name, START, START + HOUR_US)["timeframe"] == "tick"
    assert ask(web, HISTORY.name, START, NOW)["timeframe"] != "tick"


@pytest.mark.parametrize("timeframe", ["4h", "1d", "1w"])
def test_a_candle_across_the_boundary_holds_both(stored: Landing, web: httpx.Client, timeframe: str) -> None:
    bars = ask(web, "audcad", START - 7 * DAY_US, NOW, timeframe=timeframe)["columns"]
    hours = ask(web, "audcad", START - 7 * DAY_US, NOW, timeframe="1h")["columns"]
    assert sorted(set(bars["time_us"])) == bars["time_us"]
    assert sum(bars["ticks"]) == sum(hours["ticks"])
    assert (bars["bid_open"][0], bars["ask_close"][-1]) == (hours["bid_open"][0], hours["ask_close"][-1])
    assert (max(bars["bid_high"]), min(bars["ask_low"])) == (max(hours["bid_high"]), min(hours["ask_low"]))


def test_candles_that_do_not_follow_yet_are_made_for_the_live_edge(
    stored: Landing, web: httpx.Client
) -> None:
    running = stored.hour(LIVE, NOW, quotes(30, 77))
    stored.land(replace(running, state=HourState.PENDING, source="live:7:99"))
    early = {
        one: ask(web, LIVE.name, START, NOW + HOUR_US, timeframe=one) for one in Timeframe if one != "1m"
    }
    stored.refresh(LIVE)
    for timeframe, bars in early.items():
        assert bars["columns"] == expected(stored, LIVE.name, timeframe, START, NOW + HOUR_US), timeframe
        assert bars["position"] == "7:99"


def test_holes_gaps_and_closed_hours_are_what_coverage_says(stored: Landing, web: httpx.Client) -> None:
    for series in (HISTORY, LIVE, TRADES):
        first_us = web.get(f"/api/chart/{series.name}/span").json()["first_us"]
        rows = stored.store.coverage(series.name, first_us, NOW)
        span = {"from_us": first_us, "to_us": NOW}
        hours = web.get(f"/api/series/{series.name}/hours", params=span).json()["hours"]
        assert [(one["hour_us"], one["state"], one["ticks"], one["reason"]) for one in hours] == [
            (row.hour_us, row.state, row.ticks, row.reason) for row in rows
        ]
        assert [one["gaps"] for one in hours] == [
            [[gap.from_us, gap.to_us] for gap in row.gaps] for row in rows
        ]
        days = web.get(f"/api/series/{series.name}/days", params=span).json()["days"]
        assert sum(day["data"] for day in days) == sum(row.state is HourState.DATA for row in rows)
    bars = ask(web, HISTORY.name, START, BOUNDARY, timeframe="1h")
    hole = {"from_us": START + 30 * HOUR_US, "to_us": START + 32 * HOUR_US}
    closed = [first <= START + 30 * HOUR_US and end >= START + 32 * HOUR_US for first, end in bars["closed"]]
    missing = [one for one in bars["missing"] if one["from_us"] <= hole["from_us"] < one["to_us"]]
    assert any(closed) or missing[0]["reason"] == "never asked"
    gaps = ask(web, LIVE.name, NOW - 10 * HOUR_US, NOW, timeframe="1h")["gaps"]
    assert [(one["from_us"], one["to_us"]) for one in gaps] == [
        (NOW - 3 * HOUR_US + 5, NOW - 3 * HOUR_US + 9)
    ]


def test_what_lasts_may_be_kept_and_the_rest_is_asked_for_again(stored: Landing, web: httpx.Client) -> None:
    span = {"from_us": NOW - 6 * HOUR_US, "to_us": NOW - 5 * HOUR_US}
    first = web.get(f"/api/chart/{HISTORY.name}/bars", params=span)
    assert first.headers["cache-control"] == "private, no-cache"
    again = web.get(
        f"/api/chart/{HISTORY.name}/bars", params=span, headers={"If-None-Match": first.headers["etag"]}
    )
    assert again.status_code == 304
    old = {"from_us": START, "to_us": START + 20 * HOUR_US}
    assert "max-age" in web.get(f"/api/chart/{HISTORY.name}/bars", params=old).headers["cache-control"]


def test_what_cannot_be_answered_says_why(stored: Landing, web: httpx.Client) -> None:
    for path, status in (
        ("/api/chart/nothing/bars?from_us=0&to_us=1", 404),
        ("/api/chart/a:b:c/span", 404),
        ("/api/chart/audcad/bars?from_us=5&to_us=5", 400),
        ("/api/chart/audcad/bars?from_us=x&to_us=5", 422),
        ("/api/chart/audcad/bars?from_us=0&to_us=5&timeframe=2m", 422),
        (f"/api/chart/audcad/bars?from_us={START}&to_us={NOW}&timeframe=1m", 400),
        ("/api/chart/dukascopy:audcad:quotes/live", 400),
        ("/api/chart/audcad/live?position=x", 400),
        ("/api/jobs/none", 404),
        ("/api/nothing", 404),
        ("/../../etc/passwd", 404),
    ):
        answer = web.get(path)
        assert answer.status_code == status, answer.text
        assert set(answer.json()) == {"error", "remedy"}
