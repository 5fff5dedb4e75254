"""`/api/series`: what is collected, its hours, and what changes it."""

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Body, Response
from pydantic import BaseModel, ConfigDict, Field

from candlewick import control
from candlewick.control import Report
from candlewick.errors import CandlewickError
from candlewick.history import History
from candlewick.instruments import Series
from candlewick.live.wanted import is_live
from candlewick.settings import Settings
from candlewick.times import DAY_US, HOUR_US, day_us, parse_time, us_day
from web.api.chart import Moment
from web.errors import answer
from web.hour_map import HourMap
from web.jobs import Result
from web.services import Given

router = APIRouter(prefix="/api/series", tags=["series"])

MOST_DAYS = 40 * 366
MOST_HOURS_US = 31 * DAY_US

Text = Annotated[str, Field(min_length=1, max_length=200)]


class Addition(BaseModel):
    """What is to be collected; `from`: also fetch the history from then on."""

    model_config = ConfigDict(extra="forbid")

    symbol: Text
    start: Annotated[Text | None, Field(alias="from")] = None


class Range(BaseModel):
    """A span of history, ISO 8601, UTC; the end is exclusive."""

    model_config = ConfigDict(extra="forbid")

    start: Annotated[Text, Field(alias="from")]
    end: Annotated[Text, Field(alias="to")]


class Removal(BaseModel):
    """`delete_data`: the series' name again, to delete what is stored of it."""

    model_config = ConfigDict(extra="forbid")

    delete_data: Text | None = None


class Nothing(BaseModel):
    """An empty object."""

    model_config = ConfigDict(extra="forbid")


@router.get("")
async def list_series(given: Given) -> Response:
    """Every collected series: its state, hours by state, size, lag, gaps, backfill."""
    return answer({"series": await given.series.all()})


@router.post("", status_code=202)
async def add_series(wanted: Addition, given: Given) -> Response:
    """Collect an instrument at every venue that has it; answers with a job."""
    symbol = control.symbol_of(wanted.symbol)
    from_us = None if wanted.start is None else parse_time(wanted.start)
    work = partial(_add, given.settings, wanted.symbol, from_us)
    job = given.jobs.start(f"add {symbol} {from_us}", symbol, work)
    return answer({"job": job.id}, 202)


@router.get("/{name}/days")
async def list_days(name: str, given: Given, from_us: Moment, to_us: Moment) -> Response:
    """How many hours of each UTC day are in each state: for a heat map."""
    _check(from_us, to_us, MOST_DAYS * DAY_US)
    known = await given.maps.fresh(await given.catalogue.series(name))
    return answer({"days": _days(known, from_us, to_us)})


@router.get("/{name}/hours")
async def list_hours(name: str, given: Given, from_us: Moment, to_us: Moment) -> Response:
    """Each hour of a span of 31 days at most, with its gaps and why it is not there."""
    _check(from_us, to_us, MOST_HOURS_US)
    known = await given.maps.fresh(await given.catalogue.series(name))
    hours = [
        {
            "hour_us": hour_us,
            "state": state,
            "ticks": ticks,
            "gaps": [list(gap) for gap in known.gaps_in(hour_us, hour_us + HOUR_US)],
            "reason": reason,
        }
        for hour_us, state, ticks, reason in known.hours(from_us, to_us)
    ]
    return answer({"hours": hours})


@router.post("/{name}/backfill", status_code=202)
async def backfill_series(name: str, wanted: Range, given: Given) -> Response:
    """Fetch what is missing in a span; answers with a job."""
    start_us, end_us = parse_time(wanted.start), parse_time(wanted.end)
    _check(start_us, end_us, MOST_DAYS * DAY_US)
    series = (await given.catalogue.series(name)).series
    work = partial(_backfill, given.settings, series.name, (start_us, end_us))
    key = f"backfill {series.name} {start_us} {end_us}"
    return answer({"job": given.jobs.start(key, series.symbol, work).id}, 202)


