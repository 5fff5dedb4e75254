"""Backfills that Dagster has under way, whoever asked for them: the page, a command, or its own sensor."""

import asyncio
from collections.abc import Sequence

from async_lru import alru_cache

from candlewick import pipeline
from candlewick.control import Launched
from candlewick.dagster_client import ActiveRun, DagsterClient, dagster_url
from candlewick.errors import CandlewickError
from candlewick.instruments import Series
from candlewick.settings import Settings

FRESH_S = 4.0
PATIENCE_S = 2.0


def under_way(series: Series, runs: Sequence[ActiveRun], url: str) -> Launched | None:
    """The days of a series that runs wait for or work on; None for none. Pure."""
    mine = [one for one in runs if one.series == series.name]
    if not mine:
        return None
    days = {day for one in mine for day in pipeline.partition_days(series, one.first, one.last)}
    return Launched(
        series, sorted(days), min(one.asked_us for one in mine), [one.run_id for one in mine], url
    )


class UnderWay:
    """Asks Dagster, every few seconds while somebody looks; belongs to one event loop."""

    def __init__(self, settings: Settings) -> None:
        self._url = dagster_url(settings)
        self._runs = alru_cache(maxsize=1, ttl=FRESH_S)(self._ask)

    async def of(self, series: Series) -> Launched | None:
        """What is under way of a series; None also where Dagster does not answer, which the strip tells."""
        return under_way(series, await self._runs(), f"{self._url}/runs")

    def forget(self) -> None:
        """Asks anew when it is next needed, for something was changed."""
        self._runs.cache_clear()

    async def _ask(self) -> list[ActiveRun]:
        try:
            return await asyncio.wait_for(asyncio.to_thread(self._read), PATIENCE_S)
        except (CandlewickError, TimeoutError):
            return []

    def _read(self) -> list[ActiveRun]:
        with DagsterClient(self._url, timeout_s=PATIENCE_S) as dagster:
            return dagster.active()
