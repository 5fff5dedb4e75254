"""Asks a venue's REST side for what a gap lacks, beside the flow; else for what moved in it."""

import asyncio
import time

import structlog

from streaming.live.backoff import Backoff
from streaming.live.ledger import OpenGap, TradeLedger
from streaming.live.stream import Stream
from streaming.live.venue import RestError, Venue

LATE_S = 0.5
"""Ids that are skipped may be on their way; only then REST is asked."""
GIVE_UP_AFTER = 3
"""So often REST has to answer beyond a gap without what is missing."""
EXPLAIN_ATTEMPTS = 20
"""After so many refusals a gap stays unexplained: others wait for their turn."""
EXPLAIN_S = 6.0
"""By then the candle that a gap ended in is complete."""

_log = structlog.get_logger(__name__)


async def fill(venue: Venue, stream: Stream, ledger: TradeLedger, gap: OpenGap) -> None:
    """Asks until what a gap of the ledger lacks is there, or REST has shown that it does not have it."""
    await asyncio.sleep(LATE_S)
    backoff = Backoff(first_s=0.5)
    while gap in ledger.gaps and not gap.given_up:
        # From earlier each time: a clock that jumped may have stamped them so.
        since_ns = gap.since_ns - int(10**gap.attempts * 1e6)
        if not gap.first_known:
            since_ns = gap.since_ns
        try:
            # A venue that has refused a page is asked for that one, not for all before it again.
            reached = await _fill_from(venue, stream, gap, max(since_ns, gap.reached_ns))
        except RestError as error:
            _log.warning("filling", series=stream.series.name, error=str(error))
            await asyncio.sleep(backoff.delay(at_least_s=error.retry_after_s))
            continue
        gap.reached_ns = 0
        if gap not in ledger.gaps:
            _log.info("gap filled", series=stream.series.name, ids=_ids(gap))
            return
        if reached:
            gap.attempts += 1
            if gap.attempts >= GIVE_UP_AFTER or not gap.first_known:
                ledger.nothing_there(gap, time.time_ns())
                _log.warning("gap stays", series=stream.series.name, ids=_ids(gap))
                await stream.publish_records()
                return
        await asyncio.sleep(max(0.2, backoff.delay()))


async def _fill_from(venue: Venue, stream: Stream, gap: OpenGap, since_ns: int) -> bool:
    """Whether REST has answered for the whole gap."""
    last_id = gap.missing[-1][1] if gap.missing else 0
    async for page in venue.trades(stream.series.symbol, since_ns):
        await stream.fill(gap, page)
        # REST's times are rounded to microseconds.
        gap.reached_ns = page[-1].exchange_ns - 1000
        if page[-1].trade_id > last_id or not gap.missing:
            return True
    return False


async def explain(venue: Venue, stream: Stream) -> None:
    """Asks what moved in the oldest gap of a stream that stays."""
    if not stream.unexplained:
        return
    gap = stream.unexplained[0]
    await asyncio.sleep(max(0.0, EXPLAIN_S - (time.time_ns() - gap.to_ns) / 1e9))
    backoff, text = Backoff(), ""
    for _ in range(EXPLAIN_ATTEMPTS):
        try:
            text = await venue.moved(stream.series.symbol, gap.from_ns, gap.to_ns)
            break
        except RestError as error:
            _log.warning("gap not explained yet", series=stream.series.name, error=str(error))
            await asyncio.sleep(backoff.delay(at_least_s=error.retry_after_s))
    # While one connection takes over from another, both may have asked.
    if not stream.unexplained or stream.unexplained[0] is not gap:
        return
    stream.unexplained.popleft()
    if text:
        await stream.explain(gap, text)


def _ids(gap: OpenGap) -> str:
    return f"{gap.record.first_id}-{gap.record.last_id}"
