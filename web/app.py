"""The application: who may ask, what there is to ask, and what is opened and closed around it."""

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Response
from limits import RateLimitItemPerMinute
from starlette.middleware import Middleware

from candlewick import access
from candlewick.settings import Settings
from web import errors, static
from web.api import chart, health, instruments, jobs, series
from web.api import settings as settings_api
from web.bars import Charts
from web.catalogue import Catalogue
from web.database import Database
from web.guards import Guard
from web.health_view import HealthView
from web.hour_maps import HourMaps
from web.jobs import Jobs
from web.live.fan_out import FanOut
from web.series_view import SeriesView
from web.services import Services
from web.staleness import Staleness
from web.under_way import UnderWay

CHANGES_A_MINUTE = 120


def create(settings: Settings, *, changes_a_minute: int = CHANGES_A_MINUTE) -> FastAPI:
    """The application of one installation; a client may ask for so many changes a minute.

    Raises:
        CandlewickError: the home has not been prepared yet.
    """
    database = Database(access.database_url(settings, access.READER))

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        catalogue, maps, running = Catalogue(database), HourMaps(database), Jobs()
        staleness, live, under_way = Staleness(settings), FanOut(settings), UnderWay(settings)
        app.state.services = Services(
            settings,
            database,
            catalogue,
            maps,
            Charts(database, catalogue, maps),
            running,
            staleness,
            under_way,
            SeriesView(
                settings,
                database=database,
                catalogue=catalogue,
                maps=maps,
                jobs=running,
                staleness=staleness,
                under_way=under_way,
            ),
            HealthView(settings),
            live,
        )
        await database.open()
        # What lives as long as the server is not looked through again and again: a pause of 20 ms each time.
        gc.freeze()
        try:
            yield
        finally:
            live.close()
            running.close()
            await database.close()

    app = FastAPI(
        title="Candlewick",
        version="1",
        description="Settings and charts. Times are microseconds since 1970, UTC; see docs/http-api.md.",
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        lifespan=lifespan,
        middleware=[
            Middleware(static.SecurityHeaders),
            Middleware(
                Guard,
                port=settings.ports.web,
                token=access.web_token(settings),
                changes=RateLimitItemPerMinute(changes_a_minute),
            ),
        ],
    )
    errors.register(app)
    for module in (chart, series, jobs, instruments, health, settings_api):
        app.include_router(module.router)
    app.add_api_route("/", _document, methods=["GET"], include_in_schema=False)
    app.add_api_route("/settings", _document, methods=["GET"], include_in_schema=False)
    app.add_api_route("/{path:path}", _file, methods=["GET"], include_in_schema=False)
    return app


async def _document() -> Response:
    return static.document()


async def _file(path: str) -> Response:
    return static.file(path)
