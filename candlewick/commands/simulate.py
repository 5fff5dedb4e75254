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
    simulate.command("dukascopy", context_settings=_PASSED_ON, add_help_option=False)(dukascopy)
    app.add_typer(simulate, name="simulate")


def dukascopy(context: typer.Context) -> None:
    """Dukascopy from a folder laid out like the venue, or --synthetic; --help tells all options."""
    command = [sys.executable, "-m", "simulators.dukascopy", *context.args]
    os.execv(command[0], command)  # noqa: S606  (no shell is wanted)
