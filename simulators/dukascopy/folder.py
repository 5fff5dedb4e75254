"""The venue out of a folder: files as they lie, everything else made from them.

Layout, the venue's own with the month from zero: `EURUSD/2019/01/04/10h_ticks.bi5`, candle files and
`04_ticks.bi5` beside them. A zero-byte file is an hour without ticks. Recordings of the JSON feed
are served too, from the folder or one directly below it, under their path with dashes:
`ticks-EUR-USD-2026-7-13-12.json`, `candles-minute-EUR-USD-BID-2026-7-10.json` (an ending `-empty` is
allowed), `instrument-EUR-USD.json`.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from candlewick.instruments import Instrument
from candlewick.times import DAY_US, HOUR_US, floor_hour, from_us
from simulators.dukascopy import formats, listings, paths
from simulators.dukascopy.answers import JSON, Absent, Content, Corrections, NoCorrections
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
    Resource,
)


@dataclass(frozen=True, slots=True)
class _Day:
    """The 24 hour files of a day, all there."""

    bodies: tuple[bytes, ...]
    modified_us: int

    @property
    def key(self) -> bytes:
        digest = hashlib.sha256()
        for body in self.bodies:
            digest.update(len(body).to_bytes(8, "big"))
            digest.update(body)
        return digest.digest()


class Folder:
    """Reads its files anew for each answer: they may be removed, corrected or put back meanwhile."""

    def __init__(
        self,
        root: Path,
        corrections: Corrections | None = None,
        day_style: DayStyle = DayStyle.WHOLE,
    ) -> None:
        self._root = root
        self._corrections = corrections or NoCorrections()
        self._day_style = day_style
        self._made = ByteCache()

    def answer(self, resource: Resource, now_us: int) -> Content | Absent:
        match resource:
            case HourFile(symbol, hour_us):
                return self._hour(symbol, hour_us) or Absent.NOT_FOUND
            case DayFile(symbol, day_us):
                return self._day_file(symbol, day_us)
            case CandleFile():
                return self._file(paths.candle_path(resource)) or Absent.NOT_FOUND
            case JsonTicks():
                return self._recorded(resource) or self._json_ticks(resource, now_us)
            case JsonCandles():
                return self._recorded(resource) or self._json_candles(resource, now_us)
            case Instruments():
                return self._recorded(resource) or self._instruments(resource)

    def _file(self, path: str) -> Content | None:
        file = self._root / path
        try:
            return Content(file.read_bytes(), file.stat().st_mtime_ns // 1000)
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError):
            return None

    def _hour(self, symbol: str, hour_us: int) -> Content | None:
        path = paths.hour_path(symbol, hour_us)
        content = self._file(path)
        revision = self._corrections.revision(path)
        if content is None or revision == 0:
            return content
        records = formats.read_hour(content.body)
        if records is None:
            return content
        corrected_us = max(content.modified_us, self._corrections.corrected_at_us(path))
        return Content(formats.bi5(corrected(records, revision)), corrected_us)

    def _whole_day(self, symbol: str, day_us: int) -> _Day | None:
        contents = [self._hour(symbol, hour) for hour in range(day_us, day_us + DAY_US, HOUR_US)]
        present = [content for content in contents if content is not None]
        if len(present) < len(contents):
            return None
        return _Day(
            tuple(content.body for content in present), max(content.modified_us for content in present)
        )

    def _day_file(self, symbol: str, day_us: int) -> Content | Absent:
        if lying := self._file(paths.day_path(symbol, day_us)):
            return lying
        day = self._whole_day(symbol, day_us)
        if day is None:
            return Absent.NOT_FOUND

        def make() -> bytes | None:
            hours = _valid_hours(day)
            return None if hours is None else day_object(hours, day.bodies, self._day_style)

        return self._from_cache(("day", day.key), make, day.modified_us)

    def _from_cache(
        self,
        key: tuple[object, ...],
        make: Callable[[], bytes | None],
        modified_us: int,
        media_type: str = "application/octet-stream",
    ) -> Content | Absent:
        body = self._made.get(key, make)
        return Absent.NOT_FOUND if body is None else Content(body, modified_us, media_type)

    def _json_ticks(self, resource: JsonTicks, now_us: int) -> Content | Absent:
        instrument = listings.by_code(resource.code)
        if instrument is None or instrument.price_scale is None:
            return Absent.NOT_FOUND
        scale, symbol = instrument.price_scale, instrument.bi5_symbol
        if resource.hour_us is None:
            hour_us = floor_hour(now_us)
            content = self._hour(symbol, hour_us)
            records = None if content is None else formats.read_hour(content.body)
            if content is None or records is None:
                return Absent.NOT_FOUND
            running = formats.between(records, hour_us, resource.from_us or 0, now_us)
            return Content(formats.ticks_json(running, hour_us // 1000, scale), content.modified_us, JSON)
        hour_us = resource.hour_us
        if hour_us + HOUR_US > now_us:
            return Absent.NOT_FINISHED
        day_us = hour_us // DAY_US * DAY_US
        day = self._whole_day(symbol, day_us)
        if day is None:
            return Absent.NOT_FOUND

        def make() -> bytes | None:
            if not self._made.get(("valid", day.key), lambda: b"yes" if _valid_hours(day) else b""):
                return None
            records = formats.read_hour(day.bodies[(hour_us - day_us) // HOUR_US])
            return None if records is None else formats.ticks_json(records, hour_us // 1000, scale)

        return self._from_cache(("ticks", day.key, hour_us, scale), make, day.modified_us, JSON)

    def _json_candles(self, resource: JsonCandles, now_us: int) -> Content | Absent:
        instrument = listings.by_code(resource.code)
        if instrument is None or instrument.price_scale is None:
            return Absent.NOT_FOUND
        running = resource.start_us is None
        moment = now_us if resource.start_us is None else resource.start_us
        start_us, end_us = resource.resolution.period(moment)
        if not running and end_us > now_us:
            return Absent.NOT_FINISHED
        file = CandleFile(instrument.bi5_symbol, resource.side, resource.resolution, start_us)
        content = self._file(paths.candle_path(file))
        rows = None if content is None else formats.read_candles(content.body)
        if content is None or rows is None:
            return Absent.NOT_FOUND
        if running:
            begins = rows["s"].astype(np.int64) * 1_000_000 + start_us
            rows = rows[(begins >= (resource.from_us or 0)) & (begins <= now_us)]
        step_ms = resource.resolution.step_us // 1000
        body = formats.candles_json(rows, start_us // 1000, step_ms, instrument.price_scale)
        return Content(body, content.modified_us, JSON)

    def _instruments(self, resource: Instruments) -> Content | Absent:
        if resource.code is None:
            listed = [instrument for instrument in self._symbols() if instrument.jetta_code]
            return Content(listings.list_json(listed), 0, JSON)
        instrument = listings.by_code(resource.code)
        if instrument is None:
            return Absent.NOT_FOUND
        return Content(listings.instrument_json(instrument), 0, JSON)

    def _symbols(self) -> list[Instrument]:
        names = sorted(entry.name for entry in self._root.iterdir() if entry.is_dir())
        return [instrument for name in names if (instrument := listings.by_symbol(name))]

    def _recorded(self, resource: JsonTicks | JsonCandles | Instruments) -> Content | None:
        name = _recording(resource)
        if name is None:
            return None
        for spelling in (f"{name}.json", f"{name}-empty.json"):
            for file in (self._root / spelling, *sorted(self._root.glob(f"*/{spelling}"))):
                if content := self._file(str(file.relative_to(self._root))):
                    return Content(content.body, content.modified_us, JSON)
        return None


def _valid_hours(day: _Day) -> list[Records] | None:
    hours = [formats.read_hour(body) for body in day.bodies]
    valid = [records for records in hours if records is not None]
    return valid if len(valid) == len(hours) else None


def _recording(resource: JsonTicks | JsonCandles | Instruments) -> str | None:
    """The name of a recording without its ending: the URL path with dashes."""
    match resource:
        case JsonTicks(code, int(hour_us)):
            at = from_us(hour_us)
            return f"ticks-{code}-{at.year}-{at.month}-{at.day}-{at.hour}"
        case JsonCandles(code, side, resolution, int(start_us)):
            at = from_us(start_us)
            month = "" if resolution is paths.Resolution.DAY else f"-{at.month}"
            day = f"-{at.day}" if resolution is paths.Resolution.MINUTE else ""
            return f"candles-{resolution}-{code}-{side}-{at.year}{month}{day}"
        case Instruments(str(code)):
            return f"instrument-{code}"
        case Instruments(None):
            return "instruments"
        case _:
            return None
