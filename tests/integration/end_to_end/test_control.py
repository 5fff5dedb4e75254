"""What is collected changes by commands: added once whoever asks, resting, removed, and added again."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

import httpx
import pytest
import schemathesis

from candlewick import access, topics
from candlewick.bus_admin import BusAdmin
from candlewick.dagster_client import DagsterClient, dagster_url
from candlewick.instruments import Kind
from candlewick.store import Store
from tests.fuzzing import never_breaks
from tests.platform import Platform
from tests.waiting import until


def hour_topics(platform: Platform) -> list[str]:
    token = access.pulsar_token(platform.settings, access.PULSAR_ADMIN)
    with BusAdmin(access.pulsar_admin_url(platform.settings), token) as admin:
        return admin.hour_topics(Kind.QUOTES)


def states(platform: Platform) -> dict[str, str]:
    with Store(access.database_url(platform.settings)) as store:
        return {name: str(state) for name, state in store.series_states().items()}


def runs(platform: Platform, series: str) -> list[str]:
    with DagsterClient(dagster_url(platform.settings)) as dagster:
        return [run.run_id for run in dagster.active() if run.series == series]


def progress(platform: Platform, series: str) -> object:
    url = f"http://127.0.0.1:{platform.settings.ports.web}/api/series"
    known = httpx.get(url, timeout=30, trust_env=False).json()["series"]
    return next(one["backfill"] for one in known if one["name"] == series)


def is_at_work(platform: Platform, series: str) -> bool:
    """Whether a run of the series has begun to ask the venue."""
    with Store(access.database_url(platform.settings)) as store:
        return bool(store.day_requests(series, date(2018, 1, 1), date(2020, 1, 1)))


def test_one_that_is_unknown_keeps_no_other_out(platform: Platform) -> None:
    answer = platform.run("add", "EUR/NOK", "no such thing", "EUR/DKK", code=1)
    assert "not done: " in answer.err
    assert "no such thing" in answer.err
    for symbol in ("eurnok", "eurdkk"):
        assert f"dukascopy:{symbol}:quotes" in answer.out
        assert states(platform)[f"dukascopy:{symbol}:quotes"] == "collected"


def test_two_that_add_the_same_at_once_have_one_result(platform: Platform) -> None:
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(lambda _: platform.run("add", "EUR/SEK"), range(2)))
    assert all("dukascopy:eursek:quotes" in answer.out for answer in answers)
    assert states(platform)["dukascopy:eursek:quotes"] == "collected"
    assert sum("eursek" in topic for topic in hour_topics(platform)) == 1


def test_a_series_rests_goes_and_comes_back(platform: Platform) -> None:
    name = "dukascopy:usdsgd:quotes"
    platform.run("add", "USD/SGD")
    platform.run("pause", name)
    assert states(platform)[name] == "paused"
    platform.run("resume", name)
    assert states(platform)[name] == "collected"

    refused = platform.run("remove", name, "--delete-data", "dukascopy:eurusd:quotes", code=2)
    assert name in refused.err
    assert states(platform)[name] == "collected"

    platform.run("remove", name)
    assert states(platform)[name] == "removed"
    # Without the topic there is nothing that could be owed.
    assert not any("usdsgd" in topic for topic in hour_topics(platform))

    platform.run("add", "USD/SGD")
    assert states(platform)[name] == "collected"
    assert topics.HISTORICAL in next(topic for topic in hour_topics(platform) if "usdsgd" in topic)

    platform.run("remove", name, "--delete-data", name)
    assert name not in states(platform)


def test_no_change_of_a_known_series_breaks_the_server(platform: Platform) -> None:
    name = "dukascopy:usdmxn:quotes"
    platform.run("add", "USD/MXN")
    url = f"http://127.0.0.1:{platform.settings.ports.web}"
    api = schemathesis.openapi.from_url(f"{url}/api/openapi.json").include(path_regex="^/api/series/")
    changes = [one for one in (found.ok() for found in api.get_all_operations()) if one.method != "get"]
    assert {one.path.rpartition("/")[2] for one in changes} == {
        "{name}",
        "pause",
        "resume",
        "repair",
        "backfill",
    }
    for change in changes:
        never_breaks(change, 15, name=name)
    assert httpx.get(f"{url}/api/series", trust_env=False).status_code == 200
    # What the requests have asked for would keep the platform busy long after this test.
    platform.run("cancel", name)


def test_a_backfill_of_a_command_is_seen_on_the_page(platform: Platform) -> None:
    name = "dukascopy:usdzar:quotes"
    platform.run("add", "USD/ZAR")
    platform.run("backfill", name, "--from", "2019-01-07", "--to", "2019-01-12")
    seen: list[Any] = []

    def is_shown() -> bool:
        seen.append(progress(platform, name))
        return seen[-1] is not None

    until("the page tells of the backfill", is_shown)
    assert seen[-1]["total"] == 5
    assert str(seen[-1]["url"]).endswith("/runs")


@pytest.mark.parametrize("how", ["cancel", "pause", "remove"])
def test_a_backfill_ends_when_it_is_cancelled_or_nobody_wants_its_series(
    platform: Platform, how: str
) -> None:
    symbol = {"cancel": "usdtry", "pause": "usdhuf", "remove": "usdpln"}[how]
    name = f"dukascopy:{symbol}:quotes"
    platform.run("add", symbol)
    with ThreadPoolExecutor(1) as pool:
        # Asking for all of it takes a while: what ends it comes meanwhile.
        asking = pool.submit(
            platform.run, "backfill", name, "--from", "2018-01-01", "--to", "2020-01-01", code=None
        )
        if how == "cancel":
            until("one is at work", lambda: is_at_work(platform, name), 120)
        else:
            until("some wait", lambda: len(runs(platform, name)) > 1)
        assert not asking.done()
        platform.run(how, name)
        told = asking.result().err
    # Of a series that is gone Dagster may have refused the last one.
    assert "cancelled after" in told or (how == "remove" and "Dagster refuses the run" in told)
    # One that Dagster could not make any more is forgotten after a while.
    until("none is left", lambda: runs(platform, name) == [], 30)
    if how != "remove":
        until("the page says so", lambda: progress(platform, name) is None, 10)
    assert "no run" in platform.run("cancel", name).out
