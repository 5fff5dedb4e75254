"""What Dagster loads: the assets of every collected series, their checks, sensors and resources.

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


def build(known: catalogue.Catalogue) -> dg.Definitions:
    """The definitions of a catalogue."""
    return dg.Definitions(
        assets=[asset for one in known.collected for asset in history_assets(one)],
        asset_checks=[venue_check(one) for one in known.collected],
        sensors=[new_hours(known), dead_runs],
        resources={"history": history},
        # A process per step would cost a second each and could not share a Pulsar client.
        executor=dg.in_process_executor,
    )


@dg.definitions
def defs() -> dg.Definitions:
    return build(catalogue.read(Settings()))
