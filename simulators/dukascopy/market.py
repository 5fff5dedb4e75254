"""The venue out of thin air: every instrument of the table, with history up to now."""

from collections.abc import Iterator
from functools import lru_cache

import numpy as np

from candlewick.instruments import all_instruments
from candlewick.times import DAY_US, HOUR_US, MINUTE_US, floor_hour
from simulators.common.path import holidays
from simulators.dukascopy import bars, formats, listings, paths
from simulators.dukascopy.answers import JSON, Absent, Content, Corrections, NoCorrections
from simulators.dukascopy.bars import Bars
from simulators.dukascopy.cache import ByteCache
from simulators.dukascopy.corrections import corrected
from simulators.dukascopy.day_styles import DayStyle, day_object
from simulators.dukascopy.formats import Records
from simulators.dukascopy.paths import (
    CandleFile,
    DayFile,
    HourFile,
    Instruments,
    JsonCandles,
    JsonTicks,
    Resolution,
    Resource,
    Side,
)
from simulators.dukascopy.tape import Tape

DEFAULT_TICKS_A_DAY = 10_000
DEFAULT_DELAY_US = 5 * MINUTE_US
_LOOK_BACK = 10 * 24
_KEPT_TAPES = 64


class Market:
    """A synthetic market that depends on nothing but its seed.

    Args:
        ticks_a_day: about how many ticks an ordinary trading day has.
        delay_us: how long after its end an hour, day, month or year comes out.
    """

    def __init__(
        self,
        seed: int = 0,
        ticks_a_day: int = DEFAULT_TICKS_A_DAY,
        delay_us: int = DEFAULT_DELAY_US,
        corrections: Corrections | None = None,
        day_style: DayStyle = DayStyle.WHOLE,
    ) -> None:
        self._seed = seed
        self._ticks_a_day = ticks_a_day
        self._delay_us = delay_us
        self._corrections = corrections or NoCorrections()
        self._day_style = day_style
        self._made = ByteCache()
        self._tape = lru_cache(maxsize=_KEPT_TAPES)(self._new_tape)

    def _new_tape(self, symbol: str) -> Tape | None:
        instrument = listings.by_symbol(symbol)
        return None if instrument is None else Tape(instrument, self._seed, self._ticks_a_day)

    def answer(self, resource: Resource, now_us: int) -> Content | Absent:
        answer: Content | Absent
        match resource:
            case HourFile(symbol, hour_us):
                answer = self._hour_file(symbol, hour_us, now_us)
            case DayFile(symbol, day_us):
                answer = self._day_file(symbol, day_us, now_us)
            case CandleFile():
                answer = self._candle_file(resource, now_us)
            case JsonTicks():
                answer = self._json_ticks(resource, now_us)
            case JsonCandles():
                answer = self._json_candles(resource, now_us)
            case Instruments(code):
                answer = _instruments(code, now_us)
        return answer

    def _listed(self, symbol: str, end_us: int) -> Tape | None:
        """The instrument's tape where its history has begun before `end_us`."""
        tape = self._tape(symbol)
        if tape is None or end_us <= listings.history_start_us(tape.instrument):
            return None
        return tape

    def _out(self, end_us: int, now_us: int) -> bool:
        """Whether what ended at `end_us` has come out."""
        return end_us + self._delay_us <= now_us

    def hour(self, tape: Tape, hour_us: int) -> Records:
        """The ticks of an hour as last corrected."""
        path = paths.hour_path(tape.instrument.bi5_symbol, hour_us)
        return corrected(tape.hour(hour_us), self._corrections.revision(path))

    def _content(
        self, tape: Tape, body: bytes | None, start_us: int, end_us: int, media_type: str | None = None
    ) -> Content | Absent:
        if body is None:
            return Absent.NOT_FOUND
        modified_us = max(
            end_us + self._delay_us,
            *(
                self._corrections.corrected_at_us(paths.hour_path(tape.instrument.bi5_symbol, hour))
                for hour in range(start_us, end_us, HOUR_US)
            ),
        )
        return Content(body, modified_us, media_type) if media_type else Content(body, modified_us)

    def _revisions(self, tape: Tape, start_us: int, end_us: int) -> tuple[tuple[int, int], ...]:
        """Which hours were corrected and how often: what a made body depends on beside its period."""
        symbol = tape.instrument.bi5_symbol
        return tuple(
            (hour, revision)
            for hour in range(start_us, end_us, HOUR_US)
            if (revision := self._corrections.revision(paths.hour_path(symbol, hour)))
        )

    def _hour_file(self, symbol: str, hour_us: int, now_us: int) -> Content | Absent:
        end_us = hour_us + HOUR_US
        tape = self._listed(symbol, end_us)
        if tape is None or not self._out(end_us, now_us):
            return Absent.NOT_FOUND
        key = ("hour", symbol, hour_us, self._revisions(tape, hour_us, end_us))
        body = self._made.get(key, lambda: formats.bi5(self.hour(tape, hour_us)))
        return self._content(tape, body, hour_us, end_us)

    def _day_file(self, symbol: str, day_us: int, now_us: int) -> Content | Absent:
        end_us = day_us + DAY_US
        tape = self._listed(symbol, end_us)
        if tape is None or not self._out(end_us, now_us):
            return Absent.NOT_FOUND

        def make() -> bytes:
            hours = [self.hour(tape, hour) for hour in range(day_us, end_us, HOUR_US)]
            bodies = [formats.bi5(hour) for hour in hours] if self._day_style is DayStyle.HOURS else []
            return day_object(hours, bodies, self._day_style)

        body = self._made.get(("day", symbol, day_us, self._revisions(tape, day_us, end_us)), make)
        return self._content(tape, body, day_us, end_us)

    def _candle_file(self, file: CandleFile, now_us: int) -> Content | Absent:
        start_us, end_us = file.resolution.period(file.start_us)
        tape = self._listed(file.symbol, end_us)
        if tape is None or not self._out(end_us, now_us):
            return Absent.NOT_FOUND
        key = ("candles", file, self._revisions(tape, start_us, end_us))
        body = self._made.get(
            key, lambda: formats.bi5(self._rows(tape, file.side, file.resolution, start_us))
        )
        return self._content(tape, body, start_us, end_us)

    def _json_ticks(self, resource: JsonTicks, now_us: int) -> Content | Absent:
        instrument = listings.by_code(resource.code)
        hour_us = floor_hour(now_us) if resource.hour_us is None else resource.hour_us
        end_us = hour_us + HOUR_US
        tape = None if instrument is None else self._listed(instrument.bi5_symbol, end_us)
        if tape is None:
            return Absent.NOT_FOUND
        if resource.from_us is not None:
            ticks = formats.between(self.hour(tape, hour_us), hour_us, resource.from_us, now_us)
            return Content(formats.ticks_json(ticks, hour_us // 1000, tape.scale), now_us, JSON)
        if not self._out(end_us, now_us):
            return Absent.NOT_FINISHED
        key = ("ticks", resource.code, hour_us, self._revisions(tape, hour_us, end_us))
        body = self._made.get(
            key, lambda: formats.ticks_json(self.hour(tape, hour_us), hour_us // 1000, tape.scale)
        )
        return self._content(tape, body, hour_us, end_us, JSON)

    def _json_candles(self, resource: JsonCandles, now_us: int) -> Content | Absent:
        instrument = listings.by_code(resource.code)
        moment_us = now_us if resource.start_us is None else resource.start_us
        start_us, end_us = resource.resolution.period(moment_us)
        tape = None if instrument is None else self._listed(instrument.bi5_symbol, end_us)
        if tape is None:
            return Absent.NOT_FOUND
        step_us = resource.resolution.step_us

        def make(until_us: int) -> bytes:
            rows = self._rows(tape, resource.side, resource.resolution, start_us, until_us)
            rows = rows[rows["s"].astype(np.int64) * 1_000_000 + start_us >= (resource.from_us or 0)]
            return formats.candles_json(rows, start_us // 1000, step_us // 1000, tape.scale)

        if resource.from_us is not None:
            return Content(make(now_us), now_us, JSON)
        if not self._out(end_us, now_us):
            return Absent.NOT_FINISHED
        key = ("json-candles", resource, self._revisions(tape, start_us, end_us))
        body = self._made.get(key, lambda: make(end_us))
        return self._content(tape, body, start_us, end_us, JSON)

    def _rows(
        self, tape: Tape, side: Side, resolution: Resolution, start_us: int, until_us: int | None = None
    ) -> Records:
        """The rows of a candle file, of a running one those up to and with the moment `until_us`."""
        end_us = resolution.period(start_us)[1]
        until_us = end_us if until_us is None else min(until_us, end_us)
        step_us = min(resolution.step_us, HOUR_US)
        made = list(self._bars(tape, side, start_us, until_us, step_us // 1000))
        return bars.rows(
            bars.regroup(made, resolution.step_us // step_us),
            count=-(-(until_us - start_us) // resolution.step_us),
            step_s=resolution.step_us // 1_000_000,
            before=self._before(tape, side, start_us),
        )

    def _bars(self, tape: Tape, side: Side, start_us: int, until_us: int, step_ms: int) -> Iterator[Bars]:
        for hour_us in range(start_us, until_us, HOUR_US):
            ticks = formats.between(self.hour(tape, hour_us), hour_us, start_us, until_us)
            ms = ticks["ms"].astype(np.int64)
            yield bars.from_ticks(ticks, ms + (hour_us - start_us) // 1000, step_ms, side)

    def _before(self, tape: Tape, side: Side, start_us: int) -> int:
        """The last price before a moment."""
        for hour_us in range(start_us - HOUR_US, start_us - _LOOK_BACK * HOUR_US, -HOUR_US):
            ticks = self.hour(tape, hour_us)
            if len(ticks):
                return int(ticks[side.lower()][-1])
        return tape.points(start_us)


def _instruments(code: str | None, now_us: int) -> Content | Absent:
    # Holidays of a further year join the answer when a year begins.
    year_us = Resolution.DAY.period(now_us)[0]
    if code is None:
        listed = (instrument for instrument in all_instruments() if instrument.jetta_code)
        return Content(listings.list_json(listed), year_us, JSON)
    instrument = listings.by_code(code)
    if instrument is None:
        return Absent.NOT_FOUND
    start_us, end_us = listings.history_start_us(instrument), year_us + 2 * 366 * DAY_US
    closed = holidays(instrument.asset_class, start_us, end_us)
    return Content(listings.instrument_json(instrument, closed), year_us, JSON)
