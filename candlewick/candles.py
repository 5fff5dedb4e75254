"""What a candle is: timeframes, trading days and weeks, and the numpy reference.

SQL makes the candles that are stored (`sql/queries/refresh.sql`); tests hold it to this module.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cached_property
from zoneinfo import ZoneInfo

from candlewick.instruments import AssetClass
from candlewick.times import HOUR_US, MINUTE_US, from_us, to_us


class Timeframe(StrEnum):
    M1 = "1m"
    M5 = "5m"
    M15 = "15m"
    M30 = "30m"
    H1 = "1h"
    H4 = "4h"
    D1 = "1d"
    W1 = "1w"


class Level(StrEnum):
    """A group of timeframes that is refreshed together, each built from the one below."""

    INTRADAY = "intraday"
    DAILY = "daily"

    @property
    def timeframes(self) -> tuple[Timeframe, ...]:
        return _LEVELS[self]


_LEVELS = {
    Level.INTRADAY: (Timeframe.M1, Timeframe.M5, Timeframe.M15, Timeframe.M30, Timeframe.H1),
    Level.DAILY: (Timeframe.H4, Timeframe.D1, Timeframe.W1),
}

INTRADAY_US = {
    Timeframe.M1: MINUTE_US,
    Timeframe.M5: 5 * MINUTE_US,
    Timeframe.M15: 15 * MINUTE_US,
    Timeframe.M30: 30 * MINUTE_US,
    Timeframe.H1: HOUR_US,
}


@dataclass(frozen=True)
class TradingDay:
    """When trading days and weeks begin.

    Attributes:
        zone: time zone of the turn.
        turn_hour: local hour at which a day begins.
        week_start: day on whose turn a week begins, 0 Monday to 6 Sunday.
    """

    zone: str
    turn_hour: int
    week_start: int

    @cached_property
    def _zone(self) -> ZoneInfo:
        return ZoneInfo(self.zone)

    def start(self, timeframe: Timeframe, us: int) -> int:
        """Where the daily-level candle that holds a moment begins, microseconds since 1970, UTC."""
        local = from_us(us).astimezone(self._zone).replace(tzinfo=None)
        day = (local - timedelta(hours=self.turn_hour)).date()
        if timeframe is Timeframe.W1:
            day -= timedelta(days=(day.weekday() - self.week_start) % 7)
        midnight = datetime(day.year, day.month, day.day, tzinfo=self._zone)
        begin = to_us(midnight.replace(hour=self.turn_hour).astimezone(UTC))
        if timeframe is Timeframe.H4:
            return us - (us - begin) % (4 * HOUR_US)
        return begin


_NEW_YORK_VENUES = frozenset({"dukascopy", "oanda"})


def trading_day(asset_class: AssetClass, venue: str) -> TradingDay:
    """FX and metals at Dukascopy and OANDA turn at 17:00 New York, all else at 00:00 UTC."""
    if venue in _NEW_YORK_VENUES and asset_class in {AssetClass.FOREX, AssetClass.METAL}:
        return TradingDay("America/New_York", turn_hour=17, week_start=6)
    return TradingDay("UTC", turn_hour=0, week_start=0 if asset_class is AssetClass.CRYPTO else 6)
