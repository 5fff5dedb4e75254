"""Health records as Prometheus reads them."""

from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from candlewick import health
from candlewick.health import Condition, Health
from candlewick.times import SECOND_US, now_us
from web import metrics_view


def scraped(home: Path) -> dict[tuple[str, ...], float]:
    text = metrics_view.render(home).decode()
    return {
        (
            sample.name.removeprefix("candlewick_worker_"),
            *(sample.labels[label] for label in ("worker", "of", "fact") if label in sample.labels),
        ): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_condition_and_figures_of_each_worker(tmp_path: Path) -> None:
    facts = {
        "hours published": "7",
        "kraken:btcusd:trades.lag s": "0.125",
        "kraken:btcusd:trades.caught up": "true",
        "kraken:btcusd:trades.read": "18:19",
    }
    health.write(tmp_path, Health("recorder", now_us(), Condition.OK, "well", facts))
    health.write(tmp_path, Health("guard", now_us(), Condition.DEGRADED, "poison"))
    found = scraped(tmp_path)
    assert found["well", "recorder"] == 1
    assert found["well", "guard"] == 0
    assert found["silent_seconds", "guard"] < 5
    assert found["fact", "recorder", "", "hours published"] == 7
    assert found["fact", "recorder", "kraken:btcusd:trades", "lag s"] == 0.125
    assert found["fact", "recorder", "kraken:btcusd:trades", "caught up"] == 1
    # A position is no figure.
    assert ("fact", "recorder", "kraken:btcusd:trades", "read") not in found


def test_what_a_worker_said_long_ago_does_not_make_it_well(tmp_path: Path) -> None:
    health.write(tmp_path, Health("refresher", now_us() - 40 * SECOND_US, Condition.OK, "well"))
    found = scraped(tmp_path)
    assert found["well", "refresher"] == 0
    assert 40 <= found["silent_seconds", "refresher"] < 60


def test_a_home_without_workers(tmp_path: Path) -> None:
    assert scraped(tmp_path) == {}
