"""Series, symbols and scales; the packaged instrument table. Standard library only.

The table is `data/instruments.csv`: Dukascopy's 1,622 instruments. Where each column comes from, and which
price scales it vouches for, is in `docs/instruments.md`.
"""

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from functools import lru_cache
from importlib.resources import files

from candlewick.errors import CandlewickError
from candlewick.times import parse_time

DUKASCOPY = "dukascopy"

_VOLUME_SCALE = 6
_MAX_SUGGESTIONS = 8


class AssetClass(StrEnum):
    CRYPTO = "crypto"
    FOREX = "forex"
    METAL = "metal"
    INDEX = "index"
    COMMODITY = "commodity"
    EQUITY = "equity"


class Kind(StrEnum):
    QUOTES = "quotes"
    TRADES = "trades"


@dataclass(frozen=True, slots=True)
class Series:
    """One venue's record of one instrument in one kind.

    Attributes:
        symbol: lower case, no punctuation (`eurusd`).
        price_scale, volume_scale: decimal digits (5 means that 108412 is 1.08412).
        calendar: name of its trading week in `calendars.py`.
    """

    venue: str
    symbol: str
    kind: Kind
    asset_class: AssetClass
    price_scale: int
    volume_scale: int
    calendar: str

    @property
    def name(self) -> str:
        return f"{self.venue}:{self.symbol}:{self.kind}"


@dataclass(frozen=True, slots=True)
class Instrument:
    """What Dukascopy says of one of its instruments.

    Attributes:
        symbol: lower case, no punctuation (`eurusd`); unique.
        name: the venue's spelling, `EUR/USD`, `AAPL.US/USD`.
        group: the venue's own grouping (`FX_MAJORS`, `US`); may be empty.
        bi5_symbol: its folder on the bi5 host.
        jetta_code: its code in the JSON feed; None where the feed does not list it.
        price_scale: decimal digits of its prices; None where no list states them.
        scale_vouched: two independent lists of the venue state this scale. Where they do not, it is
            a guess, to be confirmed by the venue's own answer before any price is read by it.
        calendar: name of its trading week in `calendars.py`.
        first_tick_us: its earliest known tick, microseconds since 1970, UTC; None where unknown.
    """

    symbol: str
    name: str
    description: str
    asset_class: AssetClass
    group: str
    bi5_symbol: str
    jetta_code: str | None
    price_scale: int | None
    scale_vouched: bool
    calendar: str
    first_tick_us: int | None


class UnknownInstrumentError(CandlewickError):
    """A spelling that means no instrument, or several; `candidates` are the nearest, best first."""

    def __init__(self, problem: str, candidates: Iterable[Instrument]) -> None:
        self.candidates = tuple(candidates)
        near = ", ".join(instrument.name for instrument in self.candidates)
        super().__init__(
            problem,
            f"did you mean {near}?"
            if near
            else "`candlewick instruments TEXT` searches names and descriptions",
        )


class UnvouchedScaleError(CandlewickError):
    """The table cannot say how many decimals an instrument's prices have."""


@lru_cache(maxsize=1)
def all_instruments() -> tuple[Instrument, ...]:
    """The whole table, by symbol."""
    text = files("candlewick").joinpath("data/instruments.csv").read_text(encoding="utf-8")
    return tuple(_instrument(row) for row in csv.DictReader(text.splitlines()))


def _instrument(row: dict[str, str]) -> Instrument:
    return Instrument(
        symbol=row["symbol"],
        name=row["name"],
        description=row["description"],
        asset_class=AssetClass(row["asset_class"]),
        group=row["group"],
        bi5_symbol=row["bi5_symbol"] or row["symbol"].upper(),
        jetta_code=row["jetta_code"] or None,
        price_scale=int(row["price_scale"]) if row["price_scale"] else None,
        scale_vouched=row["scale_vouched"] == "1",
        calendar=row["calendar"],
        first_tick_us=parse_time(row["first_tick"]) if row["first_tick"] else None,
    )


def find(spelling: str) -> Instrument:
    """The one instrument that a spelling means.

    Case and punctuation do not matter: `eurusd`, `EUR/USD`, `EUR-USD`, `AAPL.US/USD`, `AAPL.US` and, since
    no other instrument is called so, `AAPL`.

    Raises:
        UnknownInstrumentError: it means none, or several.
    """
    key = _plain(spelling)
    if not key:
        raise UnknownInstrumentError(f"{spelling!r} names no instrument", ())
    by_symbol = _by_symbol().get(key)
    if by_symbol is not None:
        return by_symbol
    named = _by_alias().get(key, ())
    if len(named) > 1:
        # Punctuation decides where it can: `A.US` is not `AUS.IDX`.
        literal = [found for found in named if spelling.strip().casefold() in _aliases(found)]
        named = tuple(literal) or named
    if len(named) == 1:
        return named[0]
    if named:
        raise UnknownInstrumentError(
            f"{spelling!r} may mean {len(named)} instruments", _ranked(key, named)[:_MAX_SUGGESTIONS]
        )
    raise UnknownInstrumentError(f"there is no instrument {spelling!r}", _suggestions(spelling))


def search(text: str) -> list[Instrument]:
    """Instruments whose symbol, name, description or group holds every word of a text, best first.

    An empty text finds all of them.
    """
    words = [word for word in re.split(r"\s+", text.strip().casefold()) if _plain(word)]
    key = _plain(text)
    return _ranked(
        key,
        [
            instrument
            for instrument in all_instruments()
            if (key and key in instrument.symbol) or _holds(instrument, words)
        ],
    )


