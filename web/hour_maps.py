"""Keeps what is known of the hours of each series that somebody looks at, a few seconds old at most."""

import asyncio
import time
from dataclasses import dataclass, field

import numpy as np

from candlewick.hours import Column
from candlewick.instruments import Series
from candlewick.times import DAY_US, floor_hour, from_us, now_us
from web.catalogue import Collected
from web.database import Connection, Database, rows
from web.hour_map import Facts, HourMap, Problem, Span, build

FRESH_S = 1.5
"""Recent hours are read again after this long."""

WHOLE_S = 30.0
"""All hours are read again after this long: a backfill fills old ones, too."""

RECENT_US = 2 * DAY_US
IDLE_S = 60.0
"""What nobody has asked for in this long is read before it is given, not after."""


@dataclass(slots=True)
class _Kept:
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)
    facts: Facts | None = None
    map: HourMap | None = None
    read_at: float = float("-inf")
    whole_at: float = float("-inf")
    reading: asyncio.Task[HourMap] | None = None


class HourMaps:
    """Belongs to one event loop."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._kept: dict[str, _Kept] = {}
        self._sessions: dict[str, tuple[Column, Column] | None] = {}

    async def get(self, one: Collected) -> HourMap:
        """What is known of a series' hours. What is older than a moment is given, and read again behind it.

        Raises:
            DatabaseUnavailableError: nothing fresh is known, and nothing can be read.
        """
        kept = self._kept.setdefault(one.series.name, _Kept())
        age_s = time.monotonic() - kept.read_at
        if kept.map is None or age_s > IDLE_S:
            return await self._read(one, kept)
        if age_s > FRESH_S and (kept.reading is None or kept.reading.done()):
            kept.reading = asyncio.create_task(self._read(one, kept))
            # Whoever asks next sees what has failed.
            kept.reading.add_done_callback(lambda task: task.cancelled() or task.exception())
        return kept.map

    async def fresh(self, one: Collected) -> HourMap:
        """The same, read now."""
        kept = self._kept.setdefault(one.series.name, _Kept())
        kept.read_at = float("-inf")
        return await self.get(one)

    async def _read(self, one: Collected, kept: _Kept) -> HourMap:
        async with kept.lock:
            began = time.monotonic()
            if kept.map is not None and began - kept.read_at <= FRESH_S:
                return kept.map
            at_us = now_us()
            whole = kept.facts is None or began - kept.whole_at > WHOLE_S
            start_us = 0 if whole else floor_hour(at_us - RECENT_US)
            async with self._database.reading() as connection:
                sessions = await self._sessions_of(connection, one.series.calendar)
                new = await _facts(connection, one, start_us, sessions)
            facts = new if whole or kept.facts is None else _joined(kept.facts, new, start_us)
            if (
                kept.map is None
                or kept.facts is None
                or kept.map.end_us <= at_us
                or not facts.equals(kept.facts)
            ):
                kept.facts, kept.map = facts, build(facts, at_us)
            kept.read_at = began
            if whole:
                kept.whole_at = began
            return kept.map

    async def _sessions_of(self, connection: Connection, calendar: str) -> tuple[Column, Column] | None:
        if calendar not in self._sessions:
            ((starts, ends),) = await rows(connection, "chart_sessions", {"calendar": calendar})
            self._sessions[calendar] = None if starts is None else (starts, ends)
        return self._sessions[calendar]


async def _facts(
    connection: Connection, one: Collected, start_us: int, sessions: tuple[Column, Column] | None
) -> Facts:
    series: Series = one.series
    parameters = {"series": series.name, "start_at": from_us(start_us)}
    ((hours, codes, ticks),) = await rows(connection, f"chart_hours_{series.kind}", parameters)
    gaps = await rows(connection, f"chart_gaps_{series.kind}", parameters)
    problems = await rows(connection, "chart_problems", parameters)
    none = np.empty(0, dtype=np.int64)
    return Facts(
        none if hours is None else hours,
        none if codes is None else codes,
        none if ticks is None else ticks,
        [
            Span(hour_us + first, hour_us + end)
            for hour_us, firsts, ends in gaps
            for first, end in zip(firsts.tolist(), ends.tolist(), strict=True)
        ],
        [Problem(*row) for row in problems],
        sessions,
        one.first_tick_us,
    )


def _joined(known: Facts, new: Facts, start_us: int) -> Facts:
    """What was known, with what is new since a moment in its place."""
    old = known.hours < start_us
    return Facts(
        np.concatenate([known.hours[old], new.hours]),
        np.concatenate([known.codes[old], new.codes]),
        np.concatenate([known.ticks[old], new.ticks]),
        [*(one for one in known.gaps if one.from_us < start_us), *new.gaps],
        [*(one for one in known.problems if one.hour_us < start_us), *new.problems],
        new.sessions,
        new.first_tick_us,
    )
