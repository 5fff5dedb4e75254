"""`python -m simulators.oanda`: the venue on one machine."""

from pathlib import Path
from typing import Annotated

import typer
from aiohttp import web

from candlewick.errors import CandlewickError
from candlewick.times import parse_time
from simulators.common.clock import Clock
from simulators.common.command import run
from simulators.common.faults import LiveFaults, LiveRule
from simulators.common.live_app import serve as serve_app
from simulators.oanda import lean
from simulators.oanda.app import FAULTS, Limits, Manner, Venue, shared
from simulators.oanda.instruments import BY_NAME, INSTRUMENTS, always, sessions_of
from simulators.oanda.replay import HurryingVenue
from simulators.oanda.rest import Access
from simulators.oanda.tape import RecordedTape, SyntheticTape, Tape

TOKEN, ACCOUNT = "simulated-token", "101-001-0000001-001"
_NATURAL_RATE = 40.0


def serve(
    *,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on loopback; 0 takes a free one.")] = 8092,
    synthetic: Annotated[bool, typer.Option("--synthetic", help="A synthetic market; the default.")] = False,
    ticks: Annotated[
        Path | None, typer.Option(help="Folder of recorded ticks as Lean keeps them, a zip for each day.")
    ] = None,
    instruments: Annotated[str, typer.Option(help="Instruments, EUR_USD,USD_JPY; all when empty.")] = "",
    rate: Annotated[
        float, typer.Option(min=0, max=1_000_000, help="Prices a second, of all instruments together.")
    ] = _NATURAL_RATE,
    unthinned: Annotated[
        bool,
        typer.Option("--unthinned", help="Every price is sent, not four a second. Recordings always are."),
    ] = False,
    always_open: Annotated[bool, typer.Option("--always-open", help="No weekends and no pauses.")] = False,
    heartbeat: Annotated[float, typer.Option(min=0.01, help="Seconds between heartbeats.")] = 5.0,
    seed: Annotated[int, typer.Option(help="Another seed is another market.")] = 0,
    now: Annotated[
        str | None, typer.Option(help="The venue's time, 2024-02-05T12:00:00Z; it stands still there.")
    ] = None,
    running: Annotated[bool, typer.Option("--running", help="Time runs on from --now.")] = False,
    speed: Annotated[
        float,
        typer.Option(min=0, help="Seconds of the venue in one; recordings: 0 as fast as they are read."),
    ] = 1.0,
    from_: Annotated[str | None, typer.Option("--from", help="Where a recording begins.")] = None,
    to: Annotated[str | None, typer.Option("--to", help="Where a recording ends.")] = None,
    token: Annotated[str, typer.Option(help="The one that may ask.")] = TOKEN,
    account: Annotated[str, typer.Option(help="Its account.")] = ACCOUNT,
    rest_rate: Annotated[
        float, typer.Option(min=0, help="REST calls a second; 0 allows everything.")
    ] = 120.0,
    streams: Annotated[int, typer.Option(min=0, help="Streams at the same time; 0 is no limit.")] = 20,
    connects: Annotated[int, typer.Option(min=0, help="New streams within a second; 0 is no limit.")] = 2,
    fault: Annotated[
        list[str] | None,
        typer.Option(help="NAME[:option=value,...]; may be repeated. docs/simulators.md lists them."),
    ] = None,
    ready_file: Annotated[
        Path | None, typer.Option(help="Written, with the port, once requests are answered.")
    ] = None,
) -> None:
    """Serve OANDA's pricing stream and REST calls from a synthetic market or from recorded ticks."""
    if synthetic and ticks is not None:
        raise CandlewickError("what to serve is not clear", "give either --ticks FOLDER or --synthetic")
    if ticks is None and speed == 0:
        raise CandlewickError("a synthetic market has no end", "give --speed 0 with --ticks only")
    faults = LiveFaults(FAULTS, [LiveRule.parse(text) for text in fault or []])
    access, limits = Access(token, account), Limits(rest_rate, streams, connects)
    start_us = None if now is None else parse_time(now)
    names = _names(instruments)
    if ticks is None:
        week = (lambda _: always()) if always_open else sessions_of
        tapes: dict[str, Tape] = {
            name: SyntheticTape(BY_NAME[name], seed, part, week(BY_NAME[name].kind))
            for name, part in shared(names, rate).items()
        }
        clock = Clock(start_us, running=running, speed=speed)
        manner = Manner(thinned=not unthinned, heartbeat=heartbeat)
    else:
        tapes, (begin_us, end_us) = _recorded(ticks, names, from_, to)
        waits = start_us is None
        clock = Clock(
            begin_us if start_us is None else start_us, running=running and not waits, speed=speed or 1.0
        )
        manner = Manner(thinned=False, heartbeat=heartbeat, starts=waits and speed > 0)

    def app() -> web.Application:
        if ticks is not None and speed == 0:
            return HurryingVenue(
                tapes, clock, faults, access, limits=limits, manner=manner, end_us=end_us
            ).app()
        return Venue(tapes, clock, faults, access, limits=limits, manner=manner).app()

    serve_app(app, port, ready_file)


def _names(text: str) -> list[str]:
    names = [part.strip().upper() for part in text.split(",") if part.strip()]
    if unknown := [name for name in names if name not in BY_NAME]:
        raise CandlewickError(f"there is no instrument {unknown[0]!r}", f"there are {', '.join(BY_NAME)}")
    return names or [instrument.name for instrument in INSTRUMENTS]


def _recorded(
    folder: Path, names: list[str], begin: str | None, end: str | None
) -> tuple[dict[str, Tape], tuple[int, int]]:
    """Tapes of a recording, also of instruments without ticks, and the span that they cover."""
    found = [one for one in lean.recordings(folder) if one.instrument.name in names]
    if not found:
        raise CandlewickError(f"{folder} has no ticks of {', '.join(names)}", "leave --instruments away")
    first_us, last_us = lean.span(found)
    span = (
        first_us if begin is None else parse_time(begin),
        last_us if end is None else parse_time(end),
    )
    by_name = {one.instrument.name: one for one in found}
    tapes: dict[str, Tape] = {}
    for name in names:
        recording = by_name.get(name) or lean.Recording(BY_NAME[name], {})
        week = sessions_of(BY_NAME[name].kind)
        tapes[name] = RecordedTape(BY_NAME[name], sorted(recording.files), recording.load, span, week)
    return tapes, span


if __name__ == "__main__":
    run(serve, "oanda")
