"""What the assets of history work with."""

from collections.abc import Iterator

import dagster as dg

from candlewick.history import History
from candlewick.settings import Settings
from pipeline_defs.recover import alive, lock_folder


@dg.resource(description="The stages of history, one object per run: one database pool, one Pulsar client.")
def history(context: dg.InitResourceContext) -> Iterator[History]:
    """Holds the run's lock as well, by which `pipeline_defs.recover` tells a working run from a dead one."""
    settings = Settings()
    with alive(lock_folder(settings), context.run_id or "no-run"), History(settings) as stages:
        yield stages
