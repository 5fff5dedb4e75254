"""`/api/instruments`: search as you type."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from candlewick.control import live_venues
from candlewick.instruments import DUKASCOPY, Instrument, search
from web.errors import answer
from web.services import Given

router = APIRouter(prefix="/api/instruments", tags=["instruments"])


@router.get("")
async def list_instruments(
    given: Given,
    query: Annotated[str, Query(max_length=100)] = "",
    limit: Annotated[int, Query(ge=1, le=200)] = 20,
) -> Response:
    """Instruments that a text finds, best first, with the series of each that are collected."""
    collected: dict[str, list[str]] = {}
    for one in (await given.catalogue.all()).values():
        collected.setdefault(one.series.symbol, []).append(one.series.name)

    def facts(one: Instrument) -> dict[str, Any]:
        venues = [DUKASCOPY, *(venue for venue, _ in live_venues(one, given.settings))]
        return {
            "symbol": one.symbol,
            "name": one.name,
            "asset_class": one.asset_class,
            "description": one.description,
            "first_tick_us": one.first_tick_us,
            "venues": list(dict.fromkeys(venues)),
            "series": collected.get(one.symbol, []),
        }

    return answer({"instruments": [facts(one) for one in search(query)[:limit]]})
