"""Older trades of Kraken by REST, as hours: the same message, sink and tables as what is streamed.

REST gives a thousand trades a call, a call a second. Hours are published as they fill, so that a run that is
ended goes on where it stopped: hours that are final and whole are not asked for again.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import httpx
import numpy as np

from candlewick.bus import Bus
from candlewick.errors import CandlewickError
from candlewick.hours import FINAL_STATES, Gap, Hour, HourState, Trades
from candlewick.instruments import Series
from candlewick.live.numbers import scaled
from candlewick.merge import merge_trades
from candlewick.retries import retry_context
from candlewick.store import Store
from candlewick.times import HOUR_US, MINUTE_US, hours_between, iso, now_us
from candlewick.venues.kraken import KrakenError, ask
from candlewick.venues.symbols import kraken_pair

PAGE = 1000
SETTLED_US = 5 * MINUTE_US
"""So long after its end an hour may still be the recorder's."""
LANDING_S = 120.0

_SIDES = {"b": 1, "s": -1}
_ATTEMPTS = 20


@dataclass(frozen=True, slots=True)
class FilledHour:
    """An hour that is complete now; `trades` is how many it has, `asked` how many calls it took."""

    hour_us: int
    trades: int
    asked: int


def wanted_hours(store: Store, series: Series, start_us: int, end_us: int) -> list[int]:
    """The hours of a span that are over and not final and whole yet, in order."""
    last_us = min(end_us, now_us() - SETTLED_US)
    hours = [hour_us for hour_us in hours_between(start_us, end_us) if hour_us + HOUR_US <= last_us]
    whole = {
        row.hour_us
        for row in (store.coverage(series.name, hours[0], hours[-1] + HOUR_US) if hours else ())
        if row.state in FINAL_STATES and not row.hole
    }
    return [hour_us for hour_us in hours if hour_us not in whole]


def fill(rest_url: str, store: Store, bus: Bus, series: Series, hours: Sequence[int]) -> Iterator[FilledHour]:
    """Asks for the trades of hours, publishes each hour when it is whole, and waits until it has landed.

    Raises:
        KrakenError: the venue refuses for long.
        CandlewickError: a server does not answer, or an hour does not land.
    """
    local = "//127.0.0.1:" in rest_url or "//localhost:" in rest_url
    with httpx.Client(base_url=rest_url, timeout=20.0) as client:
        for first, last in _runs(hours):
            rows: list[Any] = []
            asked, since, hour_us = 0, first * 1000 - 1, first
            known: set[int] = set()
            before: int | None = None
            while hour_us < last:
                page, end = _page(client, series, since)
                asked += 1
                new = [row for row in page if row[6] not in known]
                if not new and len(page) >= PAGE:
                    raise _stuck(series, end)
                # Only an answer without anything new shows that there is no more: pages may be short.
                ended = not new
                rows += new
                known = {row[6] for row in page}
                # Others of the same moment may lie behind the page.
                since = max(since, end - 1)
                newest_us = _us(rows[-1]) if rows else 0
                while hour_us < last and (ended or newest_us >= hour_us + HOUR_US):
                    mine = [row for row in rows if _us(row) < hour_us + HOUR_US]
                    rows = rows[len(mine) :]
                    after = min((row[6] for row in rows), default=None)
                    hour = _hour(store, series, hour_us, mine, (before, after))
                    bus.publish_hours(series, [hour])
                    _await(store, series, hour)
                    if isinstance(hour.ticks, Trades) and len(hour.ticks):
                        before = int(hour.ticks.trade_id[-1])
                    yield FilledHour(hour_us, len(hour.ticks), asked)
                    hour_us, asked = hour_us + HOUR_US, 0
                if not local:
                    time.sleep(1.0)


