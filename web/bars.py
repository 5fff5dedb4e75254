"""What a chart draws of a span: one timeframe, what is known to be missing, and where live goes on."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from candlewick.candles import INTRADAY_US, Timeframe, trading_day
from candlewick.errors import CandlewickError
from candlewick.instruments import DUKASCOPY, Series
from candlewick.live.wanted import is_live
from candlewick.times import DAY_US, HOUR_US, now_us
from web import columns, stored, zoom
from web.catalogue import Catalogue, Subject
from web.columns import Columns
from web.database import Connection, Database
from web.hour_map import HourMap, Missing, Span
from web.hour_maps import HourMaps
from web.positions import Resume, resume
from web.stored import Edge

LIVE_US = 3 * HOUR_US
"""A span of a live series that ends this long ago at most touches hours that still change."""

TICKS_WITHIN_US = 7 * DAY_US
"""A longer span is never drawn in ticks, however few there are."""

GAP = "a gap that was not filled"

DIGITS_OF_A_MILLION = 6

_LONGEST_US = {
    Timeframe.H4: 4 * HOUR_US,
    Timeframe.D1: DAY_US + 2 * HOUR_US,
    Timeframe.W1: 7 * DAY_US + 2 * HOUR_US,
}


@dataclass(frozen=True, slots=True)
class Part:
    """The piece of a span that one series is drawn in."""

    series: Series
    map: HourMap
    from_us: int
    to_us: int


@dataclass(frozen=True, slots=True)
class Bars:
    """The answer; see docs/http-api.md."""

    timeframe: str
    from_us: int
    to_us: int
    series: list[str]
    boundary_us: int | None
    columns: Columns
    gaps: list[tuple[Span, str]] = field(default_factory=list)
    closed: list[Span] = field(default_factory=list)
    missing: list[Missing] = field(default_factory=list)
    position: str | None = None

    @property
    def lasts(self) -> bool:
        """Whether it will be the same tomorrow, as far as anyone knows."""
        return self.position is None and not self.missing and self.to_us < now_us() - 8 * DAY_US


@dataclass(frozen=True, slots=True)
class Reach:
    """From where to where a subject has anything, and where its live series begins.

    `first_us` is None where nothing is stored.
    """

    first_us: int | None
    last_us: int | None
    boundary_us: int | None


class Charts:
    """Answers for the charts of one installation."""

    def __init__(self, database: Database, catalogue: Catalogue, maps: HourMaps) -> None:
        self._database = database
        self._catalogue = catalogue
        self._maps = maps

    async def span(self, subject: Subject) -> Reach:
        """What a subject has.

        Raises:
            DatabaseUnavailableError: it cannot be read.
        """
        maps = [await self._map(one) for one in subject.series]
        firsts = [one.first_us for one in maps if one.first_us is not None]
        lasts = [one.last_us for one in maps if one.last_us is not None]
        last_us = min(max(lasts) + HOUR_US, now_us()) if lasts else None
        return Reach(min(firsts, default=None), last_us, _boundary(subject, maps))

    async def bars(self, subject: Subject, span: Span, points: int, timeframe: str | None) -> Bars:
        """The bars of a span that begin in it.

        Args:
            points: how many at most, where no timeframe is asked for.

        Raises:
            CandlewickError: a named timeframe of which the span holds more than is given at once.
            DatabaseUnavailableError: it cannot be read.
        """
        from_us, to_us = span
        parts, boundary_us = await self._parts(subject, from_us, to_us)
        live = next((one for one in parts if is_live(one.series) and one.to_us > now_us() - LIVE_US), None)
        async with self._database.snapshot() if live else self._database.reading() as connection:
            edge = await stored.edge(connection, live.series) if live else Edge(())
            chosen = timeframe or await self._choose(connection, parts, from_us, to_us, points)
            if chosen == zoom.TICK:
                found = await self._ticks(connection, parts)
            else:
                found = await self._candles(connection, parts, Timeframe(chosen), edge)
        whole = columns.joined(found, subject.kind, ticks=chosen == zoom.TICK)
        if columns.length(whole) > zoom.MOST_ASKED_FOR:
            raise CandlewickError(
                f"there are more than {zoom.MOST_ASKED_FOR} {chosen} bars in this span",
                "ask for a shorter span, or leave the timeframe to the server",
            )
        goes_on = resume(edge.hours)
        bar_us = 0 if chosen == zoom.TICK else zoom.LENGTHS_US[Timeframe(chosen)]
        return Bars(
            chosen,
            from_us,
            to_us,
            [one.series.name for one in parts],
            boundary_us,
            whole,
            [(gap, one.series.name) for one in parts for gap in one.map.gaps_in(one.from_us, one.to_us)],
            [span for one in parts for span in one.map.closed(one.from_us, one.to_us, least_us=bar_us)],
            [span for one in parts for span in one.map.missing(one.from_us, one.to_us, near_us=bar_us)],
            str(goes_on) if goes_on else None,
        )

    async def stored_position(self, series: Series) -> Resume | None:
        """Where the live topic of a series goes on behind what is stored; None where nothing is."""
        async with self._database.reading() as connection:
            return resume((await stored.edge(connection, series)).hours)

    async def _map(self, series: Series) -> HourMap:
        return await self._maps.get(await self._catalogue.series(series.name))

    async def _parts(self, subject: Subject, from_us: int, to_us: int) -> tuple[list[Part], int | None]:
        maps = [await self._map(one) for one in subject.series]
        boundary_us = _boundary(subject, maps)
        series = subject.series
        if subject.history is not None and subject.live is not None:
            series = [_in_units(one) for one in series]
        if boundary_us is None:
            chosen = 0 if len(maps) == 1 or subject.live is None or maps[1].first_us is None else 1
            return [Part(series[chosen], maps[chosen], from_us, to_us)], None
        history, live = series
        parts = [
            Part(history, maps[0], from_us, min(to_us, boundary_us)),
            Part(live, maps[1], max(from_us, boundary_us), to_us),
        ]
        return [one for one in parts if one.from_us < one.to_us], boundary_us

    async def _choose(
        self, connection: Connection, parts: Sequence[Part], from_us: int, to_us: int, points: int
    ) -> str:
        # A long span without ticks is a hole, and is best looked at from afar.
        if to_us - from_us > TICKS_WITHIN_US:
            return zoom.finest(from_us, to_us, points)
        # Hours that lie wholly inside say most of it without a question.
        if sum(one.map.ticks_in(one.from_us, one.to_us) for one in parts) <= points:
            count = 0
            for one in parts:
                count += await stored.count_ticks(connection, one.series, one.from_us, one.to_us)
            if count <= points:
                return zoom.TICK
        return zoom.finest(from_us, to_us, points)

    async def _ticks(self, connection: Connection, parts: Sequence[Part]) -> list[Columns]:
        found = []
        for one in parts:
            count = await stored.count_ticks(connection, one.series, one.from_us, one.to_us)
            if count > zoom.MOST_ASKED_FOR:
                raise CandlewickError(
                    f"there are {count:,} ticks in this span", "ask for a shorter one, or for candles"
                )
            hours = await stored.ticks(connection, one.series, one.from_us, one.to_us)
            found.append(columns.of_ticks(one.series, hours))
        return found

    async def _candles(
        self, connection: Connection, parts: Sequence[Part], timeframe: Timeframe, edge: Edge
    ) -> list[Columns]:
        if len(parts) == 1:
            (one,) = parts
            return [await _read(connection, one.series, timeframe, Span(one.from_us, one.to_us), edge)]
        history, live = parts
        boundary_us = live.from_us
        day = trading_day(history.series.asset_class, history.series.venue)
        cut_us = boundary_us if timeframe in INTRADAY_US else day.start(timeframe, boundary_us)
        if cut_us == boundary_us or day != trading_day(live.series.asset_class, live.series.venue):
            return [
                await _read(connection, one.series, timeframe, Span(one.from_us, one.to_us), edge)
                for one in parts
            ]
        # One candle has history before the boundary and live ticks behind it.
        next_us = day.start(timeframe, cut_us + _LONGEST_US[timeframe])
        before = await _read(connection, history.series, Timeframe.H1, Span(cut_us, boundary_us), edge)
        after = await _read(connection, live.series, Timeframe.H1, Span(boundary_us, next_us), edge)
        straddling = columns.joined([before, after], history.series.kind, ticks=False)
        return [
            await _read(connection, history.series, timeframe, Span(history.from_us, cut_us), edge),
            *([] if cut_us < history.from_us else [columns.one_candle(straddling, cut_us)]),
            await _read(connection, live.series, timeframe, Span(next_us, live.to_us), edge),
        ]


def _in_units(series: Series) -> Series:
    """The same series, its volumes read as units, as live venues have them, and not as millions."""
    if series.venue != DUKASCOPY:
        return series
    return replace(series, volume_scale=series.volume_scale - DIGITS_OF_A_MILLION)


def _boundary(subject: Subject, maps: Sequence[HourMap]) -> int | None:
    """Where history ends and live begins: behind the last final hour, or where live was first collected."""
    if subject.history is None or subject.live is None or maps[0].final_us is None:
        return None
    return max(maps[0].final_us, maps[1].start_us)


async def _read(
    connection: Connection, series: Series, timeframe: Timeframe, span: Span, edge: Edge
) -> Columns:
    if span.from_us >= span.to_us:
        return columns.empty(series.kind, ticks=False)
    if is_live(series):
        found = await stored.candles_at_edge(connection, series, timeframe, span, edge)
    else:
        found = await stored.candles(connection, series, timeframe, span)
    return columns.of_candles(series, found)
