"""`/api/chart`: what may be drawn, from where to where, and the bars."""

from hashlib import blake2b
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, Header, Query, Response
from pydantic import BaseModel, ConfigDict, Field

from candlewick.errors import CandlewickError
from candlewick.times import now_us
from web import events
from web.bars import GAP, Bars
from web.catalogue import Subject, subjects
from web.columns import encodable
from web.errors import answer
from web.hour_map import Span
from web.positions import Resume
from web.services import Given
from web.zoom import MOST_BARS, coarser, finer

router = APIRouter(prefix="/api/chart", tags=["chart"])

Moment = Annotated[int, Field(ge=0, le=4_102_444_800_000_000, description="microseconds since 1970, UTC")]
Timeframe = Literal["tick", "1m", "5m", "15m", "30m", "1h", "4h", "1d", "1w"]


@router.get("/subjects")
async def list_subjects(given: Given) -> Response:
    """Everything that may be drawn: instruments, then single series."""
    known = [one.series for one in (await given.catalogue.all()).values()]
    return answer({"subjects": [_subject(one) for one in subjects(known)]})


@router.get("/{subject}/span")
async def show_span(subject: str, given: Given) -> Response:
    """From where to where a subject has anything, and where its live series begins."""
    found = await given.catalogue.subject(subject)
    reach = await given.charts.span(found)
    first = found.series[0]
    body = {
        "first_us": reach.first_us,
        "last_us": reach.last_us,
        "now_us": now_us(),
        "boundary_us": reach.boundary_us,
        "history": found.history.name if found.history else None,
        "live": found.live.name if found.live else None,
        "kind": found.kind,
        "price_scale": first.price_scale,
        "volume_scale": first.volume_scale,
        "title": found.title,
    }
    return answer(body)


class Wanted(BaseModel):
    """A span; without a timeframe the server picks one of which it has `points` bars at most."""

    model_config = ConfigDict(extra="forbid")

    from_us: Moment
    to_us: Moment
    points: Annotated[int, Field(ge=10, le=MOST_BARS)] = MOST_BARS
    timeframe: Timeframe | None = None


@router.get("/{subject}/bars")
async def list_bars(
    subject: str,
    wanted: Annotated[Wanted, Query()],
    given: Given,
    if_none_match: Annotated[str | None, Header()] = None,
) -> Response:
    """Bars with what is known of gaps, closed and missing hours, and where live goes on."""
    if wanted.from_us >= wanted.to_us:
        raise CandlewickError("the span ends before it begins", "give from_us below to_us")
    found = await given.catalogue.subject(subject)
    span = Span(wanted.from_us, wanted.to_us)
    bars = await given.charts.bars(found, span, wanted.points, wanted.timeframe)
    body = _bars(bars, await given.staleness.of(found))
    content = orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY)
    tag = f'"{blake2b(content, digest_size=12).hexdigest()}"'
    headers = {"ETag": tag, "Cache-Control": "private, max-age=300" if bars.lasts else "private, no-cache"}
    if if_none_match == tag:
        return Response(status_code=304, headers=headers)
    return Response(content, headers=headers, media_type="application/json")


@router.get("/{subject}/live")
async def follow_live(
    subject: str,
    given: Given,
    series: Annotated[str | None, Query(max_length=200)] = None,
    position: Annotated[str, Query(max_length=500)] = "",
    last_event_id: Annotated[str | None, Header(max_length=500)] = None,
) -> Response:
    """What is published of the live series behind a position, as events; without one, what comes next."""
    found = await given.catalogue.subject(series or subject)
    if found.live is None:
        raise CandlewickError(f"{found.title} is not streamed", "its history does not move by itself")
    given.live.check_room()
    known = Resume.parse(last_event_id or position)
    stored = await given.charts.stored_position(found.live)
    return events.stream(given.live.messages(found.live, known, stored))


def _subject(one: Subject) -> dict[str, Any]:
    return {
        "id": one.id,
        "title": one.title,
        "asset_class": one.asset_class,
        "series": [series.name for series in one.series],
    }


def _bars(bars: Bars, stale: str | None) -> dict[str, Any]:
    return {
        "timeframe": bars.timeframe,
        "finer": finer(bars.timeframe),
        "coarser": coarser(bars.timeframe),
        "from_us": bars.from_us,
        "to_us": bars.to_us,
        "series": bars.series,
        "boundary_us": bars.boundary_us,
        "columns": encodable(bars.columns),
        "gaps": [
            {"from_us": gap.from_us, "to_us": gap.to_us, "reason": GAP, "series": name}
            for gap, name in bars.gaps
        ],
        "closed": [list(one) for one in bars.closed],
        "missing": [one._asdict() for one in bars.missing],
        "position": bars.position,
        "stale": stale,
    }
