"""The assets that start a worker or a sink anew: the sensor's hand, and a button for people."""

import dagster as dg

from candlewick import topics
from candlewick.errors import CandlewickError
from candlewick.instruments import Kind
from candlewick.pipeline import BY_HAND, REASON_TAG
from candlewick.settings import Settings
from candlewick.watch.restart import NAMES, restart
from pipeline_defs.history.assets import Result
from pipeline_defs.live.names import OWNERS, RESTART_GROUP, restart_key
from pipeline_defs.recover import alive, lock_folder

_SINKS = {topics.sink_name(kind) for kind in Kind}

RUN_TAGS = {
    # A restart that fails is the sensor's to ask for again, later each time.
    "dagster/max_retries": "0",
    # Before all that waits: a stuck worker loses what its venue cannot give again.
    "dagster/priority": "100",
}


class RestartConfig(dg.Config):
    """What may be chosen when it is pressed."""

    even_if_well: bool = False


def restart_assets() -> list[dg.AssetsDefinition]:
    """One for each worker and sink."""
    return [_restart(name) for name in NAMES]


def _restart(name: str) -> dg.AssetsDefinition:
    what = "sink" if name in _SINKS else "worker"

    @dg.asset(
        key=restart_key(name),
        description=f"Materialise it to start the {what} `{name}` anew. One that is well, or was started "
        "just now, is left alone, so that pressing twice does no harm; `even_if_well: true` in the "
        f"launchpad insists. The sensor `live_streams` presses it when the {what} is stuck. "
        f"`candlewick restart {name}` does the same.",
        group_name=RESTART_GROUP,
        owners=OWNERS,
        kinds={"pulsar"} if name in _SINKS else {"python"},
    )
    def start_anew(context: dg.AssetExecutionContext, config: RestartConfig) -> Result:
        settings = Settings()
        with alive(lock_folder(settings), context.run.run_id):
            try:
                done = restart(settings, name, even_if_well=config.even_if_well)
            except CandlewickError as error:
                raise dg.Failure(str(error), allow_retries=False) from error
        context.log.info("%s: %s", name, done.text)
        return dg.MaterializeResult(
            metadata={
                "what was done": done.text,
                "why": context.run.tags.get(REASON_TAG, BY_HAND),
                "restarted": done.done,
                "seconds": done.seconds,
                "process before": done.old_pid,
                "process now": done.new_pid,
            }
        )

    return start_anew
