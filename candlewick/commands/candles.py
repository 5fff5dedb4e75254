"""`candlewick candles`."""

from typing import Annotated

import typer

from candlewick import export
from candlewick.client import Client, timeframe_named
from candlewick.commands.spans import FileFormat, From, Output, SeriesName, To, span
from candlewick.tables import candle_schema


def register(app: typer.Typer) -> None:
    app.command()(candles)


def candles(
    series: SeriesName,
    timeframe: Annotated[str, typer.Argument(metavar="TIMEFRAME", help="1m 5m 15m 30m 1h 4h 1d or 1w.")],
    *,
    start: From,
    end: To,
    file_format: FileFormat = export.Format.CSV,
    output: Output = None,
) -> None:
    """Print the candles that begin in a span, oldest first."""
    wanted = timeframe_named(timeframe)
    start_us, end_us = span(start, end)
    exact = file_format is export.Format.CSV
    with Client() as client:
        schema = candle_schema(client.series(series), exact=exact)
        tables = client.iter_candles(series, wanted, start_us, end_us, exact=exact)
        with export.output(output, file_format) as sink:
            export.write(tables, schema, file_format, sink, unit="s")
