"""`candlewick remove`, `pause`, `resume`, `cancel`: collecting, and backfills, come to an end or go on."""

import sys
from typing import Annotated

import typer

from candlewick import control
from candlewick.commands.add import print_step
from candlewick.history import History
from candlewick.settings import Settings

Name = Annotated[str, typer.Argument(metavar="SERIES", help="dukascopy:audcad:quotes, as `status` lists it.")]


def register(app: typer.Typer) -> None:
    app.command()(remove)
    app.command()(pause)
    app.command()(resume)
    app.command()(cancel)


def remove(
    name: Name,
    *,
    delete_data: Annotated[
        str | None,
        typer.Option(
            "--delete-data", metavar="SERIES", help="The name again: delete its hours and candles, too."
        ),
    ] = None,
) -> None:
    """Stop collecting a series; what is stored stays, unless its deletion is asked for by name."""
    with History(Settings()) as history:
        removed = control.remove(history, name, delete_data=delete_data, report=print_step)
    kept = "its data is deleted" if delete_data else "what is stored stays"
    sys.stdout.write(f"{removed.name} is not collected any more; {kept}\n")


def pause(name: Name) -> None:
    """Stop collecting a series until `resume`."""
    with History(Settings()) as history:
        paused = control.pause(history, name, report=print_step)
    sys.stdout.write(f"{paused.name} rests until `candlewick resume {paused.name}`\n")


def resume(name: Name) -> None:
    """Go on collecting a series that was paused."""
    with History(Settings()) as history:
        resumed = control.resume(history, name)
    sys.stdout.write(f"{resumed.name} is collected again\n")


def cancel(name: Name) -> None:
    """End the backfills of a series that wait or work; what they have stored stays."""
    with History(Settings()) as history:
        series = history.series(name)
        ended = control.cancel(history, series, report=print_step)
    if not ended:
        sys.stdout.write(f"no run of {series.name} is under way\n")
        return
    again = f"candlewick backfill {series.name} --from ... --to ... --missing"
    sys.stdout.write(f"{ended} runs of {series.name} were ended; `{again}` goes on\n")
