"""`candlewick add`: collect an instrument from now on."""

import sys
from typing import Annotated

import orjson
import typer

from candlewick import control
from candlewick.control import Step, StepState
from candlewick.errors import CandlewickError
from candlewick.history import History
from candlewick.settings import Settings
from candlewick.times import parse_time


def register(app: typer.Typer) -> None:
    app.command()(add)


def add(
    spelling: Annotated[
        list[str], typer.Argument(metavar="INSTRUMENT...", help="EUR/USD, aapl, kraken:btcusd:trades.")
    ],
    *,
    start: Annotated[
        str | None,
        typer.Option("--from", metavar="TIME", help="Also fetch the history from then on: 2024-01-01."),
    ] = None,
    price_scale: Annotated[
        int | None,
        typer.Option("--price-scale", min=0, max=12, help="Decimals of its prices, where nobody can tell."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Collect instruments at every venue that has them: the last seven days, new hours, and live."""
    from_us = None if start is None else parse_time(start)
    with History(Settings()) as history:
        added: list[control.Found] = []
        refused: list[CandlewickError] = []
        for one in spelling:
            try:
                outcome = control.add(
                    history, one, from_us=from_us, price_scale=price_scale, report=print_step
                )
            except CandlewickError as error:
                # The others are added all the same.
                refused.append(error)
            else:
                added += outcome.added
                refused += outcome.refused
    if as_json:
        rows = [{"series": each.series.name, "name": each.title, "new": each.is_new} for each in added]
        sys.stdout.buffer.write(orjson.dumps(rows) + b"\n")
    else:
        for found in added:
            was = "is collected from now on" if found.is_new else "was collected already"
            sys.stdout.write(f"{found.series.name} ({found.title}) {was}\n")
    for problem in refused:
        sys.stderr.write(f"not done: {problem}\n")
    if refused:
        raise typer.Exit(1)


def print_step(step: Step) -> None:
    """A line on stderr for each step that has ended; a failure is told at the end, with what to do."""
    if step.state is not StepState.RUNNING:
        mark = "failed" if step.state is StepState.FAILED else "done"
        sys.stderr.write(f"{step.name:13} {mark:6} {step.text}\n")
