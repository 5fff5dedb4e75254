"""What is collected changes by commands: added once whoever asks, resting, removed, and added again."""

from concurrent.futures import ThreadPoolExecutor

import httpx
import schemathesis

from candlewick import access, topics
from candlewick.bus_admin import BusAdmin
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


def test_a_backfill_of_a_command_is_seen_on_the_page(platform: Platform) -> None:
    name = "dukascopy:usdzar:quotes"
    platform.run("add", "USD/ZAR")
    platform.run("backfill", name, "--from", "2019-01-07", "--to", "2019-01-12")
    url = f"http://127.0.0.1:{platform.settings.ports.web}/api/series"
    seen: list[dict[str, object]] = []

    def is_shown() -> bool:
        known = {one["name"]: one["backfill"] for one in httpx.get(url, timeout=30).json()["series"]}
        seen.append(known[name])
        return seen[-1] is not None

    until("the page tells of the backfill", is_shown)
    assert seen[-1]["total"] == 5
    assert str(seen[-1]["url"]).endswith("/runs")
