"""`/api/jobs`: what becomes of a change."""

from collections.abc import AsyncIterator

from fastapi import APIRouter, Response

from candlewick.errors import CandlewickError
from web import events
from web.errors import answer
from web.jobs import Job
from web.services import Given

router = APIRouter(prefix="/api/jobs", tags=["jobs"])


class UnknownJobError(CandlewickError):
    """There is no such job any more."""


def _job(given: Given, job_id: str) -> Job:
    job = given.jobs.get(job_id)
    if job is None:
        raise UnknownJobError(
            "there is no such job", "the server has been restarted since: look at the series"
        )
    return job


@router.get("/{job_id}")
async def show_job(job_id: str, given: Given) -> Response:
    """A job with its steps so far."""
    return answer(_job(given, job_id).as_json())


@router.get("/{job_id}/events")
async def follow_job(job_id: str, given: Given) -> Response:
    """The same as events, at each change, until it has ended."""
    job = _job(given, job_id)

    async def messages() -> AsyncIterator[bytes]:
        async for state in given.jobs.changes(job):
            yield events.message("job", state)

    return events.stream(messages())
