"""Trading weeks: when an instrument's venue is open, by weekday and local time.

A calendar is one open span a week and pauses every day, both in local wall-clock time of one zone, so
that clock changes are exact. It holds no holidays: an hour of a holiday is expected, and is closed only
once the venue's own minute candles confirm it. The weeks are in `data/calendars.json`; where they come
from is in `docs/calendars.md`. Standard library only: the AWS Lambda ships this module.
"""

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from importlib.resources import files
from itertools import pairwise
from typing import TypedDict
from zoneinfo import ZoneInfo

from candlewick.errors import CandlewickError
from candlewick.times import DAY_US, HOUR_US, MINUTE_US, floor_hour, from_us, to_us, us_day

UNKNOWN = "unknown"
"""The calendar of instruments whose week no list states: always open, so that it hides nothing."""

_DAY_MINUTES = 24 * 60
_WEEK_MINUTES = 7 * _DAY_MINUTES
_WEEK_US = _WEEK_MINUTES * MINUTE_US
_MONDAY_US = -3 * DAY_US
"""A Monday 00:00: 1969-12-29. Weeks are counted from it, in local time."""

_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_SPAN = re.compile(r"(?:(\w{3}) )?(\d\d):(\d\d) - (?:(\w{3}) )?(\d\d):(\d\d)")


class _Week(TypedDict, total=False):
    """A calendar as the file spells it: without `open` it never closes; ends are exclusive."""

    zone: str
    open: str
    pauses: list[str]


@dataclass(frozen=True, slots=True)
class Calendar:
    """The trading week of one group of instruments.

    Attributes:
        zone: IANA time zone of the wall clock that the week is written in.
        week: the week for people, in that zone: `Sun 18:00 - Fri 17:00, pause 17:00 - 18:00`.
        spans: what is open, in minutes since local Monday 00:00: [from, to), sorted, disjoint.
    """

    name: str
    zone: str
    week: str
    spans: tuple[tuple[int, int], ...]

    def sessions(self, start_us: int, end_us: int) -> list[tuple[int, int]]:
        """Open spans [from, to) inside [start, end), microseconds UTC, in order.

        Spans that touch are one; the first and the last are cut at the bounds.
        """
        sessions: list[tuple[int, int]] = []
        for era_start, era_end, offset in _offsets(self.zone, start_us, end_us):
            first_week = (era_start + offset - _MONDAY_US) // _WEEK_US
            last_week = (era_end - 1 + offset - _MONDAY_US) // _WEEK_US
            for week in range(first_week, last_week + 1):
                week_us = _MONDAY_US + week * _WEEK_US - offset
                for first, last in self.spans:
                    opens = max(week_us + first * MINUTE_US, era_start)
                    closes = min(week_us + last * MINUTE_US, era_end)
                    if opens >= closes:
                        continue
                    if sessions and sessions[-1][1] == opens:
                        opens = sessions.pop()[0]
                    sessions.append((opens, closes))
        return sessions

    def open_hours(self, start_us: int, end_us: int) -> list[int]:
        """Starts of the UTC hours of which any minute inside [start, end) is open, in order."""
        hours: list[int] = []
        for opens, closes in self.sessions(start_us, end_us):
            first = floor_hour(opens)
            if hours and hours[-1] == first:
                first += HOUR_US
            hours.extend(range(first, closes, HOUR_US))
        return hours

    def is_open(self, hour_us: int) -> bool:
        """Whether any minute of the UTC hour that starts at `hour_us` is open."""
        return bool(self.sessions(hour_us, hour_us + HOUR_US))


@lru_cache
def calendar(name: str) -> Calendar:
    """The calendar of that name.

    Raises:
        CandlewickError: there is none.
    """
    try:
        week = _weeks()[name]
    except KeyError:
        raise CandlewickError(
            f"there is no calendar {name!r}", f"the calendars are {', '.join(sorted(_weeks()))}"
        ) from None
    return _parsed(name, week)


def calendar_names() -> list[str]:
    """The names of all calendars, sorted."""
    return sorted(_weeks())


@lru_cache(maxsize=1)
def _weeks() -> dict[str, _Week]:
    weeks: dict[str, _Week] = json.loads(
        files("candlewick").joinpath("data/calendars.json").read_text(encoding="utf-8")
    )
    return weeks


def _parsed(name: str, week: _Week) -> Calendar:
    minutes = bytearray(_WEEK_MINUTES)
    if "open" not in week:
        return Calendar(name, week["zone"], "always open", ((0, _WEEK_MINUTES),))
    opens, closes = _span(week["open"], _WEEK_MINUTES)
    _mark(minutes, opens, closes, 1)
    pauses = week.get("pauses", [])
    for pause in pauses:
        start, end = _span(pause, _DAY_MINUTES)
        for day in range(7):
            _mark(minutes, day * _DAY_MINUTES + start, day * _DAY_MINUTES + end, 0)
    spans = tuple((found.start(), found.end()) for found in re.finditer(rb"\x01+", bytes(minutes)))
    text = ", ".join([week["open"], *(f"pause {pause}" for pause in pauses)])
    return Calendar(name, week["zone"], text, spans)


def _span(text: str, period: int) -> tuple[int, int]:
    """`Sun 17:00 - Fri 17:00` or `17:00 - 18:00` as minutes; an end at or before the start wraps."""
    found = _SPAN.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is not a span of a calendar")
    first_day, first_hour, first_minute, last_day, last_hour, last_minute = found.groups()
    start = _minute(first_day, first_hour, first_minute)
    end = _minute(last_day, last_hour, last_minute)
    return (start, end) if start < end else (start, end + period)


def _minute(day: str | None, hour: str, minute: str) -> int:
    days = _WEEKDAYS.index(day) if day else 0
    return days * _DAY_MINUTES + int(hour) * 60 + int(minute)


def _mark(minutes: bytearray, start: int, end: int, value: int) -> None:
    """Set [start, end), which may run over the end of the week."""
    for first, last in ((start, min(end, _WEEK_MINUTES)), (0, end - _WEEK_MINUTES)):
        if first < last:
            minutes[first:last] = bytes([value]) * (last - first)


def _offsets(zone: str, start_us: int, end_us: int) -> list[tuple[int, int, int]]:
    """[start, end) cut where the zone's offset from UTC changes: (from, to, offset), microseconds."""
    if start_us >= end_us:
        return []
    changes = [
        change
        for year in range(us_day(start_us).year, us_day(end_us - 1).year + 1)
        for change in _changes(zone, year)
        if start_us < change < end_us
    ]
    info = ZoneInfo(zone)
    bounds = [start_us, *changes, end_us]
    return [(first, last, _offset(info, first)) for first, last in pairwise(bounds)]


@lru_cache(maxsize=4096)
def _changes(zone: str, year: int) -> tuple[int, ...]:
    """When a zone's offset changes in a UTC year, at most once a day, to the microsecond."""
    info = ZoneInfo(zone)
    start_us = to_us(datetime(year, 1, 1, tzinfo=UTC))
    end_us = to_us(datetime(year + 1, 1, 1, tzinfo=UTC))
    changes = []
    before = _offset(info, start_us)
    for day in range(start_us, end_us, DAY_US):
        after = _offset(info, day + DAY_US)
        if after != before:
            low, high = day, day + DAY_US
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if _offset(info, middle) == before else (low, middle)
            changes.append(high)
        before = after
    return tuple(changes)


def _offset(info: ZoneInfo, us: int) -> int:
    moment = from_us(us).astimezone(info)
    return to_us(moment.replace(tzinfo=UTC)) - us
