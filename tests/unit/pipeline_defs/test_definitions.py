"""The definitions as the code server loads them, and the assets with stages that are played."""

import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.errors import DagsterExecutionInterruptedError

from candlewick import verify
from candlewick.candles import Level
from candlewick.dukascopy.fetch import HourProblem
from candlewick.errors import CandlewickError
from candlewick.history import FetchedDay, LandedDay, PublishedDay
from candlewick.hours import HourState
from candlewick.instruments import AssetClass, Kind, Series, dukascopy_series, find
from candlewick.pipeline import RECHECK_TAG, Stage, asset_path, range_tags
from candlewick.settings import Settings
from candlewick.store import Refreshed
from candlewick.store.proofs import FailedHour, ProofKind
from candlewick.times import day_us, to_us
from pipeline_defs import catalogue
from pipeline_defs.catalogue import Catalogue, Collected
from pipeline_defs.definitions import build
from pipeline_defs.history import assets, checks, patience
from pipeline_defs.history.partitions import day_partitions
from pipeline_defs.history.patience import Patience

EURUSD = dukascopy_series(find("EUR/USD"))
TRADES = Series("kraken", "btcusd", Kind.TRADES, AssetClass.CRYPTO, 1, 8, "crypto")
QUOTES = Series("oanda", "eurusd", Kind.QUOTES, AssetClass.FOREX, 5, 0, "forex")
BTCUSD = dukascopy_series(find("BTC/USD"))
MONDAY, TUESDAY = date(2019, 2, 4), date(2019, 2, 5)


def collected(series: Series) -> Collected:
    return Collected(series, series.symbol, "", date(2019, 1, 1), date(2019, 1, 1))


@pytest.fixture(scope="module")
def definitions() -> dg.Definitions:
    return build(Catalogue((collected(EURUSD), collected(BTCUSD))))


@pytest.fixture(scope="module")
def live_definitions() -> dg.Definitions:
    settings = Settings(_env_file=None, oanda_token="hidden-token")  # type: ignore[call-arg, arg-type]  # noqa: S106
    return build(Catalogue((collected(EURUSD), collected(TRADES), collected(QUOTES))), settings)


def key(stage: Stage) -> dg.AssetKey:
    return dg.AssetKey(asset_path(EURUSD, stage))


def test_the_definitions_load_as_the_server_loads_them(definitions: dg.Definitions) -> None:
    dg.Definitions.validate_loadable(definitions)


def test_an_installation_that_collects_nothing_loads_too() -> None:
    dg.Definitions.validate_loadable(build(Catalogue(())))


