"""What the handlers share: made when the server starts, closed when it ends."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from candlewick.settings import Settings
from web.bars import Charts
from web.catalogue import Catalogue
from web.database import Database
from web.hour_maps import HourMaps
from web.jobs import Jobs


@dataclass(frozen=True, slots=True)
class Services:
    settings: Settings
    database: Database
    catalogue: Catalogue
    maps: HourMaps
    charts: Charts
    jobs: Jobs


def _services(request: Request) -> Services:
    found: Services = request.app.state.services
    return found


Given = Annotated[Services, Depends(_services)]
"""A handler's parameter of this type is the services."""
