"""Older trades of a live venue by REST: in this process, an hour after the other."""

from collections.abc import Iterator, Sequence

from candlewick import access
from candlewick.bus import Bus
from candlewick.candles import Level
from candlewick.control.steps import Report, StepName, nobody, step
from candlewick.errors import CandlewickError
from candlewick.history import History
from candlewick.instruments import Kind, Series
from candlewick.settings import Settings
from candlewick.store import Store
from candlewick.times import iso
from candlewick.venues import kraken, kraken_history
from candlewick.venues.kraken_history import FilledHour


def wanted_hours(store: Store, series: Series, start_us: int, end_us: int) -> list[int]:
    """The hours of a span that are over and not whole, in order.

    Raises:
        CandlewickError: the venue has no history of this series.
    """
    if series.venue != kraken.NAME or series.kind is not Kind.TRADES:
        raise CandlewickError(
            f"the venue keeps no history of {series.name}",
            "a gap of it stays; `candlewick coverage` shows where",
        )
    return kraken_history.wanted_hours(store, series, start_us, end_us)


def fill(settings: Settings, store: Store, series: Series, hours: Sequence[int]) -> Iterator[FilledHour]:
    """Each of `wanted_hours` as it has landed; in the end their candles are made.

    Raises:
        CandlewickError: the venue refuses for long, or a server does not answer.
    """
    token = access.pulsar_token(settings, access.PULSAR_PUBLISHER)
    with Bus(access.pulsar_url(settings), token) as bus:
        yield from kraken_history.fill(settings.kraken_rest_url, store, bus, series, hours)
    if hours:
        for level in Level:
            store.refresh(series.name, level, hours[0], hours[-1] + 1)


def fill_span(
    history: History, series: Series, start_us: int, end_us: int, *, report: Report = nobody
) -> None:
    """Fills a span of a live series, and tells of each hour.

    Raises:
        CandlewickError: as of `wanted_hours` and `fill`.
    """
    with step(report, StepName.BACKFILL, f"asking for {series.name}") as going:
        hours = wanted_hours(history.store, series, start_us, end_us)
        trades = 0
        for number, filled in enumerate(fill(history.settings, history.store, series, hours), 1):
            trades += filled.trades
            going.say(f"{number} of {len(hours)} hours, up to {iso(filled.hour_us)}: {trades:,} trades")
        if not hours:
            going.say(f"{series.name}: nothing is missing")
