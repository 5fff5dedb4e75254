"""What is known of each hour of a series, in memory: what SQL's `coverage` says, for many years at once.

Pure. An hour is a small number in an array; what a chart draws of hours are the runs of equal ones.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from candlewick.hours import Column
from candlewick.times import HOUR_US, floor_hour

NEVER, DATA, CLOSED, PENDING, FAILED, RESTS, BEFORE = range(7)
"""Pending is `NEVER` where nobody has asked. Closed is `CLOSED` where that is stored, else `RESTS` by the
weekly sessions or `BEFORE` the venue's first tick."""

STATES = ("pending", "data", "closed", "pending", "failed", "closed", "closed")
_ALL_CLOSED = frozenset({CLOSED, RESTS, BEFORE})
_CLOSED_BECAUSE = {RESTS: "outside the weekly session", BEFORE: "before the first tick"}
RUNNING = "running"
NEVER_ASKED = "never asked"
NOT_COMPLETE = "not complete yet"

Codes = npt.NDArray[np.uint8]


class Problem(NamedTuple):
    """What stands in the way of an hour."""

    hour_us: int
    state: str
    reason: str


class Span(NamedTuple):
    """[from_us, to_us), microseconds since 1970."""

    from_us: int
    to_us: int


class Missing(NamedTuple):
    """Hours that lie together and are missing for the same reason."""

    from_us: int
    to_us: int
    state: str
    reason: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What the database holds of a series' hours.

    Attributes:
        hours, codes, ticks: the stored hours in order: start, `DATA`, `CLOSED` or `PENDING`, count.
        gaps: known holes in them, in order.
        sessions: starts and ends of the calendar's weekly sessions; None where nothing is known of it.
        first_tick_us: before it the venue has nothing; None where that is not known.
    """

    hours: Column
    codes: Column
    ticks: Column
    gaps: Sequence[Span] = ()
    problems: Sequence[Problem] = ()
    sessions: tuple[Column, Column] | None = None
    first_tick_us: int | None = None

    def equals(self, other: "Facts") -> bool:
        """Whether the same hours, gaps and problems are known."""
        return (
            np.array_equal(self.hours, other.hours)
            and np.array_equal(self.codes, other.codes)
            and np.array_equal(self.ticks, other.ticks)
            and (self.gaps, self.problems) == (other.gaps, other.problems)
            and self.first_tick_us == other.first_tick_us
        )


@dataclass(frozen=True, slots=True)
class HourMap:
    """The hours from the first one that anything is known of up to now.

    Attributes:
        start_us: where they begin; `codes` and `ticks` have an entry for each hour from there on.
        reasons: why an hour is pending or failed, where that is on record.
        final_us: the end of the last stored hour that is final; None without any.
        last_us: the start of the last hour that holds ticks; None without any.
        first_tick_us: before it the venue has nothing; None where that is not known.
    """

    start_us: int
    now_us: int
    codes: Codes
    ticks: Column
    gaps: Sequence[Span] = ()
    reasons: Mapping[int, str] = field(default_factory=dict)
    final_us: int | None = None
    first_us: int | None = None
    last_us: int | None = None
    first_tick_us: int | None = None

    @property
    def end_us(self) -> int:
        return self.start_us + len(self.codes) * HOUR_US

    def _slice(self, start_us: int, end_us: int) -> slice:
        first = max(0, (floor_hour(start_us) - self.start_us) // HOUR_US)
        last = max(first, -(-(end_us - self.start_us) // HOUR_US))
        return slice(first, min(last, len(self.codes)))

    def counts(self, start_us: int = 0, end_us: int = 2**62) -> dict[str, int]:
        """How many hours that overlap a span are in each state."""
        found = np.bincount(self.codes[self._slice(start_us, end_us)], minlength=7).tolist()
        return {
            "data": found[DATA],
            "closed": sum(found[code] for code in _ALL_CLOSED),
            "pending": found[NEVER] + found[PENDING],
            "failed": found[FAILED],
        }

    def ticks_in(self, start_us: int, end_us: int) -> int:
        """How many ticks the hours hold that lie wholly in a span: no more than the span itself."""
        whole = self._slice(-(-start_us // HOUR_US) * HOUR_US, floor_hour(end_us))
        return int(self.ticks[whole].sum())

    def closed(self, start_us: int, end_us: int, *, least_us: int) -> list[Span]:
        """Where the venue was closed, in stretches of at least `least_us`."""
        found: list[Span] = []
        for code, first, end in self._runs(start_us, end_us):
            if code in _ALL_CLOSED:
                begin = found.pop().from_us if found and found[-1].to_us == first else first
                found.append(Span(begin, end))
        return [
            Span(max(first, start_us), min(end, end_us)) for first, end in found if end - first >= least_us
        ]

    def missing(self, start_us: int, end_us: int, *, near_us: int) -> list[Missing]:
        """What should be there and is not; the running hour is not missed.

        Args:
            near_us: equal stretches that are no further apart than this are told as one.
        """
        found = self._before(start_us, min(end_us, self.start_us))
        for code, first, end in self._runs(start_us, min(end_us, self.now_us)):
            if code not in {NEVER, PENDING, FAILED}:
                continue
            for one in self._by_reason(code, first, end):
                before = found[-1] if found else None
                if before and before[2:] == one[2:] and one.from_us - before.to_us <= near_us:
                    found[-1] = Missing(before.from_us, one.to_us, one.state, one.reason)
                elif one.reason != RUNNING:
                    found.append(one)
        return [
            Missing(max(one.from_us, start_us), min(one.to_us, end_us), one.state, one.reason)
            for one in found
        ]

    def _before(self, start_us: int, end_us: int) -> list[Missing]:
        """What lies before the first hour of which anything is known, up to `end_us`: nobody asked for it."""
        first_us = max(start_us, floor_hour(self.first_tick_us or 0))
        return [Missing(first_us, end_us, STATES[NEVER], NEVER_ASKED)] if first_us < end_us else []

    def gaps_in(self, start_us: int, end_us: int) -> list[Span]:
        return [
            Span(max(one.from_us, start_us), min(one.to_us, end_us))
            for one in self.gaps
            if one.from_us < end_us and one.to_us > start_us
        ]

    def hours(self, start_us: int, end_us: int) -> Iterator[tuple[int, str, int, str | None]]:
        """Each hour of a span: its start, its state, its ticks, and why it is neither data nor closed."""
        part = self._slice(start_us, end_us)
        for at in range(part.start, part.stop):
            hour_us, code = self.start_us + at * HOUR_US, int(self.codes[at])
            known = code in {DATA, CLOSED}
            reason = None if known else _CLOSED_BECAUSE.get(code) or self._reason(code, hour_us)
            yield hour_us, STATES[code], int(self.ticks[at]), reason

    def _reason(self, code: int, hour_us: int) -> str:
        if hour_us in self.reasons:
            return self.reasons[hour_us]
        if hour_us + HOUR_US > self.now_us:
            return RUNNING
        return NEVER_ASKED if code == NEVER else NOT_COMPLETE

    def _by_reason(self, code: int, first: int, end: int) -> Iterator[Missing]:
        """A run of equal hours, cut where the reason changes."""
        if not self.reasons and code == NEVER and end <= self.now_us:
            yield Missing(first, end, STATES[code], NEVER_ASKED)
            return
        begin, known = first, self._reason(code, first)
        for hour_us in range(first + HOUR_US, end, HOUR_US):
            reason = self._reason(code, hour_us)
            if reason != known:
                yield Missing(begin, hour_us, STATES[code], known)
                begin, known = hour_us, reason
        yield Missing(begin, end, STATES[code], known)

    def _runs(self, start_us: int, end_us: int) -> Iterator[tuple[int, int, int]]:
        """Stretches of equal hours that overlap a span: code, start, end."""
        part = self._slice(start_us, end_us)
        codes = self.codes[part]
        if not len(codes):
            return
        borders = [0, *(np.flatnonzero(np.diff(codes)) + 1).tolist(), len(codes)]
        base = self.start_us + part.start * HOUR_US
        for first, end in pairwise(borders):
            yield int(codes[first]), base + first * HOUR_US, base + end * HOUR_US


def build(facts: Facts, now_us: int) -> HourMap:
    """What follows of the facts at a moment."""
    known = [int(facts.hours[0])] if len(facts.hours) else []
    known += [facts.problems[0].hour_us] if facts.problems else []
    start_us = min(known, default=floor_hour(now_us))
    count = max((floor_hour(now_us) - start_us) // HOUR_US + 1, 0)
    codes = np.full(count, NEVER, dtype=np.uint8)
    ticks = np.zeros(count, dtype=np.int64)
    begin = start_us + np.arange(count, dtype=np.int64) * HOUR_US
    if facts.first_tick_us is not None:
        codes[begin + HOUR_US <= facts.first_tick_us] = BEFORE
    codes[_rests(facts, begin)] = RESTS
    at = (facts.hours - start_us) // HOUR_US
    inside = at < count
    at, stored = at[inside], facts.codes[inside]
    ticks[at] = facts.ticks[inside]
    reasons: dict[int, str] = {}
    final = np.zeros(count, dtype=bool)
    final[at[stored != PENDING]] = True
    codes[at] = stored
    for hour_us, state, reason in facts.problems:
        place = (hour_us - start_us) // HOUR_US
        if place < count and not final[place]:
            codes[place] = FAILED if state == "failed" else PENDING
            reasons[hour_us] = reason
    finals = facts.hours[facts.codes != PENDING]
    filled = facts.hours[facts.ticks > 0]
    return HourMap(
        start_us,
        now_us,
        codes,
        ticks,
        facts.gaps,
        reasons,
        int(finals[-1]) + HOUR_US if len(finals) else None,
        int(filled[0]) if len(filled) else None,
        int(filled[-1]) if len(filled) else None,
        facts.first_tick_us,
    )


def _rests(facts: Facts, begin: Column) -> npt.NDArray[np.bool_]:
    """Which hours lie outside the weekly sessions."""
    if facts.sessions is None:
        return np.zeros(len(begin), dtype=bool)
    starts, ends = facts.sessions
    # Sessions do not overlap: the last one that begins before the hour ends decides.
    last = np.searchsorted(starts, begin + HOUR_US, side="left") - 1
    return (last < 0) | (ends[np.maximum(last, 0)] <= begin)
