"""Errors as they reach a page: what is wrong, what to do, and never a stack trace."""

import logging
from collections.abc import Mapping
from typing import Any

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from candlewick.broker import BusError
from candlewick.bus_admin import BusAdminError
from candlewick.errors import CandlewickError
from candlewick.instruments import UnknownInstrumentError
from candlewick.store import DatabaseUnavailableError, UnknownSeriesError
from web.catalogue import UnknownSubjectError
from web.jobs import UnknownJobError
from web.live.fan_out import TooManyListenersError

RETRY_S = 2

_log = logging.getLogger("candlewick.web")

_NOT_FOUND = (UnknownInstrumentError, UnknownSeriesError, UnknownSubjectError, UnknownJobError)
_AWAY = (DatabaseUnavailableError, BusAdminError, BusError, TooManyListenersError)


def status_of(error: CandlewickError) -> int:
    """404 for what is not here, 503 for a server of ours that is away, 400 for the rest."""
    if isinstance(error, _NOT_FOUND):
        return 404
    return 503 if isinstance(error, _AWAY) else 400


def body_of(error: CandlewickError) -> dict[str, Any]:
    """The same shape everywhere: `error`, `remedy`, and `candidates` of an unknown or ambiguous symbol."""
    body: dict[str, Any] = {"error": error.problem, "remedy": error.remedy}
    if isinstance(error, UnknownInstrumentError):
        body["candidates"] = [one.name for one in error.candidates]
    return body


def answer(body: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """JSON, of numpy columns too."""
    content = orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY)
    return Response(content, status, headers=dict(headers or {}), media_type="application/json")


def _of_candlewick(request: Request, error: Exception) -> Response:
    assert isinstance(error, CandlewickError)  # noqa: S101 (registered for these only)
    status = status_of(error)
    headers = {}
    if status == 503:
        _log.warning("%s %s waits for a server: %s", request.method, request.url.path, error.problem)
        headers = {"Retry-After": str(RETRY_S)}
    return answer(body_of(error), status, headers)


def _of_validation(_request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101
    first = error.errors()[0]
    place = ".".join(str(one) for one in first["loc"] if one not in {"query", "path", "body"})
    said = f"{place}: {first['msg']}" if place else str(first["msg"])
    return answer({"error": said, "remedy": "/api/openapi.json says what may be asked for"}, 422)


def _of_http(_request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101
    remedy = "/api/openapi.json says what may be asked for"
    return answer({"error": str(error.detail), "remedy": remedy}, error.status_code, error.headers)


def _of_anything(request: Request, error: Exception) -> Response:
    _log.error("%s %s failed", request.method, request.url.path, exc_info=error)
    body = {"error": "something unforeseen happened", "remedy": "logs/web.log of the home has it"}
    return answer(body, 500)


def register(app: FastAPI) -> None:
    """Makes an application answer errors so."""
    app.add_exception_handler(CandlewickError, _of_candlewick)
    app.add_exception_handler(RequestValidationError, _of_validation)
    app.add_exception_handler(HTTPException, _of_http)
    app.add_exception_handler(Exception, _of_anything)
