"""The assets and the sensor as Dagster runs them, against real servers."""

import logging
import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import dagster as dg
import pytest

from candlewick.instruments import Series
from candlewick.pipeline import RECHECK_TAG, Stage, asset_path, range_tags
from candlewick.times import HOUR_US
from pipeline_defs import catalogue
from pipeline_defs.catalogue import Catalogue, Collected
from pipeline_defs.definitions import build
from pipeline_defs.history import patience, sensors
from pipeline_defs.history.patience import Patience
from pipeline_defs.history.sensors import job_name

from .conftest import NOW_US, Stages

MONDAY, TUESDAY = date(2021, 3, 1), date(2021, 3, 2)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def collected(series: Series) -> Collected:
    return Collected(series, series.symbol, "", date(2021, 1, 1), date(2021, 3, 3))


def run_days(
    stages: Stages, series: Series, instance: dg.DagsterInstance, first: date, last: date, **tags: str
) -> dg.ExecuteInProcessResult:
    """The series' job, as the sensor and the command line ask for it."""
    definitions = build(Catalogue((collected(series),)))
    with stages.history() as history:
        job = definitions.resolve_job_def(job_name(series))
        return job.execute_in_process(
            instance=instance,
            tags={**range_tags(first, last), **tags},
            resources={"history": history},
        )


def test_a_range_run_makes_all_stages_and_proves_them(stages: Stages, instance: dg.DagsterInstance) -> None:
    series = stages.add("USD/CAD")

    result = run_days(stages, series, instance, MONDAY, TUESDAY)

    assert result.success
    evaluations = {
        (one.asset_key.path[-1], one.check_name): one for one in result.get_asset_check_evaluations()
    }
    assert len(evaluations) == 6
    assert all(one.passed for one in evaluations.values()), evaluations
    compared = evaluations["candles_intraday", "equals_venue"]
    assert compared.metadata["days_proved"].value == 2
    raw = instance.fetch_materializations(dg.AssetKey(asset_path(series, Stage.RAW)), limit=5).records
    numbers = {record.partition_key: record.asset_materialization for record in raw}
    assert set(numbers) == {"2021-03-01", "2021-03-02"}
    for made in numbers.values():
        assert made is not None
        assert {"ticks", "hours_data", "spread_median", "bytes", "seconds", "transport"} <= set(made.metadata)
    before = stages.tables(series)

    assert run_days(stages, series, instance, MONDAY, TUESDAY).success
    assert stages.tables(series) == before


def test_one_bad_instrument_does_not_fail_another(
    stages: Stages, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, bad = stages.add("USD/CHF"), stages.add("AUD/NZD")
    monkeypatch.setattr(patience, "FETCH", Patience(0, 0))
    definitions = build(Catalogue((collected(good), collected(bad))))
    with stages.history() as history:
        # Nothing of it can be archived: a file stands where its folder should be.
        folder = Path(stages.settings.archive_url, bad.venue, bad.symbol)
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.touch()
        result = dg.materialize(
            [asset for asset in definitions.assets or () if isinstance(asset, dg.AssetsDefinition)],
            instance=instance,
            tags=range_tags(MONDAY, MONDAY),
            resources={"history": history},
            raise_on_error=False,
        )

    made = {event.asset_key for event in result.get_asset_materialization_events()}
    assert {dg.AssetKey(asset_path(good, stage)) for stage in Stage} <= made
    assert dg.AssetKey(asset_path(bad, Stage.RAW)) not in made


@pytest.fixture
def surroundings(stages: Stages, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment that the platform gives to its processes; the time is the venue's."""
    for name, value in stages.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sensors, "now_us", lambda: NOW_US)


def tick(
    known: Catalogue, instance: dg.DagsterInstance, log: logging.Handler | None = None
) -> list[dg.RunRequest] | str:
    """What the sensor asks for, or why it asks for nothing."""
    sensor = build(known).resolve_sensor_def("new_hours")
    context = dg.build_sensor_context(instance=instance)
    if log is not None:
        context.log.addHandler(log)
    result = sensor(context)
    if isinstance(result, dg.SkipReason):
        return result.skip_message or ""
    assert isinstance(result, dg.SensorResult)
    return list(result.run_requests or [])


@pytest.mark.usefixtures("surroundings")
def test_the_sensor_asks_until_all_that_is_out_is_here(stages: Stages, instance: dg.DagsterInstance) -> None:
    series = stages.add("EUR/AUD")
    known = Catalogue((collected(series),))
    first = tick(known, instance)
    assert isinstance(first, list)
    (request,) = first
    assert request.job_name == job_name(series)
    # The last seven days without their Saturday, and today.
    assert request.tags.items() >= range_tags(date(2021, 3, 3), date(2021, 3, 10)).items()

    days = date(2021, 3, 3), date(2021, 3, 10)
    assert run_days(stages, series, instance, *days, **{RECHECK_TAG: "false"}).success
    said = tick(known, instance)

    assert isinstance(said, str), said
    assert "2021-03-10: no more of its hours are out than when it was last asked" in said
    with stages.history() as history:
        rows = history.store.coverage(series.name, NOW_US - 24 * HOUR_US, NOW_US, as_of_us=NOW_US)
    assert [row.reason for row in rows if row.hole] == ["young", "running"]


@pytest.mark.usefixtures("surroundings")
def test_a_checker_that_fails_stops_no_series_and_says_why(
    stages: Stages, instance: dg.DagsterInstance, caplog: pytest.LogCaptureFixture
) -> None:
    asked, silent = stages.add("EUR/NZD"), stages.add("GBP/AUD")
    known = Catalogue((collected(asked), collected(silent)))
    days = date(2021, 3, 3), date(2021, 3, 10)
    assert run_days(stages, asked, instance, *days, **{RECHECK_TAG: "false"}).success

    # The checker paces itself by this table, and has no answer at all without it.
    stages.execute("ALTER TABLE venue_host RENAME TO venue_host_away")
    try:
        requests = tick(known, instance, caplog.handler)
        alone = tick(Catalogue((collected(asked),)), instance)
    finally:
        stages.execute("ALTER TABLE venue_host_away RENAME TO venue_host")

    why = re.compile(r'which hours are out could not be asked: .*"venue_host" does not exist$', re.MULTILINE)
    assert isinstance(requests, list), requests
    assert [request.job_name for request in requests] == [job_name(silent)]
    assert why.search(caplog.text)
    # Hours that ended a while ago are taken to be out, so the silence costs some minutes and no data.
    assert requests[0].tags.items() >= range_tags(*days).items()
    assert isinstance(alone, str), alone
    assert why.search(alone)


@pytest.mark.usefixtures("surroundings")
def test_the_catalogue_is_what_the_database_says(stages: Stages) -> None:
    series = stages.add("GBP/CHF")

    known = catalogue.read(stages.settings)

    entry = next(one for one in known.collected if one.series == series)
    assert known.problem is None
    assert entry.title == "GBP/CHF"
