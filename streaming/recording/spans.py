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


def without(spans: Iterable[Span], taken: Iterable[Span]) -> list[Span]:
    """What remains of spans once others are taken away."""
    remaining = list(spans)
    for away_first, away_end in taken:
        remaining = [
            part
            for first, end in remaining
            for part in ((first, min(end, away_first)), (max(first, away_end), end))
            if part[0] < part[1]
        ]
    return remaining


def still_open(
    spans: Sequence[Span], hour_us: int, trades: Trades, before_id: int | None, after_id: int | None
) -> list[Span]:
    """Those of an hour's gaps in which a trade may be missing: consecutive ids around a gap close it.

    Args:
        trades: of the hour, by id.
        before_id, after_id: the last id of the hour before and the first of the hour after, where known.
    """
    if not spans:
        return []
    us = trades.us + hour_us
    ids = trades.trade_id
    if before_id is not None:
        us, ids = np.insert(us, 0, hour_us - 1), np.insert(ids, 0, before_id)
    if after_id is not None:
        us, ids = np.append(us, hour_us + HOUR_US), np.append(ids, after_id)
    return [span for span in spans if not _closed(span, us, ids)]


def _closed(span: Span, us: np.ndarray, ids: np.ndarray) -> bool:
    # A gap begins at the microsecond of the last trade before it and ends behind that of the first after it.
    before = np.flatnonzero(us <= span[0])
    after = np.flatnonzero(us >= span[1] - 1)
    after = after[after > before[-1]] if len(before) else after
    if not len(before) or not len(after):
        return False
    first, last = int(before[-1]), int(after[0])
    return int(ids[last] - ids[first]) == last - first
