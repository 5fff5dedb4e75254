"""`candlewick remove`, `pause`, `resume`: stop collecting a series, for good or for a while."""

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
        paused = control.pause(history, name)
    sys.stdout.write(f"{paused.name} rests until `candlewick resume {paused.name}`\n")


def resume(name: Name) -> None:
    """Go on collecting a series that was paused."""
    with History(Settings()) as history:
        resumed = control.resume(history, name)
    sys.stdout.write(f"{resumed.name} is collected again\n")