def test_each_series_has_its_assets_in_order(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    stages = list(Stage)

    for before, after in pairwise(stages):
        assert graph.get(key(after)).parent_keys == {key(before)}
    made = {asset.path[-1] for asset in graph.materializable_asset_keys if asset.path[0] != "restart"}
    assert made == set(stages)


def test_every_asset_says_what_it_is_and_whose(
    definitions: dg.Definitions, live_definitions: dg.Definitions
) -> None:
    for spec in [*definitions.resolve_all_asset_specs(), *live_definitions.resolve_all_asset_specs()]:
        assert spec.description
        assert spec.owners == assets.OWNERS
        assert spec.kinds
        if len(spec.key.path) == 4:
            assert {"venue", "symbol", "class"} <= set(spec.tags)
            assert spec.group_name == f"{spec.tags['venue']}_{spec.tags['symbol']}"
        else:
            assert spec.group_name in {"kraken", "oanda", "sinks", "restart"}


def test_every_stage_has_its_checks(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()

    found = {(check.asset_key.path[-1], check.name) for check in graph.asset_check_keys}

    assert found == {
        ("raw", checks.HOURS_EXPECTED),
        ("raw", checks.NOTHING_FAILED),
        ("landed", checks.EQUALS_PUBLISHED),
        ("candles_intraday", checks.EQUAL_RECOUNT),
        ("candles_daily", checks.EQUAL_RECOUNT),
        ("candles_intraday", checks.EQUALS_VENUE),
        ("quote_hours", "sink_progress"),
        ("trade_hours", "sink_progress"),
    }


def test_a_live_series_has_no_history_and_leads_from_its_venue_to_candles(
    live_definitions: dg.Definitions,
) -> None:
    graph = live_definitions.resolve_asset_graph()

    def parents(*path: str) -> set[str]:
        return {parent.to_user_string() for parent in graph.get(dg.AssetKey(path)).parent_keys}

    series = ("kraken", "btcusd", "trades")
    assert parents(*series, "candles") == {"sink/trade_hours", "kraken/btcusd/trades/hours"}
    assert parents("sink", "trade_hours") == {"kraken/btcusd/trades/hours"}
    assert parents("sink", "quote_hours") == {
        "oanda/eurusd/quotes/hours",
        "dukascopy/eurusd/quotes/published",
    }
    assert parents(*series, "hours") == {"kraken/btcusd/trades/stream"}
    assert parents(*series, "stream") == {"kraken/venue"}
    assert not graph.has(dg.AssetKey([*series, "raw"]))
    assert {key.to_user_string() for key in graph.external_asset_keys} == {
        f"{name}/{stage}"
        for name in ("kraken/btcusd/trades", "oanda/eurusd/quotes")
        for stage in ("stream", "hours", "candles")
    } | {"kraken/venue", "oanda/venue", "sink/trade_hours", "sink/quote_hours"}


def test_live_venues_have_checks(live_definitions: dg.Definitions) -> None:
    graph = live_definitions.resolve_asset_graph()

    for venue in ("kraken", "oanda"):
        found = {check.name for check in graph.asset_check_keys if check.asset_key.path == [venue, "venue"]}
        assert found == {
            "connected", "data_moving", "lag", "open_gaps", "reconnect_rate", "recorded", "sink_progress"
        }  # fmt: skip


def test_no_secret_is_in_the_definitions(live_definitions: dg.Definitions) -> None:
    told = "".join(
        f"{spec.metadata} {spec.description}" for spec in live_definitions.resolve_all_asset_specs()
    )

    assert "pulsar://127.0.0.1" in told
    assert "hidden-token" not in told


@pytest.mark.parametrize(("series", "days"), [(EURUSD, 6), (BTCUSD, 7)])
def test_partitions_are_the_days_on_which_a_venue_can_be_open(series: Series, days: int) -> None:
    partitions = day_partitions(series.calendar, date(2019, 2, 4))

    keys = partitions.get_partition_keys(current_time=datetime(2019, 2, 10, 0, 5, tzinfo=UTC))

    # The running day is one of them, the day after is not.
    assert len(keys) == days
    assert keys[-1] == "2019-02-10"
    assert ("2019-02-09" in keys) == (days == 7)


# The catalogue


class AwayError(catalogue.CandlewickError):
    """The database does not answer."""


def test_the_series_known_last_stay_while_the_database_is_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(_env_file=None, home=tmp_path)  # type: ignore[call-arg]
    monkeypatch.setattr(catalogue, "_from_database", lambda _: [(EURUSD, day_us(MONDAY))])
    known = catalogue.read(settings)

    def away(_: Settings) -> list[tuple[Series, int]]:
        raise AwayError("the database does not answer")

    monkeypatch.setattr(catalogue, "_from_database", away)
    remembered = catalogue.read(settings)

    assert [one.series for one in known.collected] == [EURUSD]
    assert remembered.collected == known.collected
    assert remembered.problem == "the database does not answer"


def test_without_memory_nothing_is_collected_and_the_sensor_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_: Settings) -> list[tuple[Series, int]]:
        raise AwayError("the database does not answer")

    monkeypatch.setattr(catalogue, "_from_database", away)
    known = catalogue.read(Settings(_env_file=None, home=tmp_path))  # type: ignore[call-arg]
    sensor = build(known).resolve_sensor_def("new_hours")

    with dg.DagsterInstance.ephemeral() as instance:
        result = sensor(dg.build_sensor_context(instance=instance))

    assert isinstance(result, dg.SkipReason)
    assert "the database does not answer" in (result.skip_message or "")


# The assets


class PlayedStore:
    """Knows what it is told."""

    def __init__(self) -> None:
        self.failed: list[FailedHour] = []

    def failed_hours(self, _name: str) -> list[FailedHour]:
        return self.failed

    def note_proofs(self, *_: object, **__: object) -> None:
        pass

    def broken_proofs(self, _name: str, _kind: ProofKind) -> list[object]:
        return []

    def count_proofs(self, _name: str, _kind: ProofKind) -> tuple[int, int, int]:
        return (1, 0, 0)


class PlayedHistory:
    """Stages that do nothing but say what they were asked for."""

    def __init__(self) -> None:
        self.store = PlayedStore()
        self.rechecks: list[bool] = []
        self.since: list[int | None] = []
        self.stumbles = 0
        self.cancelled = False
        self.problems: tuple[HourProblem, ...] = ()
        self.different: tuple[int, ...] = ()

    def clock(self) -> int:
        return day_us(date(2019, 3, 1))

    def fetch(
        self, _series: Series, days: Sequence[date], *, recheck: bool, since_us: int | None
    ) -> Iterator[FetchedDay]:
        self.since.append(since_us)
        self.rechecks.append(recheck)
        if self.cancelled:
            raise DagsterExecutionInterruptedError
        if len(self.since) <= self.stumbles:
            raise CandlewickError("the database does not answer")
        for place, day in enumerate(days):
            ticks = 0 if self.problems else 100 + place
            yield FetchedDay(day, {"data": 24}, ticks, spread=1e-05, problems=self.problems)

    def publish(self, _series: Series, days: Sequence[date]) -> Iterator[PublishedDay]:
        yield from (PublishedDay(day, 24, 100) for day in days)

    def await_landed(self, _series: Series, days: Sequence[date]) -> Iterator[LandedDay]:
        yield from (LandedDay(day, 24, 100, different=self.different) for day in days)

    def refresh(self, _series: Series, _level: Level, _days: Sequence[date]) -> Refreshed:
        return Refreshed(24, 100, 1440, 0.1)


@pytest.fixture
def history(monkeypatch: pytest.MonkeyPatch) -> PlayedHistory:
    monkeypatch.setattr(verify, "recount_intraday", lambda *_: iter(()))
    monkeypatch.setattr(verify, "recount_daily", lambda *_, **__: iter(()))
    return PlayedHistory()


def materialize(
    history: PlayedHistory, instance: dg.DagsterInstance, **tags: str
) -> dg.ExecuteInProcessResult:
    days = range_tags(MONDAY, TUESDAY)
    return dg.materialize(
        assets.history_assets(collected(EURUSD)),
        resources={"history": dg.ResourceDefinition.hardcoded_resource(history)},
        instance=instance,
        tags={**days, **tags},
        raise_on_error=False,
    )


@pytest.fixture(autouse=True)
def no_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """They wait for seconds; what is tested is the first attempt."""
    for name in ("FETCH", "STAGE"):
        monkeypatch.setattr(patience, name, Patience(0, 0))


def test_a_range_run_tells_the_numbers_of_each_day(history: PlayedHistory) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        assert materialize(history, instance).success
        events = instance.fetch_materializations(key(Stage.RAW), limit=10).records

    ticks = {record.partition_key: record.asset_materialization for record in events}
    numbers = {
        day: made.metadata["ticks"].value
        for day, made in ticks.items()
        if made is not None and day is not None
    }
    assert numbers == {"2019-02-04": 100, "2019-02-05": 101}


@pytest.mark.parametrize(("tags", "recheck"), [({}, True), ({RECHECK_TAG: "false"}, False)])
def test_asking_by_hand_asks_for_corrections_too(
    history: PlayedHistory,
    tags: dict[str, str],
    recheck: bool,  # noqa: FBT001
) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        materialize(history, instance, **tags)

    assert history.rechecks == [recheck]


def problem(reason: str, state: HourState = HourState.FAILED) -> HourProblem:
    return HourProblem(day_us(MONDAY), state, reason)


def test_a_second_attempt_goes_on_where_the_first_stopped(
    history: PlayedHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "FETCH", Patience(1, 0))
    history.stumbles = 1
    with dg.DagsterInstance.ephemeral() as instance:
        result = materialize(history, instance)
        record = instance.get_run_record_by_id(result.run_id)

    assert result.success
    assert record is not None
    assert history.since == [None, to_us(record.create_timestamp)]


def test_a_run_that_is_cancelled_ends_and_tries_nothing_again(
    history: PlayedHistory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "FETCH", Patience(1, 0))
    history.cancelled = True
    with dg.DagsterInstance.ephemeral() as instance:
        assert not materialize(history, instance).success

    assert len(history.since) == 1


def test_a_run_that_gets_no_answer_at_all_fails(history: PlayedHistory) -> None:
    history.problems = (problem("unreachable: no route"),)
    with dg.DagsterInstance.ephemeral() as instance:
        result = materialize(history, instance)

    assert not result.success
    step = next(event for event in result.all_events if event.is_step_failure)
    assert "gives no answer" in str(step.step_failure_data.error)


def test_a_failed_hour_does_not_fail_the_run_but_its_check(history: PlayedHistory) -> None:
    history.problems = (problem("truncated: the file ends early"),)
    history.store.failed = [FailedHour(day_us(MONDAY), "truncated: the file ends early", 3)]
    with dg.DagsterInstance.ephemeral() as instance:
        result = materialize(history, instance)

    assert result.success
    check = next(
        one for one in result.get_asset_check_evaluations() if one.check_name == checks.NOTHING_FAILED
    )
    assert not check.passed
    assert "candlewick backfill dukascopy:eurusd:quotes --from 2019-02-04 --to 2019-02-05" in str(
        check.description
    )


def test_an_hour_unpublished_for_long_fails_its_check(history: PlayedHistory) -> None:
    history.problems = (problem("not-published: 404", HourState.PENDING),)
    with dg.DagsterInstance.ephemeral() as instance:
        result = materialize(history, instance)

    check = next(
        one for one in result.get_asset_check_evaluations() if one.check_name == checks.HOURS_EXPECTED
    )
    assert not check.passed


def test_what_landed_wrong_is_not_made_into_candles(history: PlayedHistory) -> None:
    history.different = (day_us(MONDAY),)
    with dg.DagsterInstance.ephemeral() as instance:
        result = materialize(history, instance)

    made = {event.asset_key for event in result.get_asset_materialization_events()}
    assert key(Stage.LANDED) in made
    assert key(Stage.CANDLES_INTRADAY) not in made


def test_reading_the_definitions_anew_waits_for_nothing_that_only_runs_need() -> None:
    heavy = ("httpx", "pulsar", "yoyo", "candlewick.history")
    code = f"import sys, pipeline_defs.definitions; print([one for one in {heavy} if one in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
