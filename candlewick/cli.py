"""The command `candlewick`: a table of its commands, and how their errors reach the user.

Exit codes: 0 done and complete, 1 done and something is lacking, 2 could not be done; 130 interrupted.
"""

import gc
import logging
import os
import sys
from importlib import import_module
from typing import Annotated, Any

import pydantic
import typer
from typer.core import TyperGroup

from candlewick.errors import CandlewickError

COMMANDS = {
    "up": "platform",
    "down": "platform",
    "status": "platform",
    "doctor": "platform",
    "restart": "restart",
    "instruments": "instruments",
    "add": "add",
    "pause": "remove",
    "resume": "remove",
    "remove": "remove",
    "backfill": "backfill",
    "cancel": "remove",
    "coverage": "coverage",
    "candles": "candles",
    "ticks": "ticks",
    "tail": "tail",
    "verify": "verify",
    "rebuild": "rebuild",
    "decode": "decode",
    "simulate": "simulate",
}
"""Each command's module in `candlewick.commands`, in the order of the help; it has `register(app)`."""


class Commands(TyperGroup):
    """Loads the module of the command that is called, and no other: all together take a second.

    Contexts and commands are those of the click that typer carries with it, under no public name.
    """

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401
        del ctx
        if cmd_name not in COMMANDS:
            return None
        part = typer.Typer()
        # A second command keeps a module of one from becoming the whole program.
        part.command("-")(lambda: None)
        # Nothing that is loaded is garbage: looking for some costs each command a quarter of a second.
        gc.disable()
        module = import_module(f"candlewick.commands.{COMMANDS[cmd_name]}")
        gc.freeze()
        gc.enable()
        module.register(part)
        return typer.main.get_group(part).commands[cmd_name]


app = typer.Typer(
    name="candlewick",
    cls=Commands,
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


def main() -> None:
    """The entry point: a `CandlewickError` is one line on stderr and exit code 2."""
    for name in ("psycopg.pool", "stamina"):
        # What is tried again says nothing; if it fails in the end, the error does.
        logging.getLogger(name).setLevel(logging.CRITICAL)
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
