"""What Dagster loads: the assets of every collected series, of the sinks and the buttons, checks, sensors.

Which series are collected is read from the database each time this is loaded; "Reload" on Dagster's pages,
or `candlewick add`, shows a new one.
"""

import dagster as dg

from candlewick.settings import Settings
from pipeline_defs import catalogue
from pipeline_defs.history.assets import history_assets
from pipeline_defs.history.checks import venue_check
from pipeline_defs.history.resources import history
from pipeline_defs.history.sensors import dead_runs, new_hours
from pipeline_defs.live.assets import live_assets, sink_assets
from pipeline_defs.live.checks import live_checks
from pipeline_defs.live.restart_assets import restart_assets
from pipeline_defs.live.sensors import live_streams


def build(known: catalogue.Catalogue, settings: Settings | None = None) -> dg.Definitions:
    """The definitions of a catalogue; the settings tell the addresses that its pages show."""
    settings = settings or Settings()
    return dg.Definitions(
        assets=[
            *(asset for one in known.history for asset in history_assets(one)),
            *live_assets(known.live, settings),
            *sink_assets(known.history, known.live),
            *restart_assets(),
        ],
        asset_checks=[
            *(venue_check(one) for one in known.history),
            *live_checks(sorted({one.series.venue for one in known.live})),
        ],
        sensors=[new_hours(known), live_streams(known), dead_runs],
        resources={"history": history},
        # A process per step would cost a second each and could not share a Pulsar client.
        executor=dg.in_process_executor,
    )


@dg.definitions
def defs() -> dg.Definitions:
    settings = Settings()
    return build(catalogue.read(settings), settings)
