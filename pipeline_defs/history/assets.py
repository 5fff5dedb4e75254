"""The assets of one series: raw, published, landed, candles_intraday, candles_daily.

All five share partitions and backfill policy, so that a run does them in order for the days it covers. Each
asks `candlewick.history` for the work and says in its metadata what was done, a day at a time.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypedDict, Unpack

import dagster as dg

from candlewick.candles import Level
from candlewick.errors import CandlewickError
from candlewick.instruments import Series
from candlewick.pipeline import (
    DAYS_IN_A_RUN,
    FETCH_POOL,
    RECHECK_TAG,
    REFRESH_POOL,
    Stage,
    asset_path,
    partition_key,
)
from candlewick.times import to_us
from pipeline_defs.catalogue import Collected
from pipeline_defs.history import checks, columns, patience
from pipeline_defs.history.partitions import day_partitions
from pipeline_defs.history.patience import patiently

OWNERS = ["team:market-data"]

Numbers = Mapping[str, int | float | str]
# Dagster evaluates annotations. It recognises the bare class of a result only; and the stages bring HTTP and
# Pulsar's client, which a process that just reads these definitions anew should not wait for.
if TYPE_CHECKING:
    from candlewick.history import FetchedDay, History

    Result = dg.MaterializeResult[None]
else:
    FetchedDay = History = Any
    Result = dg.MaterializeResult


class VenueSilentError(CandlewickError):
    """No host of the venue gave a sound answer about any day of a run."""


class _Own(TypedDict, total=False):
    """What an asset does not share with the others of its series."""

    description: str
    kinds: set[str]
    pool: str
    check_specs: Sequence[dg.AssetCheckSpec]
    metadata: Mapping[str, object]


@dataclass(frozen=True)
class _Family:
    """What the assets of one series have in common."""

    collected: Collected

    @property
    def series(self) -> Series:
        return self.collected.series

    @cached_property
    def _partitions(self) -> dg.DailyPartitionsDefinition:
        return day_partitions(self.series.calendar, self.collected.first_day)

    def key(self, stage: Stage) -> dg.AssetKey:
        return dg.AssetKey(asset_path(self.series, stage))

    def asset(
        self, stage: Stage, after: Stage | None, **own: Unpack[_Own]
    ) -> Callable[[Callable[..., Result]], dg.AssetsDefinition]:
        series = self.series
        decorate: Callable[[Callable[..., Result]], dg.AssetsDefinition] = dg.asset(
            key=self.key(stage),
            deps=[] if after is None else [self.key(after)],
            partitions_def=self._partitions,
            backfill_policy=dg.BackfillPolicy.multi_run(DAYS_IN_A_RUN),
            group_name=f"{series.venue}_{series.symbol}",
            owners=OWNERS,
            tags={"venue": series.venue, "symbol": series.symbol, "class": series.asset_class.value},
            **own,
        )
        return decorate


def history_assets(collected: Collected) -> list[dg.AssetsDefinition]:
    """The five assets of a series."""
    family = _Family(collected)
    return [
        _raw(family),
        _published(family),
        _landed(family),
        _candles(family, Stage.CANDLES_INTRADAY, Stage.LANDED, Level.INTRADAY),
        _candles(family, Stage.CANDLES_DAILY, Stage.CANDLES_INTRADAY, Level.DAILY),
    ]


def _raw(family: _Family) -> dg.AssetsDefinition:
    series = family.series

    @family.asset(
        Stage.RAW,
        after=None,
        description=f"What {series.venue} has published of {family.collected.title}, validated and archived "
        "as it came. An hour that cannot be had does not stop the others: it is noted with its reason, and "
        f"the check `{checks.NOTHING_FAILED}` fails.",
        kinds={series.venue, "python"},
        pool=FETCH_POOL,
        check_specs=checks.specs(family.key(Stage.RAW), checks.HOURS_EXPECTED, checks.NOTHING_FAILED),
    )
    def raw(context: dg.AssetExecutionContext, history: dg.ResourceParam[History]) -> Result:
        with patiently(patience.FETCH, context):
            recheck = context.run.tags.get(RECHECK_TAG, "true") == "true"
            fetched: list[FetchedDay] = []
            since_us = _resumed_since(context)
            for day in history.fetch(series, _days(context), recheck=recheck, since_us=since_us):
                fetched.append(day)
                _tell(context, day.day, _numbers(day))
                for warning in day.warnings:
                    context.log.warning(warning)
            if fetched and all(day.unanswered for day in fetched):
                raise VenueSilentError(
                    f"{series.venue} gives no answer about {series.symbol} ({fetched[0].problems[0].reason})",
                    "ingestion tries again by itself; `candlewick doctor` checks the way to the venue",
                )
            return dg.MaterializeResult(
                check_results=[
                    checks.hours_expected(fetched, history.clock()),
                    checks.nothing_failed(history, series),
                ]
            )

    return raw


def _published(family: _Family) -> dg.AssetsDefinition:
    @family.asset(
        Stage.PUBLISHED,
        after=Stage.RAW,
        description="One message an hour in Pulsar, of those hours that the database lacks or has in an "
        "older revision.",
        kinds={"pulsar", "python"},
    )
    def published(context: dg.AssetExecutionContext, history: dg.ResourceParam[History]) -> Result:
        with patiently(patience.STAGE, context):
            for day in history.publish(family.series, _days(context)):
                seconds = round(day.seconds, 3)
                _tell(
                    context,
                    day.day,
                    {"hours": day.hours, "ticks": day.ticks, "bytes": day.bytes, "seconds": seconds},
                )
            return dg.MaterializeResult()

    return published


def _landed(family: _Family) -> dg.AssetsDefinition:
    @family.asset(
        Stage.LANDED,
        after=Stage.PUBLISHED,
        description="A row of arrays an hour in the database, put there by Pulsar's JDBC sink and read back: "
        "state and content hash are what was published.",
        kinds={"postgresql", "pulsar"},
        check_specs=checks.specs(family.key(Stage.LANDED), checks.EQUALS_PUBLISHED, blocking=True),
        metadata=columns.hours(family.series),
    )
    def landed(context: dg.AssetExecutionContext, history: dg.ResourceParam[History]) -> Result:
        with patiently(patience.STAGE, context):
            from candlewick.history import LandingTimeoutError  # noqa: PLC0415  (as above)

            days = []
            try:
                for day in history.await_landed(family.series, _days(context)):
                    days.append(day)
                    seconds = round(day.seconds, 3)
                    _tell(context, day.day, {"hours": day.hours, "ticks": day.ticks, "seconds": seconds})
            except LandingTimeoutError as error:
                # It has waited long enough.
                raise dg.Failure(str(error)) from error
            return dg.MaterializeResult(check_results=[checks.equals_published(family.series, days)])

    return landed


def _candles(family: _Family, stage: Stage, after: Stage, level: Level) -> dg.AssetsDefinition:
    @family.asset(
        stage,
        after=after,
        description=f"Candles of {', '.join(level.timeframes)}, each made from the ones below, in order, "
        "where hours have changed.",
        kinds={"postgresql", "sql"},
        pool=REFRESH_POOL,
        check_specs=checks.specs(family.key(stage), checks.EQUAL_RECOUNT),
        metadata=columns.candles(family.series),
    )
    def candles(context: dg.AssetExecutionContext, history: dg.ResourceParam[History]) -> Result:
        with patiently(patience.STAGE, context):
            days = _days(context)
            made = history.refresh(family.series, level, days)
            context.log.info("%d changed hours, %d candles in %.2f s", made.hours, made.candles, made.seconds)
            counts, result = checks.equal_recount(history, family.series, level, days)
            for day, count in counts.items():
                _tell(context, day, {"dagster/partition_row_count": count})
            return dg.MaterializeResult(check_results=[result])

    return candles


def _days(context: dg.AssetExecutionContext) -> list[date]:
    return [date.fromisoformat(key) for key in context.partition_keys]


def _tell(context: dg.AssetExecutionContext, day: date, numbers: Numbers) -> None:
    # Metadata of the result would be copied to every day of the run.
    context.add_asset_metadata(numbers, partition_key=partition_key(day))


def _numbers(day: FetchedDay) -> Numbers:
    numbers: dict[str, int | float | str] = {f"hours_{state}": count for state, count in day.states.items()}
    numbers |= {"ticks": day.ticks, "bytes": day.bytes, "requests": day.requests}
    numbers["seconds"] = round(day.seconds, 3)
    if day.spread is not None:
        numbers["spread_median"] = day.spread
    if day.transport:
        numbers["transport"] = day.transport
    return numbers


def _resumed_since(context: dg.AssetExecutionContext) -> int | None:
    """When a run that goes on where another stopped was first asked for; None where this is the first try."""
    if context.run.tags.get("dagster/retry_number"):
        first = context.run.root_run_id or context.run.run_id
    elif context.op_execution_context.retry_number:
        first = context.run.run_id
    else:
        return None
    record = context.instance.get_run_record_by_id(first)
    return to_us(record.create_timestamp) if record else None
