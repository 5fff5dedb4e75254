"""Proof: candles counted anew from ticks, hashes made anew from arrays, the venue's own candles.

Nothing here changes data. The comparisons are exact, but for volumes: the venue's are float32, so that ours
is rounded the same way before it is compared, and it sums them before it rounds each to whole units.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from candlewick.candles import (
    CANDLE_COLUMNS,
    Candles,
    Level,
    Timeframe,
    TradingDay,
    all_candles,
    roll_up,
    trading_day,
)
from candlewick.dukascopy.venue import Venue
from candlewick.dukascopy.venue_candles import Level as VenueLevel
from candlewick.dukascopy.venue_candles import Side, VenueCandles
from candlewick.hours import FINAL_STATES, Column, Ticks
from candlewick.instruments import Kind, Series, find
from candlewick.store import Store
from candlewick.store.proofs import Proof
from candlewick.times import DAY_US, HOUR_US, day_us, iso, us_day

_WEEK_US = 7 * DAY_US
# Of the units that the venue rounds to float32: a few units in the last place, since it sums in an order
# and precision of its own.
_VOLUME_TOLERANCE = np.float32(4 * np.finfo(np.float32).eps)
_UNITS_A_MILLION = 1_000_000
# The venue sums what it has not rounded to whole units yet: only for coins does that show.
_ROUNDED_AWAY_PER_TICK = 0.5 / _UNITS_A_MILLION


@dataclass(frozen=True, slots=True)
class Recounted:
    """A day's candles counted anew; `minutes` is how many of one minute there are."""

    proof: Proof
    minutes: int
    candles: int


def recount_intraday(store: Store, series: Series, days: Sequence[date]) -> Iterator[Recounted]:
    """For each UTC day: do the stored candles of 1m to 1h equal those counted from its ticks?"""
    turn = trading_day(series.asset_class, series.venue)
    for day in days:
        start_us = day_us(day)
        hours = store.read_hours(series, start_us, start_us + DAY_US)
        counted = all_candles(((hour.hour_us, hour.ticks) for hour in hours), turn)
        differences: list[str] = []
        total = 0
        for timeframe in Level.INTRADAY.timeframes:
            stored = _stored(store, series, timeframe, start_us, start_us + DAY_US)
            total += len(stored)
            differences += _differences(timeframe, counted.get(timeframe), stored)
        minutes = len(counted[Timeframe.M1]) if counted else 0
        yield Recounted(_proof(day, differences), minutes, total)


def recount_daily(
    store: Store, series: Series, days: Sequence[date], *, from_ticks: bool
) -> Iterator[Recounted]:
    """For each UTC day: do the stored candles of 4h to 1w that begin on it equal a recount?

    Args:
        from_ticks: count from the ticks of all weeks that the days touch; otherwise from the stored hour
            candles, which `recount_intraday` proves.
    """
    if not days:
        return
    turn = trading_day(series.asset_class, series.venue)
    start_us = turn.start(Timeframe.W1, day_us(min(days)))
    end_us = turn.start(Timeframe.W1, day_us(max(days)) + DAY_US - 1) + _WEEK_US + DAY_US
    end_us = turn.start(Timeframe.W1, end_us)
    if from_ticks:
        counted = all_candles(_ticks(store, series, start_us, end_us), turn)
    else:
        counted = _rolled_up(_stored(store, series, Timeframe.H1, start_us, end_us), turn)
    by_day: dict[date, list[str]] = {}
    totals: dict[date, int] = {}
    for timeframe in Level.DAILY.timeframes:
        stored = _stored(store, series, timeframe, start_us, end_us)
        for us in stored.ts.tolist():
            totals[us_day(us)] = totals.get(us_day(us), 0) + 1
        for us, text in _differing(timeframe, counted.get(timeframe), stored):
            by_day.setdefault(us_day(us), []).append(text)
    # A week's candle begins on a day that need not be among those asked about.
    strays = [text for day, texts in by_day.items() if day not in set(days) for text in texts]
    for place, day in enumerate(days):
        texts = [*by_day.get(day, ()), *(strays if place == 0 else ())]
        yield Recounted(_proof(day, texts), 0, totals.get(day, 0))


def rehash(store: Store, series: Series, day: date) -> Proof:
    """Do the hashes made anew from a day's stored arrays equal those stored beside them?"""
    hours = range(day_us(day), day_us(day) + DAY_US, HOUR_US)
    stated = store.landed_marks(series.name, hours)
    made = store.landed(series.name, hours)
    differing = [
        f"{iso(us)}: its arrays do not have the hash that was published"
        for us, mark in stated.items()
        if us not in made or made[us].content_hash != mark.content_hash
    ]
    return _proof(day, differing)


