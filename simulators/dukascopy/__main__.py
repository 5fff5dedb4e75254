"""`python -m simulators.dukascopy`: the venue on one machine."""

from pathlib import Path
from typing import Annotated

import typer

from candlewick.errors import CandlewickError
from candlewick.times import MINUTE_US, parse_time
from simulators.common.clock import Clock
from simulators.common.command import run
from simulators.dukascopy.answers import Source
from simulators.dukascopy.app import Venue
from simulators.dukascopy.day_styles import DayStyle
from simulators.dukascopy.faults import Faults, Rule
from simulators.dukascopy.folder import Folder
from simulators.dukascopy.market import DEFAULT_TICKS_A_DAY, Market
from simulators.dukascopy.server import run as run_server


def serve(
    folder: Annotated[
        Path | None,
        typer.Argument(
            help="Folder laid out like the venue, month from zero.",
            show_default=False,
        ),
    ] = None,
    *,
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port on loopback; 0 takes a free one.")] = 8090,
    synthetic: Annotated[bool, typer.Option("--synthetic", help="A synthetic market, no folder.")] = False,
    fault: Annotated[
        list[str] | None,
        typer.Option(help="NAME[:option=value,...]; may be repeated. docs/simulators.md lists them."),
    ] = None,
    now: Annotated[
        str | None, typer.Option(help="The venue's time, 2019-02-05T12:00:00Z; it stands still there.")
    ] = None,
    running: Annotated[bool, typer.Option("--running", help="Time runs on from --now.")] = False,
    seed: Annotated[int, typer.Option(help="Another seed is another market.")] = 0,
    ticks_a_day: Annotated[int, typer.Option(min=1, max=5_000_000)] = DEFAULT_TICKS_A_DAY,
    delay: Annotated[
        float, typer.Option(min=0, help="Minutes after its end until an hour comes out (synthetic).")
    ] = 5.0,
    day_objects: Annotated[DayStyle, typer.Option(help="How day objects are put together.")] = DayStyle.WHOLE,
    ready_file: Annotated[
        Path | None, typer.Option(help="Written, with the port, once requests are answered.")
    ] = None,
) -> None:
    """Serve Dukascopy's two URL families from a folder or from a synthetic market."""
    if (folder is None) == (not synthetic):
        raise CandlewickError(
            "what to serve is not clear", "give either a folder laid out like the venue, or --synthetic"
        )
    if folder is not None and not folder.is_dir():
        raise CandlewickError(f"there is no folder {folder}", "give one laid out like the venue")
    clock = Clock(None if now is None else parse_time(now), running=running)
    faults = Faults([Rule.parse(text) for text in fault or []], now_us=clock.now_us)
    source: Source
    if folder is not None:
        source = Folder(folder.absolute(), faults, day_objects)
    else:
        source = Market(seed, ticks_a_day, int(delay * MINUTE_US), faults, day_objects)
    run_server(Venue(source, clock, faults).app(), port, ready_file)


if __name__ == "__main__":
    run(serve, "dukascopy")
