"""The pages as people use them, in a real browser, from an empty demo on."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser

from candlewick.candles import Timeframe
from tests.browser.conftest import Demo, Tab, await_part, window
from tests.waiting import until

pytestmark = [pytest.mark.timeout(900), pytest.mark.usefixtures("first_steps")]

CHART_S = 60
YEAR = timedelta(days=365)
RECENT = timedelta(days=24)
LADDER = ["tick", *(one.value for one in Timeframe)]
WHEEL_IN, WHEEL_OUT = -240, 240


def add(tab: Tab, text: str, symbol: str, first: datetime) -> set[str]:
    """Adds an instrument and opens its chart, while the backfill goes on; the steps that were seen."""
    page = tab.page
    page.get_by_label("history from").fill(first.date().isoformat())
    page.get_by_role("searchbox", name="Search instruments").fill(text)
    page.locator(f'.found [data-symbol="{symbol}"]').get_by_role("button", name="Add").click()
    job = page.locator(".job")
    job.wait_for()
    seen: set[str] = set()

    def is_known_to_dagster() -> bool:
        page.wait_for_timeout(100)
        seen.update(filter(None, (step.get_attribute("data-step") for step in job.locator("li").all())))
        assert job.get_attribute("data-state") != "failed", job.inner_text()
        return job.locator('[data-step="dagster"][data-state="done"]').count() > 0

    until("the series is added", is_known_to_dagster, 120)
    page.locator(f'.card[data-series="dukascopy:{symbol}:quotes"]').wait_for()
    page.get_by_role("link", name="Open the chart").click()
    page.wait_for_url(f"**/?s={symbol}*")
    return seen


@dataclass(frozen=True)
class FirstSteps:
    """What somebody saw who opened an empty demo, added AUD/CAD and went to its chart."""

    steps: set[str]
    seconds_to_bars: float
    title: str
    console: list[str]


@pytest.fixture(scope="module")
def first_steps(browser: Browser, demo: Demo) -> Iterator[FirstSteps]:
    with window(browser, demo) as new_tab:
        tab = new_tab()
        page = tab.page
        page.goto("/")
        page.get_by_role("heading", name="Nothing is collected yet").wait_for()
        page.get_by_role("link", name="Add an instrument").click()
        page.get_by_role("heading", name="Add an instrument").wait_for()
        steps = add(tab, "aud/cad", "audcad", datetime.now(UTC) - RECENT)
        seconds = until("bars are seen", lambda: bars_seen(tab) > 0, 180)
        yield FirstSteps(steps, seconds, page.title(), tab.said)


def await_bars(tab: Tab, seconds: float = CHART_S) -> None:
    tab.page.locator(".legend h1").wait_for(timeout=seconds * 1000)
    until("bars are seen", lambda: bars_seen(tab) > 0, seconds)


def bars_seen(tab: Tab) -> int:
    tab.page.wait_for_timeout(50)
    count = tab.page.locator(".status [data-count]")
    return int(count.get_attribute("data-count") or 0) if count.count() else 0


def await_rest(tab: Tab) -> None:
    tab.page.locator('main.chart[data-loading="false"]').wait_for()
    tab.page.wait_for_timeout(350)


def timeframe(tab: Tab) -> str:
    return tab.page.locator("main.chart").get_attribute("data-timeframe") or ""


def range_seen(tab: Tab) -> list[str | None]:
    return [time.get_attribute("datetime") for time in tab.page.locator(".status-range time").all()]


def last_seen(tab: Tab) -> str:
    """The time of the last bar or tick in view, `2026-11-26T20:07:27.193371`."""
    return tab.page.locator(".legend .values-time").inner_text()[4:].replace(" ", "T")


def address(tab: Tab) -> dict[str, list[str]]:
    return parse_qs(urlsplit(tab.page.url).query)


def picture(tab: Tab) -> bytes:
    """What the chart shows, without the crosshair."""
    tab.page.mouse.move(5, 5)
    tab.page.wait_for_timeout(300)
    return tab.page.locator(".plot").screenshot()


def under_way(tab: Tab, series: str) -> bool:
    """Whether a backfill of a series is at work."""
    known = tab.page.request.get("/api/series").json()["series"]
    return any(one["name"] == series and one["backfill"] is not None for one in known)


def steady_picture(tab: Tab) -> bytes:
    """The picture once it stays the same."""
    pictures = [picture(tab)]

    def rests() -> bool:
        pictures.append(picture(tab))
        return pictures[-1] == pictures[-2]

    until("the picture rests", rests)
    return pictures[-1]


def moment(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def place_of(tab: Tab, time: datetime) -> float:
    """About where a time lies, as a fraction of the width: folded weekends are not counted."""
    start, end = (datetime.fromisoformat(one or "") for one in range_seen(tab))
    return min(max((time - start) / (end - start), 0.02), 0.98)


def wheel(tab: Tab, time: datetime, pixels: int, until_: Callable[[], bool]) -> list[str]:
    """Turns the wheel over a time; the timeframes that were seen, in turn."""
    box = tab.page.locator(".plot canvas").first.bounding_box()
    assert box is not None
    seen = [timeframe(tab)]
    for _ in range(120):
        if until_():
            break
        x = box["x"] + box["width"] * place_of(tab, time)
        tab.page.mouse.move(x, box["y"] + box["height"] * 0.5)
        tab.page.mouse.wheel(0, pixels)
        tab.page.wait_for_timeout(30)
        before = range_seen(tab)
        assert tab.page.locator(".legend h1").count() == 1
        await_rest(tab)
        assert range_seen(tab) == before, "another timeframe has moved the view"
        if timeframe(tab) != seen[-1]:
            seen.append(timeframe(tab))
    return seen


def last_wednesday() -> datetime:
    """Noon of a day on which every market is open, a week ago or more."""
    noon = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=7)
    return noon - timedelta(days=(noon.weekday() - 2) % 7)


def test_an_instrument_is_added_on_the_page_of_an_empty_demo(first_steps: FirstSteps) -> None:
    assert {"topics", "series", "dagster"} <= first_steps.steps
    assert first_steps.title.startswith("AUD/CAD")
    assert first_steps.seconds_to_bars < CHART_S
    assert first_steps.console == []


def test_from_a_year_to_single_ticks_and_back(tab: Tab, demo: Demo) -> None:
    # Some days a year ago and some weeks up to now: what lies between was never asked for, and is drawn so.
    series, first = "dukascopy:audcad:quotes", last_wednesday() - YEAR
    days = [f"{first + timedelta(days=days):%Y-%m-%d}" for days in (0, 3)]
    demo.run("backfill", series, "--from", days[0], "--to", days[1])
    page = tab.page
    page.goto(f"/?s={series}")
    await_bars(tab, 120)

    def seen_whole() -> timedelta:
        page.wait_for_timeout(1000)
        page.keyboard.press("0")
        await_rest(tab)
        start, end = (datetime.fromisoformat(one or "") for one in range_seen(tab))
        return end - start

    until("the history reaches a year back", lambda: seen_whole() > YEAR, 300)
    whole, coarse = range_seen(tab), timeframe(tab)

    inward = wheel(tab, last_wednesday(), WHEEL_IN, lambda: timeframe(tab) == "tick")
    assert inward[0] == coarse
    assert inward[-1] == "tick"
    depths = [LADDER.index(one) for one in inward]
    assert len(depths) >= 4
    assert depths == sorted(depths, reverse=True)
    assert bars_seen(tab) > 0

    outward = wheel(tab, last_wednesday(), WHEEL_OUT, lambda: timeframe(tab) == coarse)
    depths = [LADDER.index(one) for one in outward]
    assert depths == sorted(depths)
    assert seen_whole() > YEAR
    assert timeframe(tab) == coarse
    assert [one and one[:10] for one in range_seen(tab)] == [one and one[:10] for one in whole]


def test_the_same_picture_after_a_reload(tab: Tab) -> None:
    page = tab.page
    noon, half = last_wednesday(), timedelta(hours=18)
    page.goto(f"/?s=dukascopy:audcad:quotes&from={moment(noon - half)}&to={moment(noon + half)}")
    await_bars(tab, 120)
    until("no hour is missing any more", lambda: bars_seen(tab) > 120, 240)
    until("nothing of it is under way any more", lambda: not under_way(tab, "dukascopy:audcad:quotes"), 240)
    page.get_by_role("button", name="mid", exact=True).click()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("+")
    await_rest(tab)
    seen, said, drawn = range_seen(tab), address(tab), steady_picture(tab)
    assert said["side"] == ["mid"]

    page.reload()
    await_bars(tab)
    await_rest(tab)
    assert range_seen(tab) == seen
    assert address(tab) == said
    # Not by `assert` on the bytes, whose difference takes minutes to be told.
    until("the picture is the same", lambda: picture(tab) == drawn, 20)


def test_a_share_is_added_and_shown(tab: Tab) -> None:
    tab.page.goto("/settings")
    add(tab, "tsla", "tslaususd", datetime.now(UTC) - timedelta(days=14))
    await_bars(tab, 240)


def test_what_is_unknown_leads_to_near_names(tab_in_trouble: Tab) -> None:
    page = tab_in_trouble.page
    page.goto("/?s=audcat")
    page.get_by_role("alert").get_by_role("link", name="audcat").click()
    search = page.get_by_role("searchbox", name="Search instruments")
    assert search.input_value() == "audcat"
    search.press("Enter")
    problem = page.get_by_role("alert")
    problem.get_by_role("button", name="AUD/CAD").click()
    page.locator('.found [data-symbol="audcad"]').wait_for()


def test_two_tabs_follow_the_live_edge(new_tab: Callable[[], Tab]) -> None:
    tabs = [new_tab(), new_tab()]
    for tab in tabs:
        tab.page.goto("/?s=oanda:audcad:quotes")
        await_bars(tab, 120)
        tab.page.keyboard.press("End")
    for tab in tabs:
        tab.page.get_by_text("live, following").wait_for()
        # Where the view ends depends on how far its ticks lie apart: what must move is its last tick.
        before = last_seen(tab)
        until(
            "the view has moved on",
            lambda tab=tab, before=before: last_seen(tab) > before,
            60,
            instead=lambda tab=tab: tab.page.locator(".status, .legend").all_inner_texts(),
        )
        last = last_seen(tab)
        assert (range_seen(tab)[1] or "") >= last
        assert tab.said == []


def test_every_series_tells_what_it_has(tab: Tab) -> None:
    page = tab.page
    page.goto("/settings")
    card = page.locator('.card[data-series="dukascopy:audcad:quotes"]')
    card.wait_for()
    until(
        "days are seen",
        lambda: card.locator(".cell[data-tone=data]").count() > 5 or bool(page.wait_for_timeout(200)),
    )
    card.locator(".cell[data-tone=data]").last.click()
    card.locator(".hour-row li").first.wait_for()
    assert card.locator(".hour-row li").count() == 24

    card.get_by_role("button", name="Remove").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("checkbox").check()
    assert dialog.get_by_role("button", name="Stop collecting and delete").is_disabled()
    dialog.get_by_role("textbox").fill("dukascopy:audcad:quotes")
    assert dialog.get_by_role("button", name="Stop collecting and delete").is_enabled()
    dialog.get_by_role("button", name="Cancel").click()


def test_a_backfill_stops_and_series_rest(tab: Tab, demo: Demo) -> None:
    # Of its own: what others wait for goes on.
    demo.run("add", "GBP/NZD")
    page = tab.page
    page.goto("/settings")
    card = page.locator('.card[data-series="dukascopy:gbpnzd:quotes"]')
    card.get_by_role("button", name="Backfill a range").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("From").fill("2012-01-01")
    dialog.get_by_label("Up to").fill("2016-01-01")
    dialog.get_by_role("button", name="Backfill").click()
    job = card.locator(".job")
    job.get_by_text(re.compile(r"[2-9] of \d+ months asked for")).wait_for()
    card.get_by_role("button", name="Stop backfill").click()
    job.get_by_text("cancelled after").wait_for()
    card.locator(".backfill").wait_for(state="detached")

    for resting in (card, page.locator('.card[data-series="oanda:gbpnzd:quotes"]')):
        resting.get_by_role("button", name="Pause").click()
        resting.get_by_role("button", name="Resume").click()
        resting.get_by_role("button", name="Pause").wait_for()


@pytest.mark.parametrize(
    ("program", "part"),
    [("postgres", "database"), ("oanda", "worker oanda"), ("pulsar", "broker")],
)
def test_the_strip_turns_and_returns(tab_in_trouble: Tab, demo: Demo, program: str, part: str) -> None:
    tab = tab_in_trouble
    # Days of the past: what is seen of the live edge would move on.
    noon = last_wednesday()
    tab.page.goto(f"/?s=audcad&from={moment(noon)}&to={moment(noon + timedelta(hours=6))}")
    await_bars(tab, 120)
    await_part(tab, part, "ok")
    before = range_seen(tab)
    with demo.stopped(program):
        await_part(tab, part, "down", "warn", seconds=120)
        assert tab.page.locator(".legend h1").count() == 1, "the chart has lost its picture"
    await_part(tab, part, "ok")

    demo.restart(program)
    await_part(tab, part, "ok")
    await_rest(tab)
    assert range_seen(tab) == before
