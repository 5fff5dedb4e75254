"""Checks: what is proved of each day, and how to mend what is not.

Outcomes are kept per day in the database, so that a check fails for as long as any day of its series is
wrong, however many good days came after it. All but the last run inside the stage that they check: each
step of a run costs Dagster more than these do.
"""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import dagster as dg

from candlewick.candles import Level
from candlewick.hours import HourState
from candlewick.instruments import Series
from candlewick.pipeline import (
    FETCH_POOL,
    PARTITION_TAG,
    RANGE_END_TAG,
    RANGE_START_TAG,
    Stage,
    asset_path,
    days_between,
)
from candlewick.store.proofs import Proof, ProofKind
from candlewick.times import DAY_US, HOUR_US, iso, us_day
from pipeline_defs.catalogue import Collected
from pipeline_defs.history import patience
from pipeline_defs.history.patience import patiently

# See `assets.py`: what only a run needs is imported by it.
if TYPE_CHECKING:
    from candlewick.history import FetchedDay, History, LandedDay
else:
    FetchedDay = History = LandedDay = Any

HOURS_EXPECTED = "hours_expected"
NOTHING_FAILED = "nothing_failed"
EQUALS_PUBLISHED = "equals_published"
EQUAL_RECOUNT = "equal_recount"
EQUALS_VENUE = "equals_venue"

_DESCRIPTIONS = {
    HOURS_EXPECTED: "Every trading hour that has been over for a day is here, by the calendar of the series.",
    NOTHING_FAILED: "No hour of the series is left failed.",
    EQUALS_PUBLISHED: "State and content hash, made anew from the stored arrays, are as published.",
    EQUAL_RECOUNT: "Stored candles equal those counted anew from ticks, for every day checked so far.",
    EQUALS_VENUE: "Minutes of final days equal the venue's own candles: prices exactly, volume to float32.",
}
_SHOWN = 10
_RECENT_DAYS = 7
_DAYS_AT_ONCE = 4


def specs(key: dg.AssetKey, *names: str, blocking: bool = False) -> list[dg.AssetCheckSpec]:
    """The checks of one asset; a blocking one keeps what comes after from being made."""
    return [
        dg.AssetCheckSpec(name, asset=key, description=_DESCRIPTIONS[name], blocking=blocking)
        for name in names
    ]


def hours_expected(fetched: Sequence[FetchedDay], at_us: int) -> dg.AssetCheckResult:
    """Are all trading hours of a run's days here that have been over for a day?"""
    late = [
        problem
        for day in fetched
        for problem in day.problems
        if problem.state is HourState.PENDING and problem.hour_us + HOUR_US + DAY_US <= at_us
    ]
    rows = [(iso(problem.hour_us), problem.reason) for problem in late]
    return _result(
        HOURS_EXPECTED,
        rows,
        ("hour", "why"),
        good=f"Every trading hour of {_span([day.day for day in fetched])} is here, or is not due yet.",
        bad=f"{len(late)} trading hours are not published though they have been over for a day. They are "
        "asked for again by themselves, ever more rarely; `candlewick coverage` lists them. A holiday is "
        "`closed` once the venue's minute candles confirm it.",
    )


def nothing_failed(history: History, series: Series) -> dg.AssetCheckResult:
    """Is any hour of the whole series left failed?"""
    failed = history.store.failed_hours(series.name)
    rows = [(iso(hour.hour_us), hour.reason, str(hour.attempts)) for hour in failed]
    days = sorted({us_day(hour.hour_us) for hour in failed})
    again = (
        f"candlewick backfill {series.name} --from {days[0]} --to {days[-1] + timedelta(days=1)}"
        if days
        else ""
    )
    return _result(
        NOTHING_FAILED,
        rows,
        ("hour", "why", "attempts"),
        good="No hour of the series is left failed.",
        bad=f"{len(failed)} hours of {len(days)} days could not be had. They are asked for again, "
        f"later each time. To ask now: `{again}`. If the reason names a fault of the bytes, the venue's file "
        "itself is damaged: `candlewick decode` shows what is in it.",
    )


def equals_published(series: Series, landed: Sequence[LandedDay]) -> dg.AssetCheckResult:
    """Is what landed what was published?"""
    from candlewick.history import rebuild_command  # noqa: PLC0415

    rows = [(iso(us),) for day in landed for us in day.different]
    wrong = [day.day for day in landed if day.different]
    again = rebuild_command(series, wrong, from_archive=True) if wrong else ""
    hours, ticks = sum(day.hours for day in landed), sum(day.ticks for day in landed)
    return _result(
        EQUALS_PUBLISHED,
        rows,
        ("hour",),
        good=f"{hours} hours with {ticks:,} ticks are as they were published.",
        bad=f"{len(rows)} hours are stored with other content than they were published with. `{again}` "
        "publishes them anew; `candlewick doctor` checks the disk.",
    )


