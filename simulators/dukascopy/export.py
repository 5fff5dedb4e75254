"""`python -m simulators.dukascopy.export`: write a synthetic market into a folder laid out like the venue.

What is served from such a folder costs no computing: for benchmarks, and for tests that change files.
"""

import sys
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated

import typer

from candlewick.errors import CandlewickError
from candlewick.instruments import find
from candlewick.times import DAY_US, HOUR_US, day_us
from simulators.dukascopy import paths
from simulators.dukascopy.answers import Content
from simulators.dukascopy.market import DEFAULT_TICKS_A_DAY, Market
from simulators.dukascopy.paths import CandleFile, DayFile, HourFile, Resolution, Resource, Side

_END_OF_TIME_US = day_us(date(9999, 1, 1))


def export(
    folder: Path, symbol: str, first: date, after: date, market: Market, *, day_objects: bool = False
) -> int:
    """Writes the hour files and minute candles of [first, after), and day objects where asked for.

    Files that are there already are left alone. Gives how many were written.

    Args:
        symbol: as in bi5 URLs, `EURUSD`.
    """
    files: dict[str, Resource] = {}
    day = first
    while day < after:
        start_us = day_us(day)
        for hour_us in range(start_us, start_us + DAY_US, HOUR_US):
            files[paths.hour_path(symbol, hour_us)] = HourFile(symbol, hour_us)
        for side in Side:
            candles = CandleFile(symbol, side, Resolution.MINUTE, start_us)
            files[paths.candle_path(candles)] = candles
        if day_objects:
            files[paths.day_path(symbol, start_us)] = DayFile(symbol, start_us)
        day += timedelta(days=1)
    written = 0
    for path, resource in files.items():
        target = folder / path
        if target.exists():
            continue
        answer = market.answer(resource, _END_OF_TIME_US)
        if isinstance(answer, Content):
            target.parent.mkdir(parents=True, exist_ok=True)
            partial = target.with_name(f".{target.name}.part")
            partial.write_bytes(answer.body)
            partial.replace(target)
            written += 1
    return written


def command(
    folder: Annotated[Path, typer.Argument(file_okay=False, help="Where to write; made if missing.")],
    instruments: Annotated[list[str], typer.Argument(help="In any usual spelling, EUR/USD.")],
    *,
    first: Annotated[str, typer.Option("--from", help="First UTC day, 2024-01-01.")],
    after: Annotated[str, typer.Option("--to", help="The UTC day after the last.")],
    seed: Annotated[int, typer.Option(help="Another seed is another market.")] = 0,
    ticks_a_day: Annotated[int, typer.Option(min=1, max=5_000_000)] = DEFAULT_TICKS_A_DAY,
    day_objects: Annotated[bool, typer.Option("--day-objects", help="Write day objects too.")] = False,
) -> None:
    """Write a synthetic market's files: hours, minute candles, and day objects if asked for."""
    market = Market(seed, ticks_a_day)
    for spelling in instruments:
        symbol = find(spelling).bi5_symbol
        written = export(folder, symbol, _day(first), _day(after), market, day_objects=day_objects)
        sys.stdout.write(f"{symbol}: {written} files\n")


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise CandlewickError(f"{text!r} is not a day", "write it as 2024-01-31") from None


def main() -> None:
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.command()(command)
    try:
        app()
    except CandlewickError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(2)


if __name__ == "__main__":
    main()
