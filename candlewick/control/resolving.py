"""What a spelling means: the series of an instrument at every venue that has it."""

from collections.abc import Callable
from dataclasses import dataclass, field

from candlewick.dukascopy.venue import confirm_scale
from candlewick.errors import CandlewickError
from candlewick.history import History
from candlewick.instruments import (
    DUKASCOPY,
    AssetClass,
    Instrument,
    Kind,
    Series,
    UnvouchedScaleError,
    dukascopy_series,
    find,
    parse_series,
)
from candlewick.settings import Settings
from candlewick.venues import kraken, oanda
from candlewick.venues.symbols import kraken_spelling, oanda_spelling

_NEVER_AT_OANDA = frozenset({AssetClass.CRYPTO, AssetClass.EQUITY})


@dataclass(frozen=True, slots=True)
class Found:
    """A series that is to be collected; `is_new` unless it is known; `title` is what people call it."""

    series: Series
    title: str
    is_new: bool


@dataclass(slots=True)
class Meaning:
    """What a spelling means; `refused` says why a venue that may have the instrument could not be asked."""

    symbol: str
    found: list[Found] = field(default_factory=list)
    refused: list[CandlewickError] = field(default_factory=list)


def symbol_of(spelling: str) -> str:
    """The instrument that a series' name or a spelling is about.

    Raises:
        UnknownInstrumentError: the spelling means none, or several.
        CandlewickError: it is written like a series' name, and is none.
    """
    return parse_series(spelling)[1] if ":" in spelling else find(spelling).symbol


def resolve(history: History, spelling: str, *, price_scale: int | None = None) -> Meaning:
    """Every series that a spelling means; venues are asked where only they know how many decimals it has.

    A venue that cannot be asked does not keep the others out.

    Raises:
        CandlewickError: it means no instrument or several, or no series of it can be collected.
    """
    meaning = Meaning(symbol_of(spelling))
    for ask in _questions(history, spelling, price_scale):
        try:
            meaning.found.append(ask())
        except (kraken.UnknownPairError, oanda.UnknownInstrumentError) as error:
            # Not every venue has everything: that is no failure, unless this one was named.
            if ":" in spelling:
                meaning.refused.append(error)
        except CandlewickError as error:
            meaning.refused.append(error)
    if not meaning.found:
        raise meaning.refused[0]
    return meaning


def _questions(history: History, spelling: str, price_scale: int | None) -> list[Callable[[], Found]]:
    if ":" in spelling:
        venue, symbol, kind = parse_series(spelling)
        if venue in _LIVE:
            return [lambda: live(history, venue, symbol, kind)]
        return [lambda: historical(history, spelling, price_scale=price_scale)]
    instrument = find(spelling)
    found = [lambda: historical(history, instrument.symbol, price_scale=price_scale)]
    for venue, kind in live_venues(instrument, history.settings):
        found.append(lambda venue=venue, kind=kind: live(history, venue, instrument.symbol, kind))  # type: ignore[misc]
    return found


def live_venues(instrument: Instrument, settings: Settings) -> list[tuple[str, Kind]]:
    """Where an instrument may be streamed, and what; whether the venue has it is asked later.

    OANDA is asked for what is no pair of major currencies only where there are credentials: without, its
    prices are not known.
    """
    if instrument.asset_class is AssetClass.CRYPTO:
        return [(kraken.NAME, kind) for kind in (Kind.TRADES, Kind.QUOTES)]
    if oanda.is_major(instrument.symbol):
        return [(oanda.NAME, Kind.QUOTES)]
    configured = settings.oanda_token is not None and settings.oanda_account is not None
    if configured and instrument.asset_class not in _NEVER_AT_OANDA:
        return [(oanda.NAME, Kind.QUOTES)]
    return []


def historical(history: History, spelling: str, *, price_scale: int | None = None) -> Found:
    """Dukascopy's quotes of an instrument.

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
    return Found(series, instrument.name, known is None)


def live(history: History, venue: str, symbol: str, kind: Kind) -> Found:
    """A series of a venue that is streamed.

    Raises:
        CandlewickError: the venue has no such instrument, or cannot be asked.
    """
    known = history.store.series(f"{venue}:{symbol}:{kind}")
    series = known or _LIVE[venue](history.settings, symbol, kind)
    spell = kraken_spelling if venue == kraken.NAME else oanda_spelling
    return Found(series, spell(symbol).replace("_", "/"), known is None)


def _kraken(settings: Settings, symbol: str, kind: Kind) -> Series:
    return kraken.series(symbol, kind, settings.kraken_rest_url)


def _oanda(settings: Settings, symbol: str, kind: Kind) -> Series:
    if kind is not Kind.QUOTES:
        raise CandlewickError("OANDA has no trades", f"it has quotes: oanda:{symbol}:quotes")
    return oanda.series(symbol, settings.oanda_rest_url, settings.oanda_token, settings.oanda_account)


_LIVE: dict[str, Callable[[Settings, str, Kind], Series]] = {kraken.NAME: _kraken, oanda.NAME: _oanda}


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
