"""`candlewick rebuild`: candles from ticks, or everything from the archive."""

import sys
from typing import Annotated

import typer

from candlewick import pipeline
from candlewick.candles import Level
from candlewick.commands.backfill import collected
from candlewick.commands.spans import From, SeriesName, To, span
from candlewick.errors import CandlewickError
from candlewick.history import History
from candlewick.live.wanted import is_live
from candlewick.settings import Settings
from candlewick.times import DAY_US, day_us, now_us, us_day


def register(app: typer.Typer) -> None:
    app.command()(rebuild)


def rebuild(
    series: SeriesName,
    *,
    start: From,
    end: To,
    from_archive: Annotated[
        bool,
        typer.Option("--from-archive", help="Decode the archived bytes again and publish what differs, too."),
    ] = False,
) -> None:
    """Make the candles of whole UTC days anew from ticks; with --from-archive the hours as well.

    Exits 1 if anything of the archive could not be read.
    """
    unread = 0
    start_us, end_us = span(start, end)
    with History(Settings()) as history:
        known = collected(history.store, series)
        if from_archive and is_live(known):
            raise CandlewickError(
                f"{known.name} is streamed: there are no archived bytes of it", "leave out --from-archive"
            )
        days = pipeline.partition_days(known, us_day(start_us), us_day(min(end_us - 1, now_us())))
        if not days:
            raise CandlewickError(f"{known.name} has no trading day in that span", "give another one")
        if from_archive:
            for rebuilt in history.rebuild(known, days):
                if rebuilt.hours:
                    sys.stderr.write(f"{rebuilt.day}: {rebuilt.hours} hours published anew\n")
                unread += len(rebuilt.complaints)
                for complaint in rebuilt.complaints:
                    sys.stderr.write(f"{rebuilt.day}: {complaint}\n")
        history.store.distrust_candles(known.name, day_us(days[0]), day_us(days[-1]) + DAY_US)
        made = [history.refresh(known, level, days) for level in Level]
    count = sum(refreshed.candles for refreshed in made)
    seconds = sum(refreshed.seconds for refreshed in made)
    sys.stdout.write(
        f"{known.name}: {count:,} candles of {made[0].hours} hours made anew in {seconds:.1f} s\n"
    )
    if unread:
        sys.stderr.write("what could not be read: `candlewick backfill` of those days fetches it again\n")
        raise typer.Exit(1)
