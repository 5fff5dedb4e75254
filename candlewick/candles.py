"""What a candle is: timeframes, trading days and weeks, and the numpy reference.

SQL makes the candles that are stored (`sql/queries/refresh.sql`); tests hold it to this module.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cached_property
from zoneinfo import ZoneInfo

import numpy as np

from candlewick.hours import Column, Quotes, Ticks
from candlewick.instruments import AssetClass, Kind
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


@dataclass(frozen=True, slots=True, eq=False)
class Candles:
    """Candles of one series and timeframe, oldest first.

    Attributes:
        ts: their starts, int64 microseconds since 1970, UTC.
        columns: by name, in the order of the candle tables. Prices and counts are int64; volumes are
            int64 too, or Python integers (dtype object) where a sum does not fit.
    """

    ts: Column
    columns: dict[str, Column]

    def __len__(self) -> int:
        return len(self.ts)


QUOTE_CANDLE_COLUMNS = (
    "bid_open", "bid_high", "bid_low", "bid_close",
    "ask_open", "ask_high", "ask_low", "ask_close",
    "bid_volume", "ask_volume", "ticks",
)  # fmt: skip
TRADE_CANDLE_COLUMNS = ("open", "high", "low", "close", "volume", "buy_volume", "trades")

CANDLE_COLUMNS = {Kind.QUOTES: QUOTE_CANDLE_COLUMNS, Kind.TRADES: TRADE_CANDLE_COLUMNS}


def _sums(values: Column, starts: Column) -> Column:
    """Exact sums of the groups that begin at `starts`."""
    bound = int(np.abs(values).max()) * len(values)
    exact: Column = values if bound < 2**63 else values.astype(object)
    return np.add.reduceat(exact, starts)


def _lasts(values: Column, starts: Column) -> Column:
    return np.append(values[starts[1:] - 1], values[-1:])


def _group_starts(keys: Column) -> Column:
    return np.flatnonzero(np.append(True, keys[1:] != keys[:-1]))


def minute_candles(hour_us: int, ticks: Ticks) -> Candles:
    """One-minute candles of an hour; open and close are the first and last of a minute as they lie."""
    names = CANDLE_COLUMNS[ticks.kind]
    if not len(ticks):
        return Candles(ticks.us, dict.fromkeys(names, ticks.us))
    minutes = ticks.us // MINUTE_US
    order = np.argsort(minutes, kind="stable")
    minutes = minutes[order]
    starts = _group_starts(minutes)
    columns: dict[str, Column] = {}

    def prices(prefix: str, values: Column) -> None:
        columns[f"{prefix}open"] = values[starts]
        columns[f"{prefix}high"] = np.maximum.reduceat(values, starts)
        columns[f"{prefix}low"] = np.minimum.reduceat(values, starts)
        columns[f"{prefix}close"] = _lasts(values, starts)

    if isinstance(ticks, Quotes):
        prices("bid_", ticks.bid[order])
        prices("ask_", ticks.ask[order])
        columns["bid_volume"] = _sums(ticks.bid_volume[order], starts)
        columns["ask_volume"] = _sums(ticks.ask_volume[order], starts)
    else:
        prices("", ticks.price[order])
        columns["volume"] = _sums(ticks.quantity[order], starts)
        columns["buy_volume"] = _sums(np.where(ticks.side == 1, ticks.quantity, 0)[order], starts)
    columns[names[-1]] = np.diff(np.append(starts, len(ticks)))
    return Candles(hour_us + minutes[starts] * MINUTE_US, {name: columns[name] for name in names})


def roll_up(candles: Candles, timeframe: Timeframe, day: TradingDay) -> Candles:
    """Candles of a timeframe from those of the one below."""
    if not len(candles):
        return candles
    if timeframe in INTRADAY_US:
        begin = candles.ts - candles.ts % INTRADAY_US[timeframe]
    else:
        begin = np.array([day.start(timeframe, us) for us in candles.ts.tolist()], dtype=np.int64)
    starts = _group_starts(begin)
    columns = {}
    for name, values in candles.columns.items():
        if name.endswith("open"):
            columns[name] = values[starts]
        elif name.endswith("close"):
            columns[name] = _lasts(values, starts)
        elif name.endswith("high"):
            columns[name] = np.maximum.reduceat(values, starts)
        elif name.endswith("low"):
            columns[name] = np.minimum.reduceat(values, starts)
        else:
            columns[name] = _sums(values, starts)
    return Candles(begin[starts], columns)


def all_candles(hours: Iterable[tuple[int, Ticks]], day: TradingDay) -> dict[Timeframe, Candles]:
    """Candles of every timeframe from hours in order: (start of the hour, its ticks)."""
    minutes = [candles for candles in (minute_candles(*hour) for hour in hours) if len(candles)]
    if not minutes:
        return {}
    current = Candles(
        np.concatenate([candles.ts for candles in minutes]),
        {name: np.concatenate([candles.columns[name] for candles in minutes]) for name in minutes[0].columns},
    )
    made = {Timeframe.M1: current}
    for timeframe in list(Timeframe)[1:]:
        current = made[timeframe] = roll_up(current, timeframe, day)
    return made
