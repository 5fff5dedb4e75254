"""Arguments that several commands share: a series, a span of time, an output."""

from pathlib import Path
from typing import Annotated

import typer

from candlewick.errors import CandlewickError
from candlewick.export import Format
from candlewick.times import parse_time

SeriesName = Annotated[
    str, typer.Argument(metavar="SERIES", help="dukascopy:eurusd:quotes, or an instrument: EUR/USD.")
]
From = Annotated[
    str, typer.Option("--from", metavar="TIME", help="Inclusive, UTC: 2026-11-02 or 2026-11-02T10:30.")
]
To = Annotated[str, typer.Option("--to", metavar="TIME", help="Exclusive, UTC.")]
FileFormat = Annotated[Format, typer.Option("--format", help="How to write it.")]
Output = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="FILE", help="Standard output if not given.")
]


def span(start: str, end: str) -> tuple[int, int]:
    """Both ends in microseconds since 1970, UTC.

    Raises:
        CandlewickError: either is no time, or the span is empty.
    """
    start_us, end_us = parse_time(start), parse_time(end)
    if start_us >= end_us:
        raise CandlewickError(f"nothing lies from {start} to {end}", "--from must be before --to")
    return start_us, end_us
