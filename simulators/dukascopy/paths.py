"""What a URL path asks for. Both families, each with its own month: bi5 counts from zero, JSON from one.

Only what the venue's own URLs can spell is understood; anything else is no resource (404), so that
a client's mistake shows and no path can leave the folder.
"""

import re
from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum

from candlewick.times import DAY_US, HOUR_US, day_us, from_us, to_us


class Side(StrEnum):
    BID = "BID"
    ASK = "ASK"


class Resolution(StrEnum):
    """Length of a candle, as the JSON feed spells it."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"

    @property
    def step_us(self) -> int:
        return {"minute": 60_000_000, "hour": HOUR_US, "day": DAY_US}[self.value]

    def period(self, moment_us: int) -> tuple[int, int]:
        """Start and end of the file that a moment lies in: a UTC day, month or year."""
        moment = from_us(moment_us)
        match self:
            case Resolution.MINUTE:
                start = moment_us // DAY_US * DAY_US
                return start, start + DAY_US
            case Resolution.HOUR:
                first = date(moment.year, moment.month, 1)
                days = monthrange(moment.year, moment.month)[1]
                return day_us(first), day_us(first) + days * DAY_US
            case Resolution.DAY:
                return day_us(date(moment.year, 1, 1)), day_us(date(moment.year + 1, 1, 1))


class Family(StrEnum):
    """Kinds of resource, by which faults and counts can be told apart."""

    HOUR = "hour"
    DAY = "day"
    CANDLES = "candles"
    JSON_TICKS = "json-ticks"
    JSON_CANDLES = "json-candles"
    INSTRUMENTS = "instruments"


@dataclass(frozen=True, slots=True)
class HourFile:
    symbol: str
    hour_us: int


@dataclass(frozen=True, slots=True)
class DayFile:
    symbol: str
    day_us: int


@dataclass(frozen=True, slots=True)
class CandleFile:
    symbol: str
    side: Side
    resolution: Resolution
    start_us: int


@dataclass(frozen=True, slots=True)
class JsonTicks:
    """Ticks of a completed hour, or, with `from_us`, of the running one from that moment on."""

    code: str
    hour_us: int | None
    from_us: int | None = None


@dataclass(frozen=True, slots=True)
class JsonCandles:
    """Candles of a completed period, or, with `from_us`, of the running one from that moment on."""

    code: str
    side: Side
    resolution: Resolution
    start_us: int | None
    from_us: int | None = None


@dataclass(frozen=True, slots=True)
class Instruments:
    """The list, or one instrument of it."""

    code: str | None


Resource = HourFile | DayFile | CandleFile | JsonTicks | JsonCandles | Instruments

FAMILIES: dict[type[Resource], Family] = {
    HourFile: Family.HOUR,
    DayFile: Family.DAY,
    CandleFile: Family.CANDLES,
    JsonTicks: Family.JSON_TICKS,
    JsonCandles: Family.JSON_CANDLES,
    Instruments: Family.INSTRUMENTS,
}

_SYMBOL = r"(?P<symbol>[A-Z0-9]{2,40})"
_CODE = r"(?P<code>[A-Z0-9.]{1,30}-[A-Z0-9]{1,10})"
_SIDE = r"(?P<side>BID|ASK)"
_YEAR = r"(?P<year>[0-9]{4})"
_MONTH0 = r"(?P<month0>[0-9]{2})"
_DAY = r"(?P<day>[0-9]{2})"
_PLAIN = r"(?P<{}>0|[1-9][0-9]?)"
_MONTH, _PLAIN_DAY, _PLAIN_HOUR = (_PLAIN.format(name) for name in ("month", "day", "hour"))

_HOUR_FILE = re.compile(rf"{_SYMBOL}/{_YEAR}/{_MONTH0}/{_DAY}/(?P<hour>[0-9]{{2}})h_ticks\.bi5")
_DAY_FILE = re.compile(rf"{_SYMBOL}/{_YEAR}/{_MONTH0}/{_DAY}_ticks\.bi5")
_CANDLE_FILES = {
    Resolution.MINUTE: re.compile(rf"{_SYMBOL}/{_YEAR}/{_MONTH0}/{_DAY}/{_SIDE}_candles_min_1\.bi5"),
    Resolution.HOUR: re.compile(rf"{_SYMBOL}/{_YEAR}/{_MONTH0}/{_SIDE}_candles_hour_1\.bi5"),
    Resolution.DAY: re.compile(rf"{_SYMBOL}/{_YEAR}/{_SIDE}_candles_day_1\.bi5"),
}
_JSON_TICKS = re.compile(rf"ticks/{_CODE}/{_YEAR}/{_MONTH}/{_PLAIN_DAY}/{_PLAIN_HOUR}")
_JSON_TICKS_FROM = re.compile(rf"ticks/{_CODE}")
_JSON_CANDLES = {
    Resolution.MINUTE: re.compile(rf"candles/minute/{_CODE}/{_SIDE}/{_YEAR}/{_MONTH}/{_PLAIN_DAY}"),
    Resolution.HOUR: re.compile(rf"candles/hour/{_CODE}/{_SIDE}/{_YEAR}/{_MONTH}"),
    Resolution.DAY: re.compile(rf"candles/day/{_CODE}/{_SIDE}/{_YEAR}"),
}
_JSON_CANDLES_FROM = re.compile(rf"candles/(?P<resolution>minute|hour|day)/{_CODE}/{_SIDE}")
_INSTRUMENT = re.compile(rf"instruments(?:/{_CODE})?")
_FROM = re.compile(r"[0-9]{1,15}")


def parse(path: str, from_ms: str | None = None) -> Resource | None:
    """The resource that a URL path names, or None.

    Args:
        path: with or without a leading slash; bi5 paths with or without `datafeed/`.
        from_ms: the `from` parameter, milliseconds since 1970.
    """
    path = path.removeprefix("/")
    if path.startswith("v1/"):
        return _parse_json(path.removeprefix("v1/"), from_ms)
    return _parse_bi5(path.removeprefix("datafeed/"))


def _parse_bi5(path: str) -> Resource | None:
    if match := _HOUR_FILE.fullmatch(path):
        hour_us = _moment(match)
        return None if hour_us is None else HourFile(match["symbol"], hour_us)
    if match := _DAY_FILE.fullmatch(path):
        start_us = _moment(match)
        return None if start_us is None else DayFile(match["symbol"], start_us)
    for resolution, pattern in _CANDLE_FILES.items():
        if match := pattern.fullmatch(path):
            start_us = _moment(match)
            return (
                start_us
                if start_us is None
                else CandleFile(match["symbol"], Side(match["side"]), resolution, start_us)
            )
    return None


def _parse_json(path: str, from_ms: str | None) -> Resource | None:
    if match := _INSTRUMENT.fullmatch(path):
        return Instruments(match["code"])
    if from_ms is not None:
        return _parse_running(path, from_ms)
    if match := _JSON_TICKS.fullmatch(path):
        hour_us = _moment(match)
        return None if hour_us is None else JsonTicks(match["code"], hour_us)
    for resolution, pattern in _JSON_CANDLES.items():
        if match := pattern.fullmatch(path):
            start_us = _moment(match)
            return (
                None
                if start_us is None
                else JsonCandles(match["code"], Side(match["side"]), resolution, start_us)
            )
    return None


def _parse_running(path: str, from_ms: str) -> Resource | None:
    if not _FROM.fullmatch(from_ms):
        return None
    from_us = int(from_ms) * 1000
    if match := _JSON_TICKS_FROM.fullmatch(path):
        return JsonTicks(match["code"], None, from_us)
    if match := _JSON_CANDLES_FROM.fullmatch(path):
        resolution = Resolution(match["resolution"])
        return JsonCandles(match["code"], Side(match["side"]), resolution, None, from_us)
    return None


def _moment(match: re.Match[str]) -> int | None:
    parts = match.groupdict()
    month = int(parts["month0"]) + 1 if "month0" in parts else int(parts.get("month", "1"))
    try:
        return to_us(
            datetime(
                int(parts["year"]), month, int(parts.get("day", "1")), int(parts.get("hour", "0")), tzinfo=UTC
            )
        )
    except ValueError:
        return None


def hour_path(symbol: str, hour_us: int) -> str:
    """`EURUSD/2019/01/04/10h_ticks.bi5`, the month from zero."""
    moment = from_us(hour_us)
    return f"{symbol}/{moment.year:04}/{moment.month - 1:02}/{moment.day:02}/{moment.hour:02}h_ticks.bi5"


def day_path(symbol: str, start_us: int) -> str:
    moment = from_us(start_us)
    return f"{symbol}/{moment.year:04}/{moment.month - 1:02}/{moment.day:02}_ticks.bi5"


def candle_path(file: CandleFile) -> str:
    moment = from_us(file.start_us)
    year, month, day = f"{moment.year:04}", f"{moment.month - 1:02}", f"{moment.day:02}"
    match file.resolution:
        case Resolution.MINUTE:
            return f"{file.symbol}/{year}/{month}/{day}/{file.side}_candles_min_1.bi5"
        case Resolution.HOUR:
            return f"{file.symbol}/{year}/{month}/{file.side}_candles_hour_1.bi5"
        case Resolution.DAY:
            return f"{file.symbol}/{year}/{file.side}_candles_day_1.bi5"
