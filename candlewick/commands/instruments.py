"""`candlewick instruments [TEXT]`: what Dukascopy has, how it is spelt, when it trades."""

import json
import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from candlewick.calendars import UNKNOWN, calendar
from candlewick.errors import CandlewickError
from candlewick.instruments import DUKASCOPY, Instrument, Kind, UnknownInstrumentError, find, search
from candlewick.times import DAY_US, iso, now_us

_SHOWN = 40


def register(app: typer.Typer) -> None:
    app.command()(instruments)


def instruments(
    words: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[TEXT]...", help="Part of a name or description: eurusd, AAPL, deutsche bank."
        ),
    ] = None,
    *,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print JSON for programs: all that is found.")
    ] = False,
    every: Annotated[bool, typer.Option("--all", help="List all that is found, not the first 40.")] = False,
) -> None:
    """Search Dukascopy's instruments; of a single one show scale, trading week and first tick."""
    text = " ".join(words or [])
    found = search(text)
    if not found:
        raise _nothing_found(text)
    at_us = now_us()
    if as_json:
        sys.stdout.write(json.dumps([_facts(instrument, at_us) for instrument in found], indent=2) + "\n")
        return
    console = Console()
    exact = found[0] if len(found) == 1 else _exact(text)
    if exact is not None:
        _print_details(console, exact, at_us)
        found = [instrument for instrument in found if instrument is not exact]
        if found:
            console.print(f"\n{len(found)} more have {text!r} in name or description:", highlight=False)
    if found:
        _print_list(console, found if every else found[:_SHOWN])
        if len(found) > _SHOWN and not every:
            console.print(f"… and {len(found) - _SHOWN} more; --all lists them", highlight=False)


def _exact(text: str) -> Instrument | None:
    try:
        return find(text)
    except UnknownInstrumentError:
        return None


def _nothing_found(text: str) -> CandlewickError:
    problem = f"no instrument has {text!r} in its name or description"
    try:
        return UnknownInstrumentError(problem, (find(text),))
    except UnknownInstrumentError as error:
        if error.candidates:
            return UnknownInstrumentError(problem, error.candidates)
    return CandlewickError(problem, "try a shorter part of it; without any text all are listed")


def _facts(instrument: Instrument, at_us: int) -> dict[str, object]:
    week = calendar(instrument.calendar)
    turns = week.sessions(at_us, at_us + 14 * DAY_US)
    is_open = bool(turns) and turns[0][0] == at_us
    turn = None if not turns else turns[0][1] if is_open else turns[0][0]
    never = turn is not None and turn == at_us + 14 * DAY_US
    return {
        "symbol": instrument.symbol,
        "name": instrument.name,
        "description": instrument.description,
        "series": f"{DUKASCOPY}:{instrument.symbol}:{Kind.QUOTES}",
        "class": instrument.asset_class.value,
        "group": instrument.group,
        "price_scale": instrument.price_scale,
        "price_scale_vouched": instrument.scale_vouched,
        "calendar": instrument.calendar,
        "week": week.week,
        "zone": week.zone,
        "open_now": is_open,
        "next_turn": None if turn is None or never else iso(turn),
        "first_tick": None if instrument.first_tick_us is None else iso(instrument.first_tick_us),
        "bi5_symbol": instrument.bi5_symbol,
        "json_code": instrument.jetta_code,
    }


def _print_details(console: Console, instrument: Instrument, at_us: int) -> None:
    facts = _facts(instrument, at_us)
    scale = "unknown" if instrument.price_scale is None else f"{instrument.price_scale} decimals"
    if not instrument.scale_vouched:
        scale += ", not certain: `candlewick add` confirms it by the venue's own answer"
    turn = f" until {facts['next_turn']}" if facts["next_turn"] else ""
    week = f"{facts['week']} {facts['zone']} ({instrument.calendar})"
    if instrument.calendar == UNKNOWN:
        week = "not known: every hour is asked for"
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, value in (
        ("name", f"{instrument.name}  {instrument.description}"),
        ("series", facts["series"]),
        ("class", f"{instrument.asset_class.value}{f' ({instrument.group})' if instrument.group else ''}"),
        ("prices", scale),
        ("trading week", week),
        ("now", f"{'open' if facts['open_now'] else 'closed'}{turn}"),
        ("first tick", facts["first_tick"] or "unknown"),
        ("at the venue", f"bi5 {instrument.bi5_symbol}, JSON feed {instrument.jetta_code or 'not listed'}"),
    ):
        table.add_row(name, str(value))
    console.print(table, highlight=False)


def _print_list(console: Console, found: list[Instrument]) -> None:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for heading in ("name", "description", "class", "scale", "trading week", "first tick"):
        table.add_column(heading, overflow="fold" if heading == "description" else "ellipsis")
    for instrument in found:
        scale = "?" if instrument.price_scale is None else str(instrument.price_scale)
        table.add_row(
            instrument.name,
            instrument.description,
            instrument.asset_class.value,
            scale if instrument.scale_vouched else f"{scale.rstrip('?')}?",
            instrument.calendar,
            "" if instrument.first_tick_us is None else iso(instrument.first_tick_us)[:10],
        )
    console.print(table, highlight=False)
