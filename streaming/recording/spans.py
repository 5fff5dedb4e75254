"""Spans [from, to) in microseconds: gaps cut, joined, taken away, and closed by trade ids."""

from collections.abc import Iterable, Sequence

import numpy as np

from candlewick.calendars import Calendar
from candlewick.hours import Trades
from candlewick.times import HOUR_US

Span = tuple[int, int]


def of_ns(from_ns: int, to_ns: int) -> Span:
    """The microseconds that a span of nanoseconds touches."""
    return from_ns // 1000, -(-to_ns // 1000)


def cut(span: Span, hour_us: int, week: Calendar) -> list[Span]:
    """The parts of a span in which an hour's market is open."""
    first, end = max(span[0], hour_us), min(span[1], hour_us + HOUR_US)
    return week.sessions(first, end) if first < end else []


def joined(spans: Iterable[Span]) -> list[Span]:
    """The same microseconds as spans in order that neither overlap nor touch."""
    found: list[Span] = []
    for first, end in sorted(spans):
        if found and first <= found[-1][1]:
            found[-1] = found[-1][0], max(end, found[-1][1])
        else:
            found.append((first, end))
    return found


def minus(spans: Iterable[Span], taken: Iterable[Span]) -> list[Span]:
    """Spans but for others."""
    remaining = list(spans)
    for away_first, away_end in taken:
        remaining = [
            part
            for first, end in remaining
            for part in ((first, min(end, away_first)), (max(first, away_end), end))
            if part[0] < part[1]
        ]
    return remaining


def without(spans: Iterable[Span], filled: Iterable[Span]) -> list[Span]:
    """What remains of joined gaps once some of them are filled.

    A gap ends with the microsecond of the first trade after it, in which the next gap may begin: where more
    remains beside what is filled, that microsecond remains too.
    """
    remaining = list(spans)
    for away_first, away_end in joined(filled):
        for first, end in [span for span in remaining if span[0] < away_end and away_first < span[1]]:
            remaining.remove((first, end))
            if first < away_first:
                remaining.append((first, min(end, away_first + 1)))
            if end > away_end:
                remaining.append((max(first, away_end - 1), end))
    return joined(remaining)


def still_open(spans: Sequence[Span], hour_us: int, trades: Trades) -> list[Span]:
    """Those of an hour's gaps in which a trade may be missing: consecutive ids around a gap close it."""
    us = trades.us + hour_us
    if (np.diff(us) < 0).any():
        # The venue's times contradict its ids: nothing is proved by them.
        return list(spans)
    return [span for span in spans if not _closed(span, hour_us, us, trades.trade_id)]


def _closed(span: Span, hour_us: int, us: np.ndarray, ids: np.ndarray) -> bool:
    if span[0] == hour_us or span[1] == hour_us + HOUR_US:
        # What is cut at the hour goes on in another one.
        return False
    # A gap begins at the microsecond of the last trade before it, and ends with or at that of the first after
    # it. Of several trades at such a microsecond the outermost counts.
    first = int(np.searchsorted(us, span[0], "left"))
    if first == len(us) or us[first] > span[0]:
        first -= 1
    last = int(np.searchsorted(us, span[1], "right")) - 1
    if last < 0 or us[last] < span[1] - 1:
        last += 1
    if first < 0 or last >= len(us) or last <= first:
        return False
    return int(ids[last] - ids[first]) == last - first
