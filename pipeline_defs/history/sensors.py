"""The sensor that asks for days as their hours come out, and the one that ends dead runs."""

from collections.abc import Mapping, Sequence

import dagster as dg

from candlewick import access
from candlewick.dukascopy.availability_messages import Request as Question
from candlewick.dukascopy.availability_messages import State
from candlewick.errors import CandlewickError
from candlewick.instruments import DUKASCOPY, Series
from candlewick.pipeline import (
    REASON_TAG,
    RECHECK_TAG,
    SERIES_TAG,
    Stage,
    asset_path,
    range_tags,
)
from candlewick.settings import Settings
from candlewick.store import Store
from candlewick.times import HOUR_US, now_us
from pipeline_defs import runs
from pipeline_defs.catalogue import Catalogue
from pipeline_defs.history import wanted
from pipeline_defs.history.status import days_to_look_at
from pipeline_defs.history.wanted import NO_RUNS, Answers, DayStatus, Leave, Want
from pipeline_defs.recover import end_dead_runs, lock_folder

# Runs asked for in one tick; the rest follows in the next ones.
MOST_REQUESTS = 20

# Dagster gives a tick 60 s.
CHECKER_DEADLINE_S = 25.0
INTERVAL_S = 30
RECOVERY_INTERVAL_S = 15

Statuses = Mapping[Series, Sequence[DayStatus]]


def job_name(series: Series) -> str:
    """The job that makes all stages of a series."""
    return series.name.replace(":", "_")


def new_hours(catalogue: Catalogue) -> dg.SensorDefinition:
    """Asks for the days of every collected series that are wanted now, and says why for all others."""
    collected = [one for one in catalogue.collected if one.series.venue == DUKASCOPY]

    jobs = [
        dg.define_asset_job(
            job_name(one.series),
            selection=dg.AssetSelection.assets(*(asset_path(one.series, stage) for stage in Stage)),
            description=f"All stages of {one.title}: from what the venue has published to candles.",
            tags={SERIES_TAG: one.series.name},
        )
        for one in collected
    ]

    @dg.sensor(
        name="new_hours",
        description="Asks which hours the venue has published and requests a run for each day that is due.",
        jobs=jobs,
        minimum_interval_seconds=INTERVAL_S,
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        if not collected:
            why = catalogue.problem or "`candlewick add EUR/USD` adds one"
            return dg.SkipReason(f"no series is collected here: {why}")
        settings, at_us = Settings(), now_us()
        by_day = runs.runs_by_day(context.instance)
        try:
            with Store(access.database_url(settings)) as store:
                # Asked for at each tick: a series that is paused rests at once.
                at_work = {series.name for series in store.wanted_series()}
                statuses = {
                    one.series: days_to_look_at(store, one, runs.failed_days(by_day, one.series), at_us)
                    for one in collected
                    if one.series.name in at_work
                }
        except CandlewickError as error:
            return dg.SkipReason(str(error))
        answers, notes = ask(settings, statuses, at_us)
        for note in notes:
            # In the tick's log, since a tick that requests runs has no other place for it.
            context.log.warning(note)
        requests, left = verdicts(statuses, answers, by_day, at_us)
        if requests:
            return dg.SensorResult(run_requests=requests[:MOST_REQUESTS])
        return dg.SkipReason("\n".join([*notes, wanted.explain(left)]))

    return sensor


def ask(settings: Settings, statuses: Statuses, at_us: int) -> tuple[dict[Series, Answers], list[str]]:
    """Which of the hours in question are out, and what a person should know of the asking."""
    questions = {
        series: frozenset[int]().union(*(wanted.hours_in_question(status, at_us) for status in days))
        for series, days in statuses.items()
    }
    asked = {series: hours for series, hours in questions.items() if hours}
    if not asked:
        return {}, []
    everything = frozenset[int]().union(*asked.values())
    # boto3 and its kin are a sensor's only: no run process loads them.
    from candlewick.dukascopy.checker import check  # noqa: PLC0415
    from candlewick.dukascopy.limiter import DatabaseLimiter  # noqa: PLC0415

    try:
        question = Question(
            tuple(series.symbol for series in asked),
            min(everything),
            max(everything) + HOUR_US,
            in_order=True,
            deadline_s=CHECKER_DEADLINE_S,
        )
        with DatabaseLimiter(access.database_url(settings), settings) as limiter:
            response = check(settings, question, limiter)
    except Exception as error:  # noqa: BLE001  (whatever ails the checker, it may not stop ingestion)
        # As if nobody had answered: hours are taken to be out some time after their end.
        unanswered = {series: Answers(unknown=hours) for series, hours in asked.items()}
        unforeseen = "" if isinstance(error, CandlewickError) else f"{type(error).__name__}: "
        why = f"{unforeseen}{error}".partition("\n")[0]
        return unanswered, [f"which hours are out could not be asked: {why}"]
    answers = {
        series: Answers(
            out=hours & frozenset(response.hours_in(series.symbol, State.OUT, State.EMPTY)),
            unknown=hours & frozenset(response.hours_in(series.symbol, State.UNKNOWN)),
        )
        for series, hours in asked.items()
    }
    return answers, list(response.notes)


def verdicts(
    statuses: Statuses, answers: Mapping[Series, Answers], by_day: runs.RunsByDay, at_us: int
) -> tuple[list[dg.RunRequest], dict[str, list[Leave]]]:
    """The runs to ask for, and the days that are left alone with the reason."""
    requests: list[dg.RunRequest] = []
    left: dict[str, list[Leave]] = {}
    for series, days in statuses.items():
        wants: list[Want] = []
        for status in days:
            covered = by_day.get((series.name, status.day), NO_RUNS)
            verdict = wanted.decide(series.name, status, covered, answers.get(series, Answers()), at_us)
            if isinstance(verdict, Want):
                wants.append(verdict)
            else:
                left.setdefault(series.name, []).append(verdict)
        asked_for = wanted.requests(series.name, [status.day for status in days], wants)
        requests += [_run_request(series, request) for request in asked_for]
    return requests, left


def _run_request(series: Series, request: wanted.Request) -> dg.RunRequest:
    tags = {
        SERIES_TAG: series.name,
        REASON_TAG: request.reason,
        RECHECK_TAG: "true" if request.recheck else "false",
    }
    return dg.RunRequest(
        run_key=request.key,
        job_name=job_name(series),
        tags=tags | range_tags(request.first, request.last),
    )


@dg.sensor(
    name="dead_runs",
    description="Ends runs whose process died without a word, so that they are asked for again.",
    minimum_interval_seconds=RECOVERY_INTERVAL_S,
    default_status=dg.DefaultSensorStatus.RUNNING,
)
def dead_runs(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """Every quarter of a minute; requests nothing itself, `run_retries` does."""
    ended = end_dead_runs(context.instance, lock_folder(Settings()))
    if ended:
        return dg.SkipReason(
            f"ended {', '.join(ended)}: their processes are gone; Dagster asks for them again"
        )
    return dg.SkipReason("every run at work has its process")
