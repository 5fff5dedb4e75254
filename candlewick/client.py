"""What consumers import: candles, ticks and coverage as Arrow tables (`.to_pandas()` for pandas).

with Client() as client:
    candles = client.candles("EUR/USD", "1h", "2026-11-02", "2026-11-09").to_pandas()
"""

from collections.abc import Iterator
from datetime import date, datetime
from types import TracebackType
from typing import TYPE_CHECKING, Self

import pyarrow as pa

from candlewick import access
from candlewick.candles import Timeframe
from candlewick.errors import CandlewickError
from candlewick.instruments import Series, series_for
from candlewick.settings import Settings
from candlewick.store import CoverageRow, Store, UnknownSeriesError
from candlewick.store.series import SeriesState
from candlewick.tables import candle_schema, candle_table, coverage_table, tick_schema, tick_table
from candlewick.times import day_us, parse_time, to_us

if TYPE_CHECKING:
    from candlewick.consume import Item

Moment = str | date | datetime | int
"""ISO 8601 text (UTC unless it says otherwise), a UTC day, an aware time, or microseconds since 1970."""


def moment_us(moment: Moment) -> int:
    """A moment in any spelling as microseconds since 1970, UTC.

    Raises:
        CandlewickError: the text is no time.
        ValueError: a `datetime` without a time zone.
    """
    match moment:
        case str():
            return parse_time(moment)
        case datetime():
            return to_us(moment)
        case date():
            return day_us(moment)
    return moment


def timeframe_named(name: str) -> Timeframe:
    """The timeframe of that name, `1m` to `1w`.

    Raises:
        CandlewickError: there is none.
    """
    try:
        return Timeframe(name)
    except ValueError:
        raise CandlewickError(f"there are no {name!r} candles", f"there are {', '.join(Timeframe)}") from None


def _reader_url(settings: Settings) -> str:
    """What the settings name is taken as it is: whoever only reads may have been given a reader's URL."""
    if settings.database_url is not None:
        return settings.database_url.get_secret_value()
    return access.database_url(settings, access.READER)


class Client:
    """Reads one Candlewick database. Spans are [start, end); `series` is a series' name or an instrument.

    Safe to share between threads; make a new one after a fork. Every method raises
    `DatabaseUnavailableError` when the database does not answer, and `UnknownSeriesError` for what is
    not collected.

    Args:
        source: settings, or a database's URL. By default the settings of this process; the role of
            embedded servers is the one that may only read.
    """

    def __init__(self, source: Settings | str | None = None) -> None:
        self._settings = None if isinstance(source, str) else source or Settings()
        self._store = Store(source if isinstance(source, str) else _reader_url(self._settings or Settings()))
        # What a series is does not change while it is collected.
        self._found: dict[str, Series] = {}

    def __enter__(self) -> Self:
        self._store.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._store.__exit__(kind, error, traceback)

    def series(self, text: str) -> Series:
        """The collected series that a name or an instrument's spelling means."""
        found = self._found.get(text)
        if found is None:
            found = self._store.series(text)
            if found is None:
                name = text if ":" in text else series_for(text).name
                found = self._store.series(name)
                if found is None:
                    raise UnknownSeriesError(name)
            self._found[text] = found
        return found

    def all_series(self) -> list[Series]:
        """Every collected series, by name."""
        return self._store.all_series()

    def series_states(self) -> dict[str, SeriesState]:
        """Of each series that is known here whether it is collected, paused or removed."""
        return self._store.series_states()

    def candles(self, series: str, timeframe: str, start: Moment, end: Moment) -> pa.Table:
        """Candles that begin in the span, oldest first; columns as in `docs/data-model.md`."""
        tables = [*self.iter_candles(series, timeframe, start, end)]
        return pa.concat_tables(tables) if tables else candle_schema(self.series(series)).empty_table()

    def iter_candles(
        self, series: str, timeframe: str, start: Moment, end: Moment, *, exact: bool = False
    ) -> Iterator[pa.Table]:
        """Like `candles`, some 100,000 rows at a time; `exact` gives text with all digits, not float64."""
        known = self.series(series)
        span = moment_us(start), moment_us(end)
        for candles in self._store.read_candles(known, timeframe_named(timeframe), *span):
            yield candle_table(known, candles, exact=exact)

    def ticks(self, series: str, start: Moment, end: Moment) -> pa.Table:
        """Quotes or trades of the span in the venue's order; columns as in `docs/data-model.md`."""
        tables = [*self.iter_ticks(series, start, end)]
        return pa.concat_tables(tables) if tables else tick_schema(self.series(series)).empty_table()

    def iter_ticks(
        self, series: str, start: Moment, end: Moment, *, exact: bool = False
    ) -> Iterator[pa.Table]:
        """Like `ticks`, an hour at a time; `exact` gives text with all digits, not float64."""
        known = self.series(series)
        start_us, end_us = moment_us(start), moment_us(end)
        for hour_us, ticks in self._store.read_ticks(known, start_us, end_us):
            yield tick_table(known, hour_us, ticks, exact=exact)

    def follow(self, series: str, start: Moment, *, patience_s: float | None = None) -> Iterator["Item"]:
        """Every tick of a series from a moment on: first stored ones, then, without end, those that happen.

        Items are `Traded` or `Quoted`, integers in the scales of `self.series(series)`; `Missing` where
        something may be missing, `Filled` once that was given after all; `Live` where history ends. No tick
        comes twice and none is left out. It survives restarts of the broker; once live it asks the database
        only when all is silent, each minute, whether the series is still collected. Ticks that fill a gap
        come late, with their own time.

        Args:
            patience_s: ends after that long without anything new, once live; None: never.

        Raises:
            CandlewickError: the broker refuses, the series was removed meanwhile, or this client knows a
                database only.
        """
        # Not before it is needed: it loads Pulsar's client.
        from candlewick.consume import Broker, Follower  # noqa: PLC0415

        if self._settings is None:
            raise CandlewickError(
                "a client that was given a database's URL knows no broker",
                "give it settings: Client(Settings())",
            )
        token = access.pulsar_token(self._settings, access.PULSAR_READER)
        broker = Broker(access.pulsar_url(self._settings), access.pulsar_admin_url(self._settings), token)
        return iter(Follower(self._store, broker, self.series(series), moment_us(start), patience_s))

    def coverage(self, series: str, start: Moment, end: Moment) -> pa.Table:
        """What is known of each hour that overlaps the span."""
        return coverage_table(self.coverage_rows(series, start, end))

    def coverage_rows(self, series: str, start: Moment, end: Moment) -> list[CoverageRow]:
        """Like `coverage`, an object per hour."""
        return self._store.coverage(self.series(series).name, moment_us(start), moment_us(end))
