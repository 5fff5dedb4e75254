"""`candlewick add`: collect an instrument from now on."""

import sys
from typing import Annotated

import orjson
import typer

from candlewick import control
from candlewick.dagster_client import DagsterClient, dagster_url
from candlewick.errors import CandlewickError
from candlewick.history import History
from candlewick.settings import Settings


def register(app: typer.Typer) -> None:
    app.command()(add)


def add(
    spelling: Annotated[
        list[str], typer.Argument(metavar="INSTRUMENT...", help="EUR/USD, aapl, kraken:btcusd:trades.")
    ],
    *,
    price_scale: Annotated[
        int | None,
        typer.Option("--price-scale", min=0, max=12, help="Decimals of its prices, where nobody can tell."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Collect instruments at every venue that has them: the last seven days, new hours, and live."""
    settings = Settings()
    with History(settings) as history:
        outcomes = [control.add(history, one, price_scale=price_scale) for one in spelling]
    added = [one for found, _ in outcomes for one in found]
    refused = [error for _, errors in outcomes for error in errors]
    if as_json:
        rows = [{"series": one.series.name, "name": one.title, "new": one.is_new} for one in added]
        sys.stdout.buffer.write(orjson.dumps(rows) + b"\n")
    else:
        for one in added:
            was = "is collected from now on" if one.is_new else "was collected already"
            sys.stdout.write(f"{one.series.name} ({one.title}) {was}\n")
    if any(one.is_new for one in added):
        _reload(settings)
    for error in refused:
        sys.stderr.write(f"not added: {error}\n")
    if refused:
        raise typer.Exit(1)


def _reload(settings: Settings) -> None:
    try:
        with DagsterClient(dagster_url(settings)) as dagster:
            dagster.reload()
    except CandlewickError as error:
        sys.stderr.write(f"{error.problem}: its assets appear there when `candlewick up` starts it\n")