def _holds(instrument: Instrument, words: list[str]) -> bool:
    prose = f"{instrument.description} {instrument.group} {instrument.asset_class}".casefold()
    return all(_plain(word) in instrument.symbol or word in prose for word in words)


def _ranked(key: str, instruments: Iterable[Instrument]) -> list[Instrument]:
    """Best first: what is called so, then what begins so, then what is described so."""

    def rank(instrument: Instrument) -> tuple[int, bool, bool, int, str]:
        called = {_plain(alias) for alias in _aliases(instrument)}
        described = _plain(instrument.description.partition(" vs ")[0])
        if key == instrument.symbol:
            grade = 0
        elif key in called or key == described:
            grade = 1
        elif instrument.symbol.startswith(key) or described.startswith(key):
            grade = 2
        else:
            grade = 3
        return (
            grade,
            instrument.asset_class is AssetClass.EQUITY,
            not instrument.symbol.endswith("usd"),
            len(instrument.symbol),
            instrument.symbol,
        )

    return sorted(instruments, key=rank)


def _suggestions(spelling: str) -> list[Instrument]:
    found = search(spelling)
    if not found:
        keys = get_close_matches(
            _plain(spelling), [*_by_symbol(), *_by_alias()], n=_MAX_SUGGESTIONS, cutoff=0.7
        )
        near = [instrument for key in keys for instrument in (_by_symbol_or_alias(key))]
        found = list(dict.fromkeys(near))
    return found[:_MAX_SUGGESTIONS]


def _by_symbol_or_alias(key: str) -> tuple[Instrument, ...]:
    by_symbol = _by_symbol().get(key)
    return (by_symbol,) if by_symbol is not None else _by_alias()[key]


def _plain(spelling: str) -> str:
    """Lower case without punctuation."""
    return re.sub(r"[^a-z0-9]", "", spelling.casefold())


def _aliases(instrument: Instrument) -> Iterator[str]:
    """`aapl.us/usd`, `aapl.us`, `aapl`."""
    name = instrument.name.casefold()
    base = name.partition("/")[0]
    yield from (name, base, base.partition(".")[0])


@lru_cache(maxsize=1)
def _by_symbol() -> dict[str, Instrument]:
    return {instrument.symbol: instrument for instrument in all_instruments()}


@lru_cache(maxsize=1)
def _by_alias() -> dict[str, tuple[Instrument, ...]]:
    found: dict[str, dict[str, Instrument]] = {}
    for instrument in all_instruments():
        for alias in _aliases(instrument):
            found.setdefault(_plain(alias), {})[instrument.symbol] = instrument
    return {key: tuple(instruments.values()) for key, instruments in found.items()}


def dukascopy_series(instrument: Instrument, price_scale: int | None = None) -> Series:
    """Dukascopy's quotes of an instrument. Volumes are millions of units, held as whole units.

    Args:
        price_scale: decimal digits that the venue's own answer has confirmed; needed where the table
            cannot vouch for its own.

    Raises:
        UnvouchedScaleError: the scale is not vouched for and none is given, or the two differ.
    """
    if instrument.scale_vouched:
        if price_scale not in (None, instrument.price_scale):
            raise UnvouchedScaleError(
                f"{instrument.name} has {instrument.price_scale} decimals by two lists of the venue"
                f" and {price_scale} by this answer",
                "compare a price with another source before you collect it",
            )
        price_scale = instrument.price_scale
    if price_scale is None:
        raise UnvouchedScaleError(
            f"how many decimals {instrument.name} has is not certain",
            "the venue's own answer must confirm it: add the instrument while the venue can be reached",
        )
    return Series(
        venue=DUKASCOPY,
        symbol=instrument.symbol,
        kind=Kind.QUOTES,
        asset_class=instrument.asset_class,
        price_scale=price_scale,
        volume_scale=_VOLUME_SCALE,
        calendar=instrument.calendar,
    )


def parse_series(name: str) -> tuple[str, str, Kind]:
    """`dukascopy:eurusd:quotes` as venue, symbol and kind.

    Raises:
        CandlewickError: the text is not written so.
    """
    venue, _, rest = name.strip().casefold().partition(":")
    symbol, _, kind = rest.partition(":")
    if (
        not re.fullmatch(r"[a-z0-9]+", venue)
        or not re.fullmatch(r"[a-z0-9]+", symbol)
        or kind not in tuple(Kind)
    ):
        raise CandlewickError(
            f"{name!r} is not a series", "write venue, symbol and kind: dukascopy:eurusd:quotes"
        )
    return venue, symbol, Kind(kind)


def series_for(text: str) -> Series:
    """The series that a series' name (`dukascopy:eurusd:quotes`) or an instrument's spelling means.

    Raises:
        UnknownInstrumentError: it means no instrument, or several.
        UnvouchedScaleError: its price scale must be confirmed first.
        CandlewickError: the venue has no history of that kind.
    """
    if ":" not in text:
        return dukascopy_series(find(text))
    venue, symbol, kind = parse_series(text)
    if (venue, kind) != (DUKASCOPY, Kind.QUOTES):
        raise CandlewickError(
            f"there is no history of {text!r}", "Dukascopy has quotes: dukascopy:eurusd:quotes"
        )
    return dukascopy_series(find(symbol))
