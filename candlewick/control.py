"""Add an instrument: the one place that changes what is collected."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from candlewick import access
from candlewick.bus_admin import BusAdmin
from candlewick.calendars import calendar
from candlewick.dukascopy.venue import confirm_scale
from candlewick.errors import CandlewickError
from candlewick.history import History
from candlewick.instruments import (
    DUKASCOPY,
    Instrument,
    Kind,
    Series,
    UnknownInstrumentError,
    UnvouchedScaleError,
    dukascopy_series,
    find,
    parse_series,
)
from candlewick.live.events import Channel
from candlewick.live.wanted import is_live
from candlewick.settings import Settings
from candlewick.store import Store
from candlewick.times import day_us

# Sessions are written for as long as anyone may ask about; clock changes to come are those of today's law.
SESSIONS_FROM = date(1998, 1, 1)
SESSIONS_TO = date(2050, 1, 1)


@dataclass(frozen=True, slots=True)
class Added:
    """A series that is collected; `is_new` unless it was before."""

    series: Series
    instrument: Instrument
    is_new: bool


def add(history: History, spelling: str, *, price_scale: int | None = None) -> Added:
    """Collects an instrument from now on: its series, sessions, topic, schema and sink subscription.

    Doing it again repairs what is missing. The definitions of Dagster show it once they are reloaded.

    Args:
        spelling: a series' name (`dukascopy:eurusd:quotes`) or any usual spelling of an instrument.
        price_scale: decimal digits of its prices, where neither the packaged table nor the venue can say.

    Raises:
        CandlewickError: the spelling means no instrument or several, its scale cannot be confirmed or is
            not the one it is kept with, or a server does not answer.
    """
    instrument = find(_symbol(spelling))
    known = history.store.series(f"{DUKASCOPY}:{instrument.symbol}:{Kind.QUOTES}")
    series = known or _series(history, instrument, price_scale)
    if known and price_scale not in {None, known.price_scale}:
        raise CandlewickError(
            f"{known.name} is kept with {known.price_scale} price decimals, not {price_scale}",
            "leave out --price-scale",
        )
    collect(history, series)
    return Added(series, instrument, known is None)


def add_defaults(history: History) -> tuple[list[Added], list[CandlewickError]]:
    """Collects what a new installation is to collect; one that has any series has made its own choice.

    Series that are collected already are mended, should a server have been set up anew. Returns what was
    added, and why others could not be: one that fails does not keep the rest out.
    """
    known = history.store.all_series()
    for series in known:
        collect(history, series)
    added: list[Added] = []
    refused: list[CandlewickError] = []
    for spelling in [] if known else history.settings.default_spellings:
        try:
            added.append(add(history, spelling))
        except CandlewickError as error:
            refused.append(error)
    return added, refused


def collect(history: History, series: Series) -> None:
    """Makes everything that a series needs: database rows, topic, schema and subscription."""
    if is_live(series):
        collect_live(history.settings, history.store, series)
        return
    settings = history.settings
    token = access.pulsar_token(settings, access.PULSAR_ADMIN)
    with BusAdmin(access.pulsar_admin_url(settings), token) as admin:
        admin.ensure_series(series)
    _write_sessions(history.store, series)
    # Last: from here on it counts as collected.
    history.store.add_series(series, first_tick_us=_first_tick_us(series))


def collect_live(
    settings: Settings, store: Store, series: Series, channels: Sequence[Channel] | None = None
) -> None:
    """Makes everything that a live series needs: its topics, those of its hours, sessions and its row.

    Workers, recorder and refresher follow the row within two seconds.

    Args:
        channels: what is streamed of it; by default its own kind alone.
    """
    token = access.pulsar_token(settings, access.PULSAR_ADMIN)
    with BusAdmin(access.pulsar_admin_url(settings), token) as admin:
        admin.ensure_series(series)
        admin.ensure_live(series, channels or [Channel(series.kind.value)])
    _write_sessions(store, series)
    # Last: from here on it is streamed.
    store.add_series(series)


def _write_sessions(store: Store, series: Series) -> None:
    start_us, end_us = day_us(SESSIONS_FROM), day_us(SESSIONS_TO)
    week = calendar(series.calendar)
    store.write_sessions(week.name, week.sessions(start_us, end_us), (start_us, end_us))


def _first_tick_us(series: Series) -> int | None:
    try:
        return find(series.symbol).first_tick_us
    except UnknownInstrumentError:
        return None


def _symbol(spelling: str) -> str:
    if ":" not in spelling:
        return spelling
    venue, symbol, kind = parse_series(spelling)
    if (venue, kind) != (DUKASCOPY, Kind.QUOTES):
        raise CandlewickError(
            f"there is no history of {spelling!r}", "Dukascopy has quotes: dukascopy:eurusd:quotes"
        )
    return symbol


def _series(history: History, instrument: Instrument, price_scale: int | None) -> Series:
    try:
        return dukascopy_series(instrument, price_scale)
    except UnvouchedScaleError:
        if price_scale is not None:
            raise
    return dukascopy_series(instrument, confirm_scale(history.venue, instrument))
