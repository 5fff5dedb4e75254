"""Asking Dagster for the history of a span, the youngest month first: that is what people look at."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

from candlewick import pipeline
from candlewick.backfill import end, launch_all, plan
from candlewick.control.steps import Report, StepName, nobody, step
from candlewick.dagster_client import DagsterClient, dagster_url
from candlewick.errors import CandlewickError
from candlewick.history import History
from candlewick.hours import FINAL_STATES
from candlewick.instruments import Series
from candlewick.live.wanted import is_live
from candlewick.store import Store
from candlewick.times import DAY_US, HOUR_US, day_us, iso, now_us, us_day


@dataclass(frozen=True, slots=True)
class Launched:
    """Runs that were asked for: the days that they cover, and when, microseconds since 1970."""

    series: Series
    days: Sequence[date]
    began_us: int
    run_ids: Sequence[str]
    url: str


def wanted_days(
    store: Store, series: Series, start_us: int, end_us: int, *, only_missing: bool
) -> list[date]:
    """The days of a span that can be asked for: from the first tick on, until today.

    Raises:
        CandlewickError: there is no such day.
    """
    last_us = min(end_us - 1, now_us())
    days = pipeline.partition_days(series, us_day(start_us), us_day(last_us)) if last_us >= start_us else []
    if not days:
        raise CandlewickError(
            f"{series.name} has no trading day from {iso(start_us)} to {iso(end_us)}",
            f"its first tick is of {pipeline.first_day(series)}; a day is one once it has begun",
        )
    if not only_missing:
        return days
    rows = store.coverage(series.name, day_us(days[0]), day_us(days[-1]) + DAY_US)
    holes = {us_day(row.hour_us) for row in rows if row.hole and row.state not in FINAL_STATES}
    return [day for day in days if day in holes]


def backfill(
    history: History,
    series: Series,
    start_us: int,
    end_us: int,
    *,
    only_missing: bool = True,
    report: Report = nobody,
) -> Launched:
    """Asks Dagster for the days of a span, a run a month; returns once all are asked for.

    Raises:
        CandlewickError: nothing of the series can be asked for so, or Dagster does not answer.
    """
    with step(report, StepName.BACKFILL, f"asking for {series.name}") as going:
        if is_live(series):
            raise CandlewickError(
                f"{series.venue} gives no history of {series.name} through Dagster",
                f"`candlewick backfill {series.name} --from ... --to ...` asks for older trades",
            )
        days = wanted_days(history.store, series, start_us, end_us, only_missing=only_missing)
        return _launch(history, series, days, going.say)


def repair(history: History, series: Series, *, report: Report = nobody) -> Launched:
    """Asks again for every day that has a pending or failed hour, from the first stored one on.

    Raises:
        CandlewickError: as of `backfill`.
    """
    asked = history.store.day_requests(series.name, date(1990, 1, 1), us_day(now_us() + DAY_US))
    failed = [one.hour_us for one in history.store.failed_hours(series.name)]
    first_us = min([*failed, *map(day_us, asked)], default=now_us() - DAY_US)
    return backfill(history, series, first_us, now_us() - HOUR_US, report=report)


def cancel(history: History, series: Series, *, report: Report = nobody) -> int:
    """Ends all runs of a series that wait or work; returns how many, once they have ended or, after
    `HEARING_S`, count as ended: a process may then still finish the days that it is about.

    What they have stored stays. Days that they had not come to may be asked for again.

    Raises:
        CandlewickError: Dagster does not answer, or a run does not end.
    """
    if is_live(series):
        return 0
    with (
        step(report, StepName.BACKFILL, f"runs of {series.name} are ended") as going,
        DagsterClient(dagster_url(history.settings)) as dagster,
    ):
        ended: set[str] = set()

        def active() -> list[str]:
            return [run.run_id for run in dagster.active(series.name)]

        for left in end(dagster, active):
            ended.update(left)
            going.say(f"{len(ended) - len(left)} of {len(ended)} runs of {series.name} have ended")
        going.say(f"{len(ended)} runs of {series.name} were ended" if ended else "no run is under way")
        return len(ended)


def _launch(history: History, series: Series, days: Sequence[date], say: Callable[[str], None]) -> Launched:
    job = plan(series, days, recheck=False)
    job.chunks.reverse()
    began_us = now_us()
    run_ids: list[str] = []
    with DagsterClient(dagster_url(history.settings)) as dagster:
        for chunk in launch_all(job, dagster):
            run_ids.append(chunk.run_id)
            say(f"{series.name}: {len(run_ids)} of {len(job.chunks)} months asked for, {len(days)} days")
        if not job.chunks:
            say(f"{series.name}: nothing is missing")
        if job.cancelled:
            say(f"{series.name}: cancelled after {len(run_ids)} of {len(job.chunks)} months")
        return Launched(series, days, began_us, run_ids, dagster.url)