def against_venue(store: Store, venue: Venue, series: Series, day: date, at_us: int) -> Proof:
    """Do the stored minutes of a final day equal the venue's own candles, bid and ask?

    `holds` is None where there is nothing to compare with: the day is not final, or the venue has no
    candles of it.
    """
    if series.kind is not Kind.QUOTES:
        return Proof(day, None, "the venue has no candles of trades")
    coverage = store.coverage(series.name, day_us(day), day_us(day) + DAY_US, as_of_us=at_us)
    if at_us < day_us(day) + DAY_US or any(row.state not in FINAL_STATES for row in coverage):
        return Proof(day, None, "the day is not final")
    instrument = find(series.symbol)
    stored = _stored(store, series, Timeframe.M1, day_us(day), day_us(day) + DAY_US)
    differences: list[str] = []
    absent: list[str] = []
    for side in Side:
        answer = venue.candles(instrument, series, VenueLevel.MINUTE, day, side)
        if answer is None:
            absent.append(side.value)
            continue
        differences += side_differences(side, stored, answer.candles)
    if differences or not absent:
        return _proof(day, differences)
    return Proof(day, None, f"the venue gives no {' and no '.join(absent)} candles of the day")


def side_differences(side: Side, stored: Candles, venue: VenueCandles) -> list[str]:
    """Where one side of stored minute candles differs from the venue's; a line for each minute.

    Minutes that the venue fills flat with volume 0 have no candle here.
    """
    prefix = side.value.lower()
    volume = stored.columns[f"{prefix}_volume"].astype(np.float64) / _UNITS_A_MILLION
    rounded_away = stored.columns["ticks"] * _ROUNDED_AWAY_PER_TICK
    ours = {us: place for place, us in enumerate(stored.ts.tolist())}
    found: list[str] = []
    seen: set[int] = set()
    for place, us in enumerate(venue.us.tolist()):
        mine = ours.get(us)
        if mine is None:
            if venue.volume[place] > 0:
                found.append(f"{iso(us)} {side.value}: the venue has a candle, here is none")
            continue
        seen.add(us)
        prices = [
            (name, int(stored.columns[f"{prefix}_{name}"][mine]), int(getattr(venue, name)[place]))
            for name in ("open", "high", "low", "close")
        ]
        wrong = [f"{name} {here} here, {there} there" for name, here, there in prices if here != there]
        allowed = _VOLUME_TOLERANCE * venue.volume[place] + rounded_away[mine]
        if abs(np.float32(volume[mine]) - venue.volume[place]) > allowed:
            wrong.append(f"volume {volume[mine]:.8g} here, {venue.volume[place]:.8g} there")
        if wrong:
            found.append(f"{iso(us)} {side.value}: {', '.join(wrong)}")
    # The JSON feed leaves out minutes without volume.
    absent = [us for us, place in ours.items() if us not in seen and (venue.filled or volume[place] > 0)]
    return found + [f"{iso(us)} {side.value}: a candle here, none at the venue" for us in absent]


def _stored(store: Store, series: Series, timeframe: Timeframe, start_us: int, end_us: int) -> Candles:
    """The stored candles that start in a span."""
    parts = list(store.read_candles(series, timeframe, start_us, end_us))
    if not parts:
        empty: Column = np.empty(0, dtype=np.int64)
        return Candles(empty, dict.fromkeys(CANDLE_COLUMNS[series.kind], empty))
    columns = {name: np.concatenate([part.columns[name] for part in parts]) for name in parts[0].columns}
    return Candles(np.concatenate([part.ts for part in parts]), columns)


def _ticks(store: Store, series: Series, start_us: int, end_us: int) -> Iterator[tuple[int, Ticks]]:
    for hour in store.read_hours(series, start_us, end_us):
        yield hour.hour_us, hour.ticks


def _rolled_up(hours: Candles, turn: TradingDay) -> dict[Timeframe, Candles]:
    made: dict[Timeframe, Candles] = {}
    current = hours
    for timeframe in Level.DAILY.timeframes:
        current = made[timeframe] = roll_up(current, timeframe, turn)
    return made


def _differences(timeframe: Timeframe, counted: Candles | None, stored: Candles) -> list[str]:
    return [text for _, text in _differing(timeframe, counted, stored)]


def _differing(timeframe: Timeframe, counted: Candles | None, stored: Candles) -> Iterator[tuple[int, str]]:
    """Where stored candles are not those counted: the candle's start and a line about it."""
    if counted is None:
        counted = Candles(stored.ts[:0], {name: column[:0] for name, column in stored.columns.items()})
    if np.array_equal(counted.ts, stored.ts) and all(
        np.array_equal(column, stored.columns[name]) for name, column in counted.columns.items()
    ):
        return
    here = dict(zip(stored.ts.tolist(), zip(*stored.columns.values(), strict=True), strict=True))
    there = dict(zip(counted.ts.tolist(), zip(*counted.columns.values(), strict=True), strict=True))
    names = list(counted.columns)
    for us in sorted({*here, *there}):
        if us not in here:
            yield us, f"{timeframe} {iso(us)} is missing"
        elif us not in there:
            yield us, f"{timeframe} {iso(us)} has no ticks"
        elif here[us] != there[us]:
            wrong = [
                f"{name} is {mine}, ticks say {theirs}"
                for name, mine, theirs in zip(names, here[us], there[us], strict=True)
                if mine != theirs
            ]
            yield us, f"{timeframe} {iso(us)}: {', '.join(wrong)}"


def _proof(day: date, differences: Sequence[str]) -> Proof:
    if not differences:
        return Proof(day, holds=True)
    more = f" and {len(differences) - 1} more" if len(differences) > 1 else ""
    return Proof(day, holds=False, detail=f"{differences[0]}{more}")
