"""The command `candlewick`: a list of command modules, and how their errors reach the user.

Exit codes: 0 done and complete, 1 done and something is lacking, 2 could not be done; 130 interrupted.
"""

import os
import sys
from typing import Annotated

import pydantic
import typer

from candlewick.commands import (
    add,
    backfill,
    candles,
    coverage,
    decode,
    instruments,
    platform,
    rebuild,
    simulate,
    ticks,
    verify,
)
from candlewick.errors import CandlewickError

COMMANDS = (
    platform,
    instruments,
    add,
    backfill,
    coverage,
    candles,
    ticks,
    verify,
    rebuild,
    decode,
    simulate,
)
"""Modules of `candlewick.commands`, in the order of the help; each has `register(app)`."""

app = typer.Typer(
    name="candlewick",
    help="Ticks in, candles out: history and live market data, and what is missing in it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback()
def _options(
    *,
    demo: Annotated[
        bool, typer.Option("--demo", help="Use the demo's home, ports and simulated venue.")
    ] = False,
) -> None:
    if demo:
        os.environ["CANDLEWICK_DEMO"] = "true"


for module in COMMANDS:
    module.register(app)


def main() -> None:
    """The entry point: a `CandlewickError` is one line on stderr and exit code 2."""
    try:
        app()
    except CandlewickError as error:
        sys.exit(_fail(str(error)))
    except pydantic.ValidationError as error:
        if error.title != "Settings":
            raise
        first = error.errors(include_url=False, include_input=False)[0]
        name = "_".join(str(part) for part in first["loc"]).upper()
        sys.exit(_fail(f"CANDLEWICK_{name}: {first['msg']}"))
    except BrokenPipeError:
        # Whoever read our output has had enough; Python must not complain of it at its end either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


def _fail(message: str) -> int:
    sys.stderr.write(f"candlewick: {' '.join(message.split())}\n")
    return 2
