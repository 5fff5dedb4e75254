"""Add an instrument: the one place that changes what is collected."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import partial

from candlewick import access
from candlewick.bus_admin import BusAdmin
from candlewick.calendars import calendar
from candlewick.dukascopy.venue import confirm_scale
from candlewick.errors import CandlewickError
from candlewick.history import History
from candlewick.instruments import (
    DUKASCOPY,
    AssetClass,
    Instrument,
    Kind,
    Series,
    UnknownInstrumentError,
    UnvouchedScaleError,
    dukascopy_series,
    find,
    parse_series,
)
from candlewick.live.wanted import is_live
from candlewick.settings import Settings
from candlewick.store import Store
from candlewick.times import day_us
from candlewick.venues import kraken, oanda
from candlewick.venues.symbols import kraken_spelling, oanda_spelling

# Sessions are written for as long as anyone may ask about; clock changes to come are those of today's law.
SESSIONS_FROM = date(1998, 1, 1)
SESSIONS_TO = date(2050, 1, 1)


@dataclass(frozen=True, slots=True)
class Added:
    """A series that is collected; `is_new` unless it was before; `title` is what people call it."""

    series: Series
    title: str
    is_new: bool


def add(
    history: History, spelling: str, *, price_scale: int | None = None
) -> tuple[list[Added], list[CandlewickError]]:
    """Collects an instrument from now on, at every venue that has it: history, and live.

    Doing it again repairs what is missing. The definitions of Dagster show it once they are reloaded; the
    workers of live venues subscribe within two seconds. A venue that cannot be asked does not keep the
    others out: returns what was added, and why the rest could not be.

    Args:
        spelling: a series' name (`dukascopy:eurusd:quotes`, `kraken:btcusd:trades`), or any usual spelling
            of an instrument.
        price_scale: decimal digits of its prices, where neither the packaged table nor the venue can say.

    Raises:
        CandlewickError: the spelling means no instrument or several, or a server does not answer.
    """
    if ":" in spelling:
        venue, symbol, kind = parse_series(spelling)
        if venue in _LIVE:
            return [_add_live(history, venue, symbol, kind)], []
        return [add_history(history, spelling, price_scale=price_scale)], []
    instrument = find(spelling)
    added: list[Added] = []
    refused: list[CandlewickError] = []
    wanted: list[Callable[[], Added]] = [
        partial(add_history, history, instrument.symbol, price_scale=price_scale)
    ]
    wanted += [partial(_add_live, history, *one) for one in live_series(instrument)]
    for one in wanted:
        try:
            added.append(one())
        except CandlewickError as error:
            refused.append(error)
    if not added:
        raise refused[0]
    return added, refused


def live_series(instrument: Instrument) -> list[tuple[str, str, Kind]]:
    """The live series of an instrument as venue, symbol, kind; whether the venue has it is asked later."""
    if instrument.asset_class is AssetClass.CRYPTO:
        return [(kraken.NAME, instrument.symbol, kind) for kind in (Kind.TRADES, Kind.QUOTES)]
    if oanda.is_major(instrument.symbol):
        return [(oanda.NAME, instrument.symbol, Kind.QUOTES)]
    return []


def add_history(history: History, spelling: str, *, price_scale: int | None = None) -> Added:
    """Collects Dukascopy's history of an instrument: its series, sessions, topic, schema and subscription.

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
    return Added(series, instrument.name, known is None)


def _add_live(history: History, venue: str, symbol: str, kind: Kind) -> Added:
    known = history.store.series(f"{venue}:{symbol}:{kind}")
    series = known or _LIVE[venue](history.settings, symbol, kind)
    collect(history, series)
    spell = kraken_spelling if venue == kraken.NAME else oanda_spelling
    return Added(series, spell(symbol).replace("_", "/"), known is None)


def _kraken(settings: Settings, symbol: str, kind: Kind) -> Series:
    return kraken.series(symbol, kind, settings.kraken_rest_url)


def _oanda(settings: Settings, symbol: str, kind: Kind) -> Series:
    if kind is not Kind.QUOTES:
        raise CandlewickError("OANDA has no trades", f"it has quotes: oanda:{symbol}:quotes")
    return oanda.series(symbol, settings.oanda_rest_url, settings.oanda_token, settings.oanda_account)


_LIVE: dict[str, Callable[[Settings, str, Kind], Series]] = {kraken.NAME: _kraken, oanda.NAME: _oanda}


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
            mine, not_mine = add(history, spelling)
        except CandlewickError as error:
            refused.append(error)
        else:
            added += mine
            refused += not_mine
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


def collect_live(settings: Settings, store: Store, series: Series) -> None:
    """Makes everything that a live series needs: its topics, those of its hours, sessions and its row.

    Workers, recorder and refresher follow the row within two seconds.
    """
    token = access.pulsar_token(settings, access.PULSAR_ADMIN)
    with BusAdmin(access.pulsar_admin_url(settings), token) as admin:
        admin.ensure_series(series)
        admin.ensure_live(series)
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
