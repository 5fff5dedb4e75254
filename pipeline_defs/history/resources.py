"""What the assets of history work with."""

from collections.abc import Generator

import dagster as dg

from candlewick.history import History
from candlewick.settings import Settings
from pipeline_defs.recover import alive, lock_folder


class HistoryResource(dg.ConfigurableResourceFactory[History]):
    """The stages of history, one object per run: one database pool, one Pulsar client.

    Holds the run's lock as well, by which `pipeline_defs.recover` tells a working run from a dead one.
    """

    @staticmethod
    def _settings() -> Settings:
        return Settings()

    def yield_resource(self, context: dg.InitResourceContext) -> Generator[History, None, None]:
        settings = self._settings()
        with alive(lock_folder(settings), context.run_id or "no-run"), History(settings) as history:
            yield history
