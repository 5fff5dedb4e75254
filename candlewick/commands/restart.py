"""`candlewick restart`: start a worker or a sink anew."""

import sys
from typing import Annotated

import orjson
import typer

from candlewick.settings import Settings
from candlewick.watch import restart as watch_restart


def register(app: typer.Typer) -> None:
    app.command()(restart)


def restart(
    name: Annotated[str, typer.Argument(metavar="NAME", help=f"One of {', '.join(watch_restart.NAMES)}.")],
    *,
    if_stuck: Annotated[
        bool, typer.Option("--if-stuck", help="Leave it alone if it is well, as Dagster's sensor does.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Start a worker or a sink anew and wait until it says how it is. Nothing is lost by it."""
    done = watch_restart.restart(Settings(), name, even_if_well=not if_stuck)
    if as_json:
        sys.stdout.buffer.write(orjson.dumps(done) + b"\n")
        return
    took = f" ({done.seconds:.1f} s)" if done.done else ""
    sys.stdout.write(f"{name}: {done.text}{took}\n")
