"""The sensor that looks at the live side every 30 s: reports sparingly, judges, presses the button."""

from collections.abc import Sequence

import dagster as dg
import msgspec

from candlewick.pipeline import REASON_TAG
from candlewick.settings import Settings
from candlewick.watch.judge import Outcome, Verdicts, failures, judge
from candlewick.watch.look import Look, take
from candlewick.watch.memory import Memory
from candlewick.watch.restart import NAMES
from pipeline_defs.catalogue import Catalogue
from pipeline_defs.live.checks import evaluation, sinks, subject_key
from pipeline_defs.live.names import RESTART_JOB, restart_key
from pipeline_defs.live.observations import observation
from pipeline_defs.live.report import Reported, due_checks, due_observations
from pipeline_defs.live.restart_assets import RUN_TAGS
from pipeline_defs.live.restarts import Request, Restarts, decide

INTERVAL_S = 30
NAME = "live_streams"


class Kept(msgspec.Struct):
    """What the sensor knows of its earlier ticks: its cursor."""

    memory: Memory = msgspec.field(default_factory=Memory)
    reported: Reported = msgspec.field(default_factory=Reported)
    restarts: Restarts = msgspec.field(default_factory=Restarts)


def kept(cursor: str | None) -> Kept:
    """A cursor that another version wrote, and that cannot be read, is as none."""
    try:
        return msgspec.json.decode(cursor or "{}", type=Kept)
    except msgspec.MsgspecError:
        return Kept()


def live_streams(catalogue: Catalogue) -> dg.SensorDefinition:
    """Watches the venues of the catalogue's live series, and the sinks."""
    known = {*(one.series.venue for one in catalogue.live), *sinks()}

    job = dg.define_asset_job(
        RESTART_JOB,
        selection=dg.AssetSelection.assets(*(restart_key(name) for name in NAMES)),
        description="Starts a worker or a sink anew that is stuck.",
        tags=RUN_TAGS,
    )

    @dg.sensor(
        name=NAME,
        description="Looks at every live stream and sink: observes, checks, and has restarted what is stuck.",
        jobs=[job],
        minimum_interval_seconds=INTERVAL_S,
        default_status=dg.DefaultSensorStatus.RUNNING,
    )
    def sensor(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        state = kept(context.cursor)
        look = take(Settings())
        return tick(look, state, known)

    return sensor


def tick(look: Look, state: Kept, known: set[str]) -> dg.SensorResult:
    """What a look at the live side leads to; `state` becomes that of the next tick.

    Args:
        known: venues and sinks that have assets here.
    """
    verdicts = judge(look, state.memory)
    events: list[dg.AssetObservation | dg.AssetCheckEvaluation | dg.AssetMaterialization] = [
        observation(look, subject, subject_key(subject))
        for subject in due_observations(look, state.reported)
        if subject in known
    ]
    events += [
        evaluation(outcome)
        for outcome in due_checks(verdicts, state.reported, look.at_us)
        if outcome.subject in known
    ]
    requests, waiting = decide(look, state.memory, state.restarts)
    cursor = msgspec.json.encode(state).decode()
    if requests:
        runs = [_run(request) for request in requests]
        return dg.SensorResult(run_requests=runs, asset_events=events, cursor=cursor)
    text = "\n".join(said(look, verdicts, waiting, len(events)))
    return dg.SensorResult(skip_reason=text, asset_events=events, cursor=cursor)


def said(look: Look, verdicts: Verdicts, waiting: Sequence[str], events: int) -> list[str]:
    """For people: why this tick asks for nothing."""
    bad: list[Outcome] = [*failures(verdicts.outcomes)]
    lines = [
        f"nothing is stuck; {len(bad)} of {len(verdicts.outcomes)} checks fail, {events} events reported"
    ]
    if waiting:
        lines = [*waiting]
    if not look.series:
        lines.append("no live series is collected: `candlewick add kraken:btcusd:trades` adds one")
    lines += [f"{one.name}: {one.text}" for one in bad]
    lines += [problem for problem in (look.broker_problem, look.database_problem) if problem]
    return lines


def _run(request: Request) -> dg.RunRequest:
    return dg.RunRequest(
        run_key=request.key,
        job_name=RESTART_JOB,
        asset_selection=[restart_key(request.name)],
        tags={
            **RUN_TAGS,
            REASON_TAG: request.reason,
            "candlewick/incident": str(request.incident_us),
            "candlewick/attempt": str(request.attempt),
        },
    )
