"""`/api/health`: how the platform is."""

from collections.abc import AsyncIterator

from fastapi import APIRouter, Response

from web import events
from web.errors import answer
from web.services import Given

router = APIRouter(prefix="/api/health", tags=["health"])


@router.get("")
async def show_health(given: Given) -> Response:
    """Broker, database, Dagster, each worker, each sink."""
    return answer(await given.health.now())


@router.get("/events")
async def follow_health(given: Given) -> Response:
    """The same as events, every two seconds."""

    async def messages() -> AsyncIterator[bytes]:
        async for state in given.health.changes():
            yield events.message("health", state)

    return events.stream(messages())
