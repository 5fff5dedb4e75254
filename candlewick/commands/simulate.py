"""`candlewick simulate VENUE`: a venue on this machine.

Simulators are a package of their own that this one does not import: the command becomes the simulator's
process, with the same standard streams, signals and exit status.
"""

import os
import sys

import typer

_PASSED_ON = {"ignore_unknown_options": True, "allow_extra_args": True, "allow_interspersed_args": False}


def register(app: typer.Typer) -> None:
    simulate = typer.Typer(help="Run a venue on this machine, also a misbehaving one.", no_args_is_help=True)
    for venue in (dukascopy, kraken, oanda):
        simulate.command(venue.__name__, context_settings=_PASSED_ON, add_help_option=False)(venue)
    app.add_typer(simulate, name="simulate")


def dukascopy(context: typer.Context) -> None:
    """Dukascopy from a folder laid out like the venue, or --synthetic; --help tells all options."""
    _become("simulators.dukascopy", context.args)


def kraken(context: typer.Context) -> None:
    """Kraken's WebSocket v2 and REST, synthetic or from recorded trades; --help tells all options."""
    _become("simulators.kraken", context.args)


def oanda(context: typer.Context) -> None:
    """OANDA's pricing stream and REST, synthetic or from recorded ticks; --help tells all options."""
    _become("simulators.oanda", context.args)


def _become(module: str, arguments: list[str]) -> None:
    command = [sys.executable, "-m", module, *arguments]
    os.execv(command[0], command)  # noqa: S606  (no shell is wanted)
