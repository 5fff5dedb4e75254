"""Which series are collected: read from the database, remembered for when it is away.

The definitions are built from this, so it is quick, and a database that does not answer costs three
seconds and no asset: the graph as last known stays, with the reason in the log and in the sensor.
"""

import logging
from contextlib import closing
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import orjson

from candlewick import access, instruments
from candlewick.errors import CandlewickError
from candlewick.instruments import AssetClass, Kind, Series
from candlewick.live.wanted import is_live
from candlewick.pipeline import first_day
from candlewick.rechecks import WINDOW_DAYS
from candlewick.settings import Settings
from candlewick.store.changes import await_changes
from candlewick.store.database import Database
from candlewick.store.proofs import series_added
from candlewick.store.series import all_series
from candlewick.times import us_day

_CONNECT_TIMEOUT_S = 3.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Collected:
    """One collected series, as its assets show it.

    Attributes:
        title: the venue's spelling of the instrument.
        first_day: the UTC day of its first tick.
        since: the first UTC day that is collected without being asked for by hand.
    """

    series: Series
    title: str
    description: str
    first_day: date
    since: date


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What is collected; `problem` says why it may be out of date."""

    collected: tuple[Collected, ...]
    problem: str | None = None

    @property
    def history(self) -> tuple[Collected, ...]:
        """Those that are asked for a day at a time."""
        return tuple(one for one in self.collected if not is_live(one.series))

    @property
    def live(self) -> tuple[Collected, ...]:
        """Those that are streamed."""
        return tuple(one for one in self.collected if is_live(one.series))


def read(settings: Settings) -> Catalogue:
    """The collected series by name; from memory when the database does not answer."""
    memory = settings.home / "dagster" / "series.json"
    try:
        series = _from_database(settings)
    except CandlewickError as error:
        _log.warning("%s; the assets are those known last", error.problem)
        return Catalogue(tuple(_describe(*one) for one in _remembered(memory)), error.problem)
    _remember(memory, series)
    return Catalogue(tuple(_describe(*one) for one in series))


def _from_database(settings: Settings) -> list[tuple[Series, int]]:
    """Every series with the time at which it was added; one that is being added is awaited."""
    url = access.database_url(settings)
    await_changes(url)
    database = Database(url, max_connections=1, timeout_s=_CONNECT_TIMEOUT_S)
    with closing(database):
        database.open()
        with database.transaction() as connection:
            added = series_added(connection)
            # One that was added between the two questions is in the next list.
            return [(series, added[series.name]) for series in all_series(connection) if series.name in added]


def _describe(series: Series, added_us: int) -> Collected:
    since = us_day(added_us) - timedelta(days=WINDOW_DAYS)
    try:
        instrument = instruments.find(series.symbol)
    except instruments.UnknownInstrumentError:
        return Collected(series, series.symbol, "", first_day(series), since)
    return Collected(series, instrument.name, instrument.description, first_day(series), since)


def _remember(memory: Path, series: list[tuple[Series, int]]) -> None:
    memory.parent.mkdir(parents=True, exist_ok=True)
    rows = [{"series": asdict(one), "added_us": added_us} for one, added_us in series]
    body = orjson.dumps(rows, option=orjson.OPT_INDENT_2)
    if memory.exists() and memory.read_bytes() == body:
        return
    fresh = memory.with_suffix(".new")
    fresh.write_bytes(body)
    fresh.replace(memory)


def _remembered(memory: Path) -> list[tuple[Series, int]]:
    if not memory.exists():
        return []
    rows: list[dict[str, Any]] = orjson.loads(memory.read_bytes())
    return [(_series(row["series"]), row["added_us"]) for row in rows]


def _series(row: dict[str, Any]) -> Series:
    return Series(**{**row, "kind": Kind(row["kind"]), "asset_class": AssetClass(row["asset_class"])})
