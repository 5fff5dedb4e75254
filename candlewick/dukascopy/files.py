"""Any file of the venue's, recognised by its name and content, decoded to rows.

Recognised: bi5 hours (`10h_ticks.bi5`), day objects (`04_ticks.bi5`), candle files
(`BID_candles_min_1.bi5`), answers of the JSON feed; in the venue's folders (`EURUSD/2019/01/04/...`,
months from zero) and in the archive's (`dukascopy/eurusd/quotes/2019/02/04/...`, months from one).
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import Enum

from candlewick.dukascopy import bi5, day_object, jetta, venue_candles
from candlewick.dukascopy.faults import Fault, InvalidAnswerError
from candlewick.dukascopy.venue_candles import Level, VenueCandles
from candlewick.errors import CandlewickError
from candlewick.hours import Quotes
from candlewick.times import HOUR_US, day_us, floor_hour, us_day

_VENUE_FOLDER = re.compile(r"(?:^|/)([A-Z0-9]{3,})/(\d{4})(?:/(\d\d))?(?:/(\d\d))?/[^/]*$")
_ARCHIVE_FOLDER = re.compile(r"(?:^|/)dukascopy/([a-z0-9]+)/quotes/(\d{4})/(\d\d)/(\d\d)/[^/]*$")
_HOUR_FILE = re.compile(r"(?:^|[/-])(\d\d)h_ticks\.(?:bi5|json)$")
_DAY_OBJECT = re.compile(r"(?:^|/)([A-Z0-9]{3,})/(\d{4})/(\d\d)/(\d\d)_ticks\.bi5$")
_ARCHIVED_DAY_OBJECT = re.compile(r"(?:^|[/-])day_ticks\.bi5$")
_CANDLE_FILE = re.compile(r"(?:^|[/-])(?:BID|ASK)_candles_(min|hour|day)_1\.(?:bi5|json)$")
_LEVELS = {"min": Level.MINUTE, "hour": Level.HOUR, "day": Level.DAY}


class FileKind(Enum):
    HOUR = "hour"
    DAY = "day"
    CANDLES = "candles"


@dataclass(frozen=True, slots=True)
class FileName:
    """What a path tells of a file; None for what it does not tell.

    Attributes:
        symbol: lower case.
        day: the UTC day, or the first day of the month or year that a candle file covers.
        hour: 0 to 23.
    """

    kind: FileKind = FileKind.HOUR
    symbol: str | None = None
    day: date | None = None
    hour: int | None = None
    level: Level | None = None


@dataclass(frozen=True, slots=True)
class QuoteFile:
    """Quotes by the start of their hour, microseconds since 1970, UTC."""

    hours: Mapping[int, Quotes]
    price_scale: int


@dataclass(frozen=True, slots=True)
class CandleFile:
    candles: VenueCandles
    price_scale: int


def recognise(path: str) -> FileName:
    """What a path tells. Unknown names are taken for hours, the venue's ordinary files."""
    path = path.replace("\\", "/")
    if found := _DAY_OBJECT.search(path):
        symbol, year, month, day = found.groups()
        return FileName(FileKind.DAY, symbol.lower(), _date(year, int(month) + 1, day))
    symbol_of, day_of = None, None
    if found := _ARCHIVE_FOLDER.search(path):
        symbol, year, month, day = found.groups()
        symbol_of, day_of = symbol, _date(year, int(month), day)
    elif found := _VENUE_FOLDER.search(path):
        symbol, year, month, day = found.groups()
        symbol_of, day_of = symbol.lower(), _date(year, int(month or 0) + 1, day or 1)
    if found := _CANDLE_FILE.search(path):
        return FileName(FileKind.CANDLES, symbol_of, day_of, level=_LEVELS[found[1]])
    if _ARCHIVED_DAY_OBJECT.search(path):
        return FileName(FileKind.DAY, symbol_of, day_of)
    hour = int(found[1]) if (found := _HOUR_FILE.search(path)) and int(found[1]) < 24 else None
    return FileName(FileKind.HOUR, symbol_of, day_of if hour is not None else None, hour)


def _date(year: str, month: int, day: str | int) -> date | None:
    try:
        return date(int(year), month, int(day))
    except ValueError:
        return None


def decode_file(body: bytes, name: FileName, price_scale: Callable[[], int]) -> QuoteFile | CandleFile:
    """Decode a file by what is known of it.

    Args:
        price_scale: decimal digits of the instrument; called only where the content does not tell, and
            after the content has proven sound. May raise.

    Raises:
        InvalidAnswerError: the content breaks a rule.
        CandlewickError: the content is sound, but when it happened is not known.
    """
    if body.lstrip()[:1] in (b"{", b"["):
        return _decode_json(body)
    if name.kind is FileKind.CANDLES:
        return _decode_candles(body, name, price_scale)
    if name.kind is FileKind.DAY:
        # Any day proves the content; the right one places it.
        start_us = day_us(name.day) if name.day else 0
        hours = day_object.decode_day(body, start_us)
        if name.day is None:
            raise CandlewickError("it is not known which day this is", "add --day 2019-02-04")
        return QuoteFile(hours, price_scale())
    quotes = bi5.decode_hour(body)
    if not len(quotes):
        return QuoteFile({}, price_scale())
    if name.day is None or name.hour is None:
        raise CandlewickError("it is not known which hour this is", "add --hour 2019-02-04T10")
    return QuoteFile({day_us(name.day) + name.hour * HOUR_US: quotes}, price_scale())


def _decode_candles(body: bytes, name: FileName, price_scale: Callable[[], int]) -> CandleFile:
    level = name.level or Level.MINUTE
    candles = venue_candles.decode_bi5(body, level, name.day or date(2020, 1, 1))
    if name.day is None:
        raise CandlewickError("it is not known which day, month or year this is", "add --day 2019-02-04")
    return CandleFile(candles, price_scale())


def _decode_json(body: bytes) -> QuoteFile | CandleFile:
    """The JSON feed's answers say themselves what they are about."""
    payload = jetta.parse(body)
    start_us = jetta.integer(payload, "timestamp") * 1000
    scale = jetta.stated_scale(payload)
    if "opens" in payload:
        steps = {level.value // 1000: level for level in Level}
        shift = jetta.integer(payload, "shift")
        if shift not in steps:
            raise InvalidAnswerError(Fault.WRONG_PERIOD, f"its step is {shift} ms")
        candles = venue_candles.decode_json(body, steps[shift], us_day(start_us), scale)
        return CandleFile(candles, scale)
    hour_us = floor_hour(start_us)
    quotes = jetta.decode_hour(body, hour_us, scale)
    return QuoteFile({hour_us: quotes} if len(quotes) else {}, scale)
