"""What the handlers share: made when the server starts, closed when it ends."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, TypeVar

from fastapi import Depends, Request

from candlewick.settings import Settings
from web.bars import Charts
from web.catalogue import Catalogue
from web.database import Database
from web.health_view import HealthView
from web.hour_maps import HourMaps
from web.jobs import Jobs
from web.live.fan_out import FanOut
from web.series_view import SeriesView
from web.staleness import Staleness
from web.under_way import UnderWay

Answer = TypeVar("Answer")


@dataclass(frozen=True, slots=True)
class Services:
    settings: Settings
    database: Database
    catalogue: Catalogue
    maps: HourMaps
    charts: Charts
    jobs: Jobs
    staleness: Staleness
    under_way: UnderWay
    series: SeriesView
    health: HealthView
    live: FanOut

    async def run(self, work: Callable[[], Answer]) -> Answer:
        """Work that waits for servers, in a thread of its own."""
        return await asyncio.to_thread(work)


async def _services(request: Request) -> Services:
    # Asynchronous: what is not is run in a thread of its own, for each request.
    found: Services = request.app.state.services
    return found


Given = Annotated[Services, Depends(_services)]
"""A handler's parameter of this type is the services."""
