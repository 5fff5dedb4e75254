"""`candlewick ticks`."""

import typer

from candlewick import export
from candlewick.client import Client
from candlewick.commands.spans import FileFormat, From, Output, SeriesName, To, span
from candlewick.tables import tick_schema


def register(app: typer.Typer) -> None:
    app.command()(ticks)


def ticks(
    series: SeriesName,
    *,
    start: From,
    end: To,
    file_format: FileFormat = export.Format.CSV,
    output: Output = None,
) -> None:
    """Print the quotes or trades of a span in the venue's order."""
    start_us, end_us = span(start, end)
    exact = file_format is export.Format.CSV
    with Client() as client:
        schema = tick_schema(client.series(series), exact=exact)
        tables = client.iter_ticks(series, start_us, end_us, exact=exact)
        with export.output(output, file_format) as sink:
            export.write(tables, schema, file_format, sink, unit="us")
