"""`/api/health`: how the platform is; `/metrics`: the same of its workers, for Prometheus."""

from collections.abc import AsyncIterator

from fastapi import APIRouter, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST

from web import events, metrics_view
from web.errors import answer
from web.services import Given

router = APIRouter(tags=["health"])


@router.get("/api/health")
async def show_health(given: Given) -> Response:
    """Broker, database, Dagster, each worker, each sink."""
    return answer(await given.health.now())


@router.get("/api/health/events")
async def follow_health(given: Given) -> Response:
    """The same as events, every two seconds."""

    async def messages() -> AsyncIterator[bytes]:
        async for state in given.health.changes():
            yield events.message("health", state)

    return events.stream(messages())


@router.get("/metrics", response_class=PlainTextResponse)
async def show_metrics(given: Given) -> Response:
    """Every worker's condition and figures in the text format of Prometheus."""
    text = await given.run(lambda: metrics_view.render(given.settings.home))
    return Response(text, media_type=CONTENT_TYPE_LATEST)