@router.delete("/{name}/backfill")
async def cancel_backfill(name: str, _nothing: Nothing, given: Given) -> Response:
    """End the series' runs that wait or work; answers how many, once they have ended."""
    series = (await given.catalogue.series(name)).series
    ended = await given.run(partial(_cancel, given.settings, series.name))
    given.under_way.forget()
    return answer({"ended": ended})


@router.post("/{name}/repair", status_code=202)
async def repair_series(name: str, _nothing: Nothing, given: Given) -> Response:
    """Ask again for what is pending or failed; answers with a job."""
    series = (await given.catalogue.series(name)).series
    work = partial(_repair, given.settings, series.name)
    return answer({"job": given.jobs.start(f"repair {series.name}", series.symbol, work).id}, 202)


@router.post("/{name}/pause")
async def pause_series(name: str, _nothing: Nothing, given: Given) -> Response:
    """Stop collecting until it is resumed; answers with the series."""
    return await _change(given, name, control.pause)


@router.post("/{name}/resume")
async def resume_series(name: str, _nothing: Nothing, given: Given) -> Response:
    """Go on collecting; answers with the series."""
    return await _change(given, name, control.resume)


@router.delete("/{name}")
async def remove_series(name: str, given: Given, wanted: Annotated[Removal, Body()]) -> Response:
    """Stop collecting; what is stored stays, unless `delete_data` names the series."""
    series = (await given.catalogue.series(name)).series
    if wanted.delete_data not in {None, series.name}:
        raise CandlewickError(
            f"{wanted.delete_data!r} is not the name of this series", f"to delete its data, say {series.name}"
        )
    await given.run(partial(_remove, given.settings, series.name, wanted.delete_data))
    given.catalogue.forget()
    return answer({"removed": series.name, "deleted": wanted.delete_data is not None})


def _check(from_us: int, to_us: int, most_us: int) -> None:
    if from_us >= to_us:
        raise CandlewickError("the span ends before it begins", "give a start before the end")
    if to_us - from_us > most_us:
        raise CandlewickError("the span is too long", f"ask for {most_us // DAY_US} days at most")


def _days(known: HourMap, from_us: int, to_us: int) -> list[dict[str, object]]:
    first, end = max(from_us, known.start_us), min(to_us, known.end_us)
    days = range(day_us(us_day(first)), end, DAY_US) if first < end else range(0)
    gaps = Counter(us_day(gap.from_us) for gap in known.gaps_in(first, end))
    return [
        {
            "day": us_day(day).isoformat(),
            **known.counts(day, day + DAY_US),
            "gaps": gaps[us_day(day)],
        }
        for day in days
    ]


async def _change(given: Given, name: str, change: Callable[[History, str], Series]) -> Response:
    series = (await given.catalogue.series(name)).series
    try:
        await given.run(partial(_with_history, given.settings, series.name, change))
    finally:
        # What failed may have been done in part.
        given.catalogue.forget()
        given.under_way.forget()
    return answer(await given.series.one(series.name))


def _with_history(settings: Settings, name: str, change: Callable[[History, str], Series]) -> None:
    with History(settings) as history:
        change(history, name)


def _remove(settings: Settings, name: str, delete_data: str | None) -> None:
    with History(settings) as history:
        control.remove(history, name, delete_data=delete_data)


def _add(settings: Settings, spelling: str, from_us: int | None, report: Report) -> Result:
    with History(settings) as history:
        outcome = control.add(history, spelling, from_us=from_us, report=report)
    return Result([one.series.name for one in outcome.added], outcome.refused, outcome.backfills)


def _backfill(settings: Settings, name: str, span: tuple[int, int], report: Report) -> Result:
    with History(settings) as history:
        series = history.series(name)
        if is_live(series):
            control.fill_span(history, series, *span, report=report)
            return Result([name])
        launched = control.backfill(history, series, *span, report=report)
    return Result([name], launched=[launched])


def _cancel(settings: Settings, name: str) -> int:
    with History(settings) as history:
        return control.cancel(history, history.series(name))


def _repair(settings: Settings, name: str, report: Report) -> Result:
    with History(settings) as history:
        launched = control.repair(history, history.series(name), report=report)
    return Result([name], launched=[launched])