def _runs(hours: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Consecutive hours as [first, end)."""
    first = previous = None
    for hour_us in hours:
        if first is None or previous is None:
            first = hour_us
        elif hour_us != previous + HOUR_US:
            yield first, previous + HOUR_US
            first = hour_us
        previous = hour_us
    if first is not None and previous is not None:
        yield first, previous + HOUR_US


def _page(client: httpx.Client, series: Series, since: int) -> tuple[list[Any], int]:
    """Trades after `since` (nanoseconds), and the moment of the last one."""
    parameters = {"pair": kraken_pair(series.symbol), "since": str(since), "count": str(PAGE)}
    for attempt in retry_context(on=KrakenError, attempts=_ATTEMPTS, wait_initial=1.0, wait_max=30.0):
        with attempt:
            answer = ask(client, "/0/public/Trades", parameters)
    last = int(answer.pop("last"))
    (rows,) = answer.values()
    return rows, last


def _stuck(series: Series, last: int) -> KrakenError:
    return KrakenError(
        f"Kraken gives {PAGE} trades of {series.symbol} at one time, {iso(last // 1000)}, and no more",
        "these cannot be paged through",
    )


def _us(row: Sequence[Any]) -> int:
    """A row's time, a float of seconds, rounded to microseconds as live fills of gaps are."""
    return round(Decimal(repr(row[2])) * 1_000_000)


def _hour(
    store: Store, series: Series, hour_us: int, rows: list[Any], neighbours: tuple[int | None, int | None]
) -> Hour:
    """An hour of these rows, merged with what is stored.

    Args:
        neighbours: ids of the last trade before the hour and of the first one behind it, where known.
    """
    trades = _trades(series, hour_us, rows)
    stored = next(iter(store.read_hours(series, hour_us, hour_us + HOUR_US)), None)
    revision = now_us()
    if stored is not None:
        revision = max(revision, stored.revision + 1)
        if isinstance(stored.ticks, Trades):
            # What was streamed has the better times.
            trades = merge_trades(
                stored.ticks,
                trades,
                np.ones(len(trades), dtype=bool),
                stored_is_live=stored.source.startswith("live:"),
            )
    state = HourState.DATA if len(trades) else HourState.CLOSED
    return Hour(
        series.name,
        hour_us,
        revision,
        state,
        "rest",
        series.price_scale,
        series.volume_scale,
        trades,
        _gaps(hour_us, trades, neighbours),
    )


def _gaps(hour_us: int, trades: Trades, neighbours: tuple[int | None, int | None]) -> tuple[Gap, ...]:
    """Where ids are skipped, also across the hour's borders: the venue itself does not have these trades."""
    if not len(trades):
        return ()
    before, after = neighbours
    ids, times = trades.trade_id.tolist(), (trades.us + hour_us).tolist()
    gaps = [Gap(times[at], max(times[at + 1], times[at] + 1)) for at in np.flatnonzero(np.diff(ids) > 1)]
    if before is not None and ids[0] > before + 1 and times[0] > hour_us:
        gaps.insert(0, Gap(hour_us, times[0]))
    if after is not None and after > ids[-1] + 1:
        gaps.append(Gap(times[-1], hour_us + HOUR_US))
    return tuple(gaps)


def _trades(series: Series, hour_us: int, rows: list[Any]) -> Trades:
    rows = sorted({row[6]: row for row in rows}.values(), key=lambda row: row[6])
    columns = [
        [_us(row) - hour_us for row in rows],
        [row[6] for row in rows],
        [scaled(row[0], series.price_scale) for row in rows],
        [scaled(row[1], series.volume_scale) for row in rows],
        [_SIDES[row[3]] for row in rows],
    ]
    return Trades(*(np.array(column, dtype=np.int64) for column in columns))


def _await(store: Store, series: Series, hour: Hour) -> None:
    deadline = time.monotonic() + LANDING_S
    while True:
        landed = store.landed_marks(series.name, [hour.hour_us]).get(hour.hour_us)
        if landed is not None and landed.revision >= hour.revision:
            return
        if time.monotonic() > deadline:
            raise CandlewickError(
                f"{series.name} {iso(hour.hour_us)} did not land within {LANDING_S:.0f} s",
                "`candlewick status` shows the sink; the hour waits in Pulsar, running this again is safe",
            )
        time.sleep(0.05)
