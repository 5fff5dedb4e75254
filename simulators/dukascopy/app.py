"""The venue over HTTP, with its faults and a record of what was asked."""

import json

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from candlewick.errors import CandlewickError
from candlewick.times import iso, parse_time
from simulators.common.clock import Clock
from simulators.common.journal import Journal
from simulators.dukascopy import responses
from simulators.dukascopy.answers import Absent, Content, Source
from simulators.dukascopy.befall import befallen
from simulators.dukascopy.faults import Faults, Request, Rule
from simulators.dukascopy.paths import FAMILIES, parse

_REFERER = "https://freeserv.dukascopy.com/"


class Venue:
    """Answers requests of both families and the control requests, whose paths begin with `_`."""

    def __init__(self, source: Source, clock: Clock, faults: Faults) -> None:
        self._source = source
        self._clock = clock
        self._faults = faults
        self._journal = Journal()

    def app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/_faults", self._control_faults, methods=["GET", "PUT", "POST", "DELETE"]),
                Route("/_requests", self._control_requests, methods=["GET", "DELETE"]),
                Route("/_clock", self._control_clock, methods=["GET", "PUT", "DELETE"]),
                Route("/{path:path}", self._serve, methods=["GET"]),
            ],
            exception_handlers={CandlewickError: _refused, 405: _not_allowed},
        )

    async def _serve(self, request: HttpRequest) -> Response:
        path = request.url.path.removeprefix("/")
        resource = parse(path, request.query_params.get("from"))
        answer: Content | Absent = Absent.NOT_FOUND
        if resource is not None:
            answer = await run_in_threadpool(self._source.answer, resource, self._clock.now_us())
        family = None if resource is None else FAMILIES[type(resource)]
        plain_path = path.removeprefix("datafeed/")
        rule = self._faults.pick(
            Request(
                path=plain_path,
                family=family,
                from_browser=_from_browser(request),
                has_content=isinstance(answer, Content) and len(answer.body) > 0,
            )
        )
        response = _sound(answer, request)
        if rule is not None:
            response = befallen(rule, answer.body if isinstance(answer, Content) else b"", response)
        silent = isinstance(response, responses.Hang | responses.Reset)
        self._journal.note(
            at_us=self._clock.now_us(),
            method=request.method,
            path=plain_path,
            family="unknown" if family is None else family.value,
            status=None if silent else response.status_code,
            size=len(response.body),
            fault=None if rule is None else rule.fault.value,
        )
        return response

    async def _control_faults(self, request: HttpRequest) -> Response:
        if request.method in {"PUT", "POST"}:
            written = await _json(request)
            rules = [Rule.parse(rule) for rule in (written if isinstance(written, list) else [written])]
            if request.method == "PUT":
                self._faults.replace(rules)
            else:
                for rule in rules:
                    self._faults.add(rule)
        elif request.method == "DELETE":
            self._faults.replace([])
        return JSONResponse(self._faults.report())

    async def _control_requests(self, request: HttpRequest) -> Response:
        if request.method == "DELETE":
            self._journal.reset()
        limit = request.query_params.get("limit", "100")
        if not limit.isdecimal():
            raise CandlewickError(f"limit {limit!r} is no number")
        return JSONResponse(self._journal.report(request.query_params.get("path", "*"), int(limit)))

    async def _control_clock(self, request: HttpRequest) -> Response:
        if request.method == "PUT":
            written = await _json(request)
            if not isinstance(written, dict) or not isinstance(written.get("now"), str):
                raise CandlewickError(
                    "no time given", 'send {"now": "2019-02-05T12:00:00Z", "running": false}'
                )
            self._clock.set(parse_time(written["now"]), running=bool(written.get("running", False)))
        elif request.method == "DELETE":
            self._clock.set(None)
        return JSONResponse({"now": iso(self._clock.now_us(), micros=True)})


def _sound(answer: Content | Absent, request: HttpRequest) -> Response:
    match answer:
        case Content():
            return responses.content_response(answer, request.headers.get("if-none-match"))
        case Absent.NOT_FOUND:
            return responses.status_page(404)
        case Absent.NOT_FINISHED:
            return JSONResponse({"error": "the requested period is not finished"}, 400)


def _from_browser(request: HttpRequest) -> bool:
    agent, referer = request.headers.get("user-agent", ""), request.headers.get("referer", "")
    return agent.startswith("Mozilla/") and referer.startswith(_REFERER)


async def _json(request: HttpRequest) -> object:
    try:
        value: object = json.loads(await request.body())
    except ValueError:
        raise CandlewickError("the body is no JSON") from None
    return value


async def _refused(request: HttpRequest, error: Exception) -> Response:
    del request
    return JSONResponse({"error": str(error)}, 400)


async def _not_allowed(request: HttpRequest, error: Exception) -> Response:
    del request, error
    return responses.status_page(405)
