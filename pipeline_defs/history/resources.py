"""What the assets of history work with."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import dagster as dg

from candlewick.settings import Settings
from pipeline_defs.recover import alive, lock_folder

if TYPE_CHECKING:
    from candlewick.history import History
else:
    History = Any


@dg.resource(description="The stages of history, one object per run: one database pool, one Pulsar client.")
def history(context: dg.InitResourceContext) -> Iterator[History]:
    """Holds the run's lock as well, by which `pipeline_defs.recover` tells a working run from a dead one."""
    from candlewick import history as stages_of  # noqa: PLC0415  (see `assets.py`)

    settings = Settings()
    with alive(lock_folder(settings), context.run_id or "no-run"), stages_of.History(settings) as stages:
        yield stages
