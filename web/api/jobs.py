"""`/api/jobs`: what becomes of a change."""

from collections.abc import AsyncIterator

from fastapi import APIRouter, Response

from web import events
from web.errors import answer
from web.services import Given

router = APIRouter(prefix="/api/jobs", tags=["jobs"])


@router.get("/{job_id}")
async def show_job(job_id: str, given: Given) -> Response:
    """A job with its steps so far."""
    return answer(given.jobs.get(job_id).as_json())


@router.get("/{job_id}/events")
async def follow_job(job_id: str, given: Given) -> Response:
    """The same as events, at each change, until it has ended."""
    job = given.jobs.get(job_id)

    async def messages() -> AsyncIterator[bytes]:
        async for state in given.jobs.changes(job):
            yield events.message("job", state)

    return events.stream(messages())