def equal_recount(
    history: History, series: Series, level: Level, days: Sequence[date]
) -> tuple[Mapping[date, int], dg.AssetCheckResult]:
    """Do stored candles equal a recount? Also how many there are, by day."""
    from candlewick.history import rebuild_command  # noqa: PLC0415
    from candlewick.verify import recount_daily, recount_intraday  # noqa: PLC0415

    if level is Level.INTRADAY:
        kind, recounted = ProofKind.RECOUNT_INTRADAY, list(recount_intraday(history.store, series, days))
    else:
        kind = ProofKind.RECOUNT_DAILY
        recounted = list(recount_daily(history.store, series, days, from_ticks=False))
    history.store.note_proofs(series.name, kind, [one.proof for one in recounted], checked_us=history.clock())
    counts = {one.proof.day: one.candles for one in recounted}
    good = f"Candles of {', '.join(level.timeframes)} of {_span(days)} equal a recount."
    return counts, _of_proofs(
        history,
        series,
        EQUAL_RECOUNT,
        kind,
        good,
        remedy=f"`{rebuild_command(series, days)}` makes those of this run anew from ticks.",
    )


def venue_check(collected: Collected) -> dg.AssetChecksDefinition:
    """Compares the final days of a run with the venue's own candles; without a run's days, the last seven."""
    series = collected.series

    @dg.asset_check(
        asset=dg.AssetKey(asset_path(series, Stage.CANDLES_INTRADAY)),
        name=EQUALS_VENUE,
        description=_DESCRIPTIONS[EQUALS_VENUE],
        pool=FETCH_POOL,
    )
    def equals_venue(
        context: dg.AssetCheckExecutionContext, history: dg.ResourceParam[History]
    ) -> dg.AssetCheckResult:
        with patiently(patience.FETCH, context):
            days = _days_of_run(context.run.tags) or _recent(history.clock())
            proofs = _compare(history, series, [day for day in days if day >= collected.first_day])
            history.store.note_proofs(series.name, ProofKind.VENUE, proofs, checked_us=history.clock())
            compared = [proof for proof in proofs if proof.holds is not None]
            reasons = sorted({proof.detail for proof in proofs if proof.holds is None})
            good = f"{len(compared)} of {len(proofs)} days of this run were compared and are equal."
            if reasons:
                good += f" Not compared: {'; '.join(reasons)}."
            return _of_proofs(
                history,
                series,
                EQUALS_VENUE,
                ProofKind.VENUE,
                good,
                remedy="The venue may have corrected its ticks or its candles since: `candlewick backfill "
                f"{series.name} --from DAY --to NEXT_DAY` asks for both again.",
            )

    return equals_venue


def _compare(history: History, series: Series, days: Sequence[date]) -> list[Proof]:
    """Several days at a time: the pace is the limiter's, the rest is waiting."""
    from candlewick.verify import against_venue  # noqa: PLC0415

    def one(day: date) -> Proof:
        return against_venue(history.store, history.venue, series, day, history.clock())

    with ThreadPoolExecutor(_DAYS_AT_ONCE) as pool:
        return list(pool.map(one, days))


def _days_of_run(tags: Mapping[str, str]) -> list[date]:
    first = tags.get(RANGE_START_TAG) or tags.get(PARTITION_TAG)
    last = tags.get(RANGE_END_TAG) or first
    return days_between(date.fromisoformat(first), date.fromisoformat(last)) if first and last else []


def _recent(at_us: int) -> list[date]:
    today = us_day(at_us)
    return days_between(today - timedelta(days=_RECENT_DAYS), today)


def _of_proofs(
    history: History, series: Series, name: str, kind: ProofKind, good: str, *, remedy: str
) -> dg.AssetCheckResult:
    broken: list[Proof] = history.store.broken_proofs(series.name, kind)
    held, failed, open_days = history.store.count_proofs(series.name, kind)
    result = _result(
        name,
        [(proof.day.isoformat(), proof.detail) for proof in broken],
        ("day", "what differs"),
        good=good,
        bad=f"{len(broken)} days differ. {remedy}",
    )
    numbers = {"days_proved": held, "days_differing": failed, "days_not_compared": open_days}
    return dg.AssetCheckResult(
        passed=result.passed,
        check_name=result.check_name,
        description=result.description,
        metadata={**result.metadata, **numbers},
    )


def _result(
    name: str, rows: Sequence[Sequence[str]], header: Sequence[str], *, good: str, bad: str
) -> dg.AssetCheckResult:
    metadata: dict[str, dg.MetadataValue] = {}
    if rows:
        lines = [f"| {' | '.join(header)} |", "|" + " --- |" * len(header)]
        lines += [f"| {' | '.join(row)} |" for row in rows[:_SHOWN]]
        if len(rows) > _SHOWN:
            lines.append(f"\nand {len(rows) - _SHOWN} more")
        metadata["what"] = dg.MetadataValue.md("\n".join(lines))
    return dg.AssetCheckResult(
        passed=not rows, check_name=name, description=bad if rows else good, metadata=metadata
    )


def _span(days: Sequence[date]) -> str:
    if not days:
        return "no day"
    return str(days[0]) if len(days) == 1 else f"{days[0]} to {days[-1]}"
