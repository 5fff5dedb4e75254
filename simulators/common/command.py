"""A simulator as a command of its own; `candlewick simulate` starts it."""

import sys
from collections.abc import Callable

import typer

from candlewick.errors import CandlewickError


def run(serve: Callable[..., None], venue: str) -> None:
    """Runs `serve` with the options of the command line; an error that a person can mend is one line."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(serve)
    try:
        app(prog_name=f"candlewick simulate {venue}")
    except CandlewickError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)
