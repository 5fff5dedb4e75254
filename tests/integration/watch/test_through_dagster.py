"""The sensor, the checks and the button, as Dagster runs them, on workers under a real supervisor."""

import os
import signal
import time
from collections.abc import Iterator

import dagster as dg
import pytest

from candlewick.local import supervisor
from candlewick.local.home import Home
from candlewick.pipeline import REASON_TAG
from candlewick.watch.look import take
from pipeline_defs import catalogue
from pipeline_defs.definitions import build
from pipeline_defs.live.names import RESTART_JOB, restart_key, sink_key, venue_key
from tests.waiting import until

from .conftest import TRADES, Live


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


@pytest.fixture
def definitions(live: Live, monkeypatch: pytest.MonkeyPatch) -> dg.Definitions:
    """Those that the code server would load, in the environment that it would have."""
    for name, value in live.environment().items():
        monkeypatch.setenv(name, value)
    # The database is given three seconds to answer, which a busy machine may need several times.
    known: list[catalogue.Catalogue] = []

    def is_read() -> bool:
        known.append(catalogue.read(live.settings))
        return bool(known[-1].live)

    until("the catalogue is read", is_read)
    return build(known[-1], live.settings)


def tick(definitions: dg.Definitions, instance: dg.DagsterInstance, cursor: str | None) -> dg.SensorResult:
    sensor = definitions.resolve_sensor_def("live_streams")
    result = sensor(dg.build_sensor_context(instance=instance, cursor=cursor, definitions=definitions))
    assert isinstance(result, dg.SensorResult)
    return result


def checks(result: dg.SensorResult) -> list[dg.AssetCheckEvaluation]:
    return [event for event in result.asset_events if isinstance(event, dg.AssetCheckEvaluation)]


def test_what_runs_well_is_observed_once_and_asks_for_nothing(
    live: Live, definitions: dg.Definitions, instance: dg.DagsterInstance
) -> None:
    live.await_streaming()
    looks: list[dg.SensorResult] = []

    def failed() -> dict[str, str | None]:
        return {event.check_name: event.description for event in checks(looks[-1]) if not event.passed}

    def all_is_well() -> bool:
        # On a busy machine a server may not answer within the patience of one look.
        looks.append(tick(definitions, instance, None))
        return not failed()

    until("every check passes", all_is_well, instead=failed)
    first = looks[-1]
    second = tick(definitions, instance, first.cursor)

    for event in first.asset_events:
        instance.report_runless_asset_event(event)
    seen = instance.fetch_observations(venue_key("kraken"), limit=5).records
    observed = seen[0].asset_observation
    assert observed is not None
    rows = observed.metadata["streams"].value.records
    assert [row.data["series"] for row in rows] == sorted([TRADES.name, "kraken:btcusd:quotes"])
    assert {event.asset_key for event in checks(first)} == {
        venue_key("kraken"), sink_key("quote-hours"), sink_key("trade-hours")
    }  # fmt: skip
    assert checks(second) == []
    assert second.skip_reason is not None
    assert "nothing is stuck" in (second.skip_reason.skip_message or "")


def test_checks_can_be_asked_for_by_hand(
    live: Live, definitions: dg.Definitions, instance: dg.DagsterInstance
) -> None:
    live.await_streaming()
    job = definitions.resolve_implicit_global_asset_job_def()
    wanted = dg.AssetCheckKey(venue_key("kraken"), "connected")
    result = job.get_subset(asset_selection=set(), asset_check_selection={wanted}).execute_in_process(
        instance=instance
    )

    assert [(one.check_name, one.passed) for one in result.get_asset_check_evaluations()] == [
        ("connected", True)
    ]


def test_a_stopped_worker_is_found_and_started_anew(
    live: Live, definitions: dg.Definitions, instance: dg.DagsterInstance
) -> None:
    live.await_streaming()
    home = Home(live.settings.home)
    before = supervisor.states(home)["kraken"].pid
    os.kill(before, signal.SIGSTOP)
    stopped_at = time.monotonic()
    cursor: str | None = None
    found: list[dg.RunRequest] = []

    def asked() -> list[dg.RunRequest]:
        nonlocal cursor, found
        result = tick(definitions, instance, cursor)
        cursor = result.cursor
        found = list(result.run_requests or [])
        return found

    until("the sensor asks for a restart", asked, 180)
    noticed_s = time.monotonic() - stopped_at
    (request,) = found
    assert list(request.asset_selection or []) == [restart_key("kraken")]
    assert "has said nothing for" in request.tags[REASON_TAG]
    # While that is under way nothing is asked for twice.
    assert tick(definitions, instance, cursor).run_requests in (None, [])

    job = definitions.resolve_job_def(RESTART_JOB)
    run = job.execute_in_process(
        instance=instance, tags=request.tags, asset_selection=list(request.asset_selection or [])
    )

    assert run.success
    made = instance.fetch_materializations(restart_key("kraken"), limit=1).records[0].asset_materialization
    assert made is not None
    assert made.metadata["restarted"].value is True
    assert made.metadata["why"].value == request.tags[REASON_TAG]
    assert supervisor.states(home)["kraken"].pid != before
    live.await_streaming()
    assert 55 < noticed_s < 180

    # Pressed once more it leaves alone what is well.
    again = job.execute_in_process(instance=instance, asset_selection=[restart_key("kraken")])
    assert again.success
    last = instance.fetch_materializations(restart_key("kraken"), limit=1).records[0].asset_materialization
    assert last is not None
    assert last.metadata["restarted"].value is False


def test_a_sink_is_started_anew_by_its_asset(
    live: Live, definitions: dg.Definitions, instance: dg.DagsterInstance
) -> None:
    job = definitions.resolve_job_def(RESTART_JOB)
    config = {"ops": {"restart__trade_hours": {"config": {"even_if_well": True}}}}
    run = job.execute_in_process(
        instance=instance, asset_selection=[restart_key("trade-hours")], run_config=config
    )

    assert run.success
    sinks = take(live.settings).sinks
    assert sinks is not None
    assert sinks["trade-hours"].running == sinks["trade-hours"].instances
