"""Asking what moved in a gap, while one connection takes over from another."""

import asyncio
import time
from collections import deque
from types import SimpleNamespace
from typing import cast

from candlewick.live.continuity import Continuity, Saying
from streaming.live import filling
from streaming.live.stream import Stream
from streaming.live.venue import Venue


def test_two_connections_explain_a_gap_once() -> None:
    end_ns = time.time_ns() - 60 * 10**9
    first, second = (Continuity(Saying.GAP, at, end_ns) for at in (end_ns - 9, end_ns - 5))
    said: list[Continuity] = []

    async def moved(_symbol: str, _from_ns: int, _to_ns: int) -> str:
        await asyncio.sleep(0)
        return "something moved"

    async def explain(gap: Continuity, _text: str) -> None:
        said.append(gap)

    stream = SimpleNamespace(
        unexplained=deque([first, second]), series=SimpleNamespace(symbol="eurusd"), explain=explain
    )
    venue = cast("Venue", SimpleNamespace(moved=moved))

    async def both() -> None:
        await asyncio.gather(*(filling.explain(venue, cast("Stream", stream)) for _ in range(2)))

    asyncio.run(both())
    assert said == [first]
    assert list(stream.unexplained) == [second]
