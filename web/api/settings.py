"""`/api/settings`: what is set, and whether it can be reached."""

from dataclasses import asdict
from functools import partial

from fastapi import APIRouter, Response
from pydantic import BaseModel, ConfigDict

from candlewick import connections
from candlewick.connections import Target
from candlewick.settings import Settings
from web.errors import answer
from web.services import Given
from web.settings_view import listed

router = APIRouter(prefix="/api/settings", tags=["settings"])


class Question(BaseModel):
    """What is to be asked."""

    model_config = ConfigDict(extra="forbid")

    what: Target


@router.get("")
async def list_settings(given: Given) -> Response:
    """Every setting, where it comes from, and its value where that is no secret."""
    return answer({"settings": listed(given.settings, Settings.sources())})


@router.post("/test")
async def test_connection(question: Question, given: Given) -> Response:
    """Asks a venue or a server whether it can be used as it is set."""
    found = await given.run(partial(connections.ask, given.settings, question.what))
    return answer(asdict(found))
