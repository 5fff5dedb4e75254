"""Which series are collected, and what a chart may draw: an instrument, or one series."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from async_lru import alru_cache

from candlewick.errors import CandlewickError
from candlewick.instruments import AssetClass, Kind, Series, UnknownInstrumentError, find
from candlewick.live.wanted import is_live
from web.database import Database, Row

FRESH_S = 1.0


class UnknownSubjectError(CandlewickError):
    """There is nothing to draw under that name."""


@dataclass(frozen=True, slots=True)
class Collected:
    """A series as the database has it; `state` is collected or paused, times are microseconds since 1970."""

    series_id: int
    series: Series
    state: str
    first_tick_us: int | None
    added_us: int


@dataclass(frozen=True, slots=True)
class Subject:
    """What a chart draws: history up to its last final hour, then live; or one of the two alone."""

    id: str
    title: str
    asset_class: AssetClass
    history: Series | None
    live: Series | None

    @property
    def series(self) -> list[Series]:
        return [one for one in (self.history, self.live) if one is not None]

    @property
    def kind(self) -> Kind:
        return self.series[0].kind


@lru_cache(maxsize=10_000)
def title(symbol: str) -> str:
    """What people call an instrument; remembered, for what is unknown is compared with all that is known."""
    try:
        return find(symbol).name
    except UnknownInstrumentError:
        return symbol.upper()


def of_series(series: Series) -> Subject:
    """One series alone."""
    name = f"{title(series.symbol)} {series.venue} {series.kind}"
    live = is_live(series)
    return Subject(series.name, name, series.asset_class, None if live else series, series if live else None)


def of_instrument(symbol: str, collected: Iterable[Series]) -> Subject | None:
    """An instrument's history and, of the same kind, its live series; None where neither is collected."""
    mine = [one for one in collected if one.symbol == symbol]
    history = next((one for one in mine if not is_live(one)), None)
    live = [one for one in mine if is_live(one) and (history is None or one.kind is history.kind)]
    # What was traded says more than what was offered.
    chosen = min(live, key=lambda one: (one.kind is not Kind.TRADES, one.name), default=None)
    first = history or chosen
    if first is None:
        return None
    return Subject(symbol, title(symbol), first.asset_class, history, chosen)


def subjects(collected: Sequence[Series]) -> list[Subject]:
    """Every instrument, then every series."""
    symbols = sorted({one.symbol for one in collected})
    found = [of_instrument(symbol, collected) for symbol in symbols]
    return [one for one in found if one is not None] + [of_series(one) for one in collected]


class Catalogue:
    """The table of series, asked for once a second at most."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known = alru_cache(maxsize=1, ttl=FRESH_S)(self._read)

    async def all(self) -> dict[str, Collected]:
        """Every series that is not removed, by name.

        Raises:
            DatabaseUnavailableError: it cannot be read.
        """
        return await self._known()

    def forget(self) -> None:
        """The table has changed: the next question reads it."""
        self._known.cache_clear()

    async def _read(self) -> dict[str, Collected]:
        return {one.series.name: one for one in map(_collected, await self._database.rows("chart_series"))}

    async def series(self, name: str) -> Collected:
        """A collected series.

        Raises:
            UnknownSubjectError: it is not collected.
        """
        found = (await self.all()).get(name.casefold())
        if found is None:
            raise UnknownSubjectError(f"no series {name} is collected here", "add its instrument first")
        return found

    async def subject(self, name: str) -> Subject:
        """What a chart's name means.

        Raises:
            UnknownSubjectError: nothing of that name is collected.
        """
        if ":" in name:
            return of_series((await self.series(name)).series)
        known = [one.series for one in (await self.all()).values()]
        found = of_instrument(name.casefold(), known)
        if found is None:
            raise UnknownSubjectError(f"{name} is not collected here", "add it first")
        return found


def _collected(row: Row) -> Collected:
    series_id, venue, symbol, kind, asset_class, price_scale, volume_scale, calendar, state, first, added = (
        row
    )
    series = Series(venue, symbol, Kind(kind), AssetClass(asset_class), price_scale, volume_scale, calendar)
    return Collected(series_id, series, state, first, added)
