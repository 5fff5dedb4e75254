"""`candlewick tail`: live events as they happen."""

import os
import sys
from decimal import Decimal
from functools import partial
from itertools import islice
from typing import Annotated, Any

import msgspec
import orjson
import typer

from candlewick import access
from candlewick.broker import close, connect
from candlewick.bus_admin import BusAdmin
from candlewick.client import Client
from candlewick.errors import CandlewickError
from candlewick.instruments import Series, find, parse_series
from candlewick.live.continuity import Continuity, Saying
from candlewick.live.events import Channel, Event, Origin, Quote, Ticker, Trade
from candlewick.live.tail import Happening, Standing, Unreadable, follow
from candlewick.live.wanted import LIVE_VENUES, is_live
from candlewick.settings import Settings
from candlewick.store.series import SeriesState
from candlewick.times import iso, now_us, parse_time


def register(app: typer.Typer) -> None:
    app.command()(tail)


def tail(
    series: Annotated[str, typer.Argument(metavar="SERIES", help="kraken:btcusd:trades, or BTC/USD.")],
    *,
    start: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="TIME",
            help="From what was published then on, UTC; the last seven days are kept.",
        ),
    ] = None,
    continuity: Annotated[
        bool, typer.Option("--continuity", help="Also show where a gap was found, and where one was filled.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="A line of JSON each, for programs.")] = False,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="End after so many lines.")] = None,
) -> None:
    """Show the events of a live series as they happen; Ctrl-C ends it."""
    settings = Settings()
    from_us = None if start is None else parse_time(start)
    if from_us is not None and from_us > now_us():
        raise CandlewickError(
            f"{start} is still to come", "leave `--from` out to see what happens from now on"
        )
    with Client(settings) as client:
        found = choose(series, client.all_series())
        rests = client.series_states().get(found.name) is SeriesState.PAUSED
        if rests and from_us is None:
            raise CandlewickError(
                f"{found.name} rests: nothing of it is published",
                f"`candlewick resume {found.name}` goes on; `--from TIME` shows what was published before",
            )
    token = access.pulsar_token(settings, access.PULSAR_READER)
    pulsar_client = connect(access.pulsar_url(settings), token, log=os.devnull)
    write = _json if as_json else partial(line, found)
    try:
        with BusAdmin(access.pulsar_admin_url(settings), token) as admin:
            since = None if from_us is None else partial(admin.position_since, us=from_us)
            happenings = follow(pulsar_client, found, since=since, marks=continuity, streamed=not rests)
            for happening in islice(happenings, limit):
                sys.stdout.write(write(happening) + "\n")
                sys.stdout.flush()
    finally:
        close(pulsar_client)


def choose(text: str, collected: list[Series]) -> Series:
    """The live series that a name or a spelling means.

    Raises:
        CandlewickError: it is not streamed, or may be several.
    """
    live = [one for one in collected if is_live(one)]
    if ":" in text:
        quotes = text.removesuffix(f":{Channel.TICKER}")
        if quotes != text:
            raise CandlewickError(
                f"tickers are not shown: {text} is no series",
                f"`candlewick tail {quotes}:quotes` is the nearest",
            )
        venue, symbol, kind = parse_series(text)
        name = f"{venue}:{symbol}:{kind}"
        if venue not in LIVE_VENUES:
            raise CandlewickError(
                f"{name} is not streamed: {venue} has a history only",
                f"`candlewick ticks {name} --from TIME --to TIME` shows it",
            )
        found = [one for one in live if one.name == name]
        if not found:
            raise CandlewickError(f"{name} is not collected", f"`candlewick add {name}`{_streamed(live)}")
        return found[0]
    symbol = find(text).symbol
    found = [one for one in live if one.symbol == symbol]
    if not found:
        raise CandlewickError(f"{text} is not streamed here", f"`candlewick add {text}`{_streamed(live)}")
    if len(found) > 1:
        names = ", ".join(one.name for one in found)
        raise CandlewickError(f"{text} is streamed as {len(found)} series", f"choose one of {names}")
    return found[0]


def _streamed(live: list[Series]) -> str:
    return f"; streamed are {', '.join(one.name for one in live)}" if live else "; nothing is streamed yet"


def line(series: Series, happening: Happening) -> str:
    """For people: times in UTC, prices and sizes as the venue writes them."""
    match happening:
        case Trade():
            side = "buy " if happening.side > 0 else "sell"
            price = _decimal(happening.price, happening.price_scale)
            size = _decimal(happening.quantity, happening.volume_scale)
            text = f"{side} {size} at {price}  #{happening.trade_id}"
        case Quote():
            bid, ask = (
                f"{_decimal(price, happening.price_scale)} ({_decimal(volume, happening.volume_scale)})"
                for price, volume in (
                    (happening.bid, happening.bid_volume),
                    (happening.ask, happening.ask_volume),
                )
            )
            text = f"bid {bid}  ask {ask}"
        case Continuity():
            return _mark(happening)
        case Unreadable():
            return f"-- not readable: {happening.problem}"
        case Standing(streamed=True):
            return "-- streamed again"
        case Standing():
            return f"-- streamed no more: paused or removed; `candlewick resume {series.name}` goes on"
        case _:
            text = str(happening)
    return f"{_time(happening.exchange_ns)}  {text}  {_how(happening)}"


def _how(event: Event) -> str:
    origin = "" if isinstance(event, Ticker) else event.origin
    if origin == Origin.REST:
        return "(asked for later)"
    if origin == Origin.SNAPSHOT:
        return "(state at the beginning)"
    return f"{(event.receive_ns - event.exchange_ns) / 1e6:.0f} ms"


def _mark(record: Continuity) -> str:
    ids = ""
    if record.first_id is not None and record.last_id is not None:
        ids = f", ids {record.first_id} to {record.last_id}"
    what = "gap found" if record.kind == Saying.GAP else "gap filled"
    reason = f": {record.reason}" if record.reason else ""
    return f"-- {what}: {_time(record.from_ns)} .. {_time(record.to_ns)}{ids}{reason}"


def _time(ns: int) -> str:
    return iso(ns // 1000, micros=True)


def _decimal(value: int, scale: int) -> str:
    return f"{Decimal(value).scaleb(-scale):f}"


def _json(happening: Happening) -> str:
    if isinstance(happening, Unreadable):
        return orjson.dumps({"type": "unreadable", "problem": happening.problem}).decode()
    if isinstance(happening, Standing):
        return orjson.dumps({"type": "standing", "streamed": happening.streamed}).decode()
    row: dict[str, Any] = {"type": type(happening).__name__.lower(), **msgspec.to_builtins(happening)}
    if isinstance(happening, Continuity):
        row |= {"from": _time(happening.from_ns), "to": _time(happening.to_ns)}
    else:
        row["time"] = _time(happening.exchange_ns)
        for name in ("price", "bid", "ask"):
            if name in row:
                row[name] = _decimal(row[name], happening.price_scale)
        for name in ("quantity", "bid_volume", "ask_volume"):
            if name in row:
                row[name] = _decimal(row[name], happening.volume_scale)
    return orjson.dumps(row).decode()
