"""From one reader to many browsers: order, resuming, and those that are slow."""

import asyncio
from collections.abc import AsyncIterator

import orjson
from hypothesis import given
from hypothesis import strategies as st

from candlewick.instruments import Kind
from candlewick.position import Position
from candlewick.times import HOUR_US
from web.events import HEARTBEAT
from web.live.batch import Batch
from web.live.hub import BEHIND, WAITING, Hub, Listener
from web.positions import Resume

H = 500_000 * HOUR_US


def batch(first: int, last: int, us: int = H) -> Batch:
    rows = [(us, entry, 1.5, 1.0, "buy") for entry in range(first, last + 1)]
    positions = [Position(1, entry) for entry in range(first, last + 1)]
    return Batch(Kind.TRADES, Position(1, first - 1), positions, rows)


def entries(message: bytes) -> list[int]:
    lines = dict(line.split(b": ", 1) for line in message.strip().split(b"\n") if b": " in line)
    return list(orjson.loads(lines[b"data"])["trade_id"]) if lines.get(b"event") == b"tick" else []


async def _take(messages: AsyncIterator[bytes], count: int) -> list[bytes]:
    return [await anext(messages) for _ in range(count)]


def received(listener: Listener, count: int) -> list[int]:
    """The ids in the next messages behind the first heartbeat."""

    async def main() -> list[bytes]:
        return await _take(listener.messages(), count + 1)

    found = asyncio.run(main())
    assert found[0] == HEARTBEAT
    return [one for message in found for one in entries(message)]


def test_who_joins_late_gets_what_lies_behind_what_it_knows() -> None:
    hub = Hub(Position(1, 0))
    for first in (1, 11, 21):
        hub.publish(batch(first, first + 9))
    assert received(hub.join(Resume(Position(1, 14))), 1) == list(range(15, 31))
    assert received(hub.join(Resume(Position(1, 0))), 1) == list(range(1, 31))


def test_each_event_has_its_position() -> None:
    hub = Hub(Position(1, 0))
    hub.publish(batch(1, 3))
    told = hub.join(Resume(Position(1, 1)))._written(hub.join(Resume(Position(1, 1))).waiting[0])
    data = orjson.loads(told.partition(b"data: ")[2])
    assert (data["id"], data["position"], data["trade_id"]) == ("1:3", ["1:2", "1:3"], [2, 3])


def test_who_knows_nothing_gets_what_comes_next() -> None:
    hub = Hub(None)
    hub.publish(batch(1, 10))
    listener = hub.join(None)
    hub.publish(batch(11, 12))
    assert received(listener, 1) == [11, 12]


def test_hours_that_are_known_further_are_passed_over() -> None:
    hub = Hub(Position(1, 0))
    hub.publish(batch(1, 10, H))
    hub.publish(batch(11, 20, H + HOUR_US))
    known = Resume(Position(1, 5), {H + HOUR_US: Position(1, 15)})
    assert received(hub.join(known), 1) == [6, 7, 8, 9, 10, 16, 17, 18, 19, 20]


def test_after_a_rewind_nobody_gets_anything_twice() -> None:
    hub = Hub(Position(1, 10))
    first = hub.join(Resume(Position(1, 10)))
    hub.publish(batch(11, 20))
    hub.rewind(Position(1, 0))
    second = hub.join(Resume(Position(1, 0)))
    for start in (1, 11, 21):
        hub.publish(batch(start, start + 9))
    assert received(first, 2) == list(range(11, 31))
    assert received(second, 3) == list(range(1, 31))


def test_a_slow_browser_falls_behind_alone_and_costs_no_memory() -> None:
    hub = Hub(Position(1, 0))
    slow, quick = hub.join(Resume(Position(1, 0))), hub.join(Resume(Position(1, 0)))

    async def main() -> tuple[list[bytes], list[bytes]]:
        messages, got = quick.messages(), []
        await anext(messages)
        for entry in range(1, 3 * WAITING):
            hub.publish(batch(entry, entry))
            got.append(await anext(messages))
        return got, [one async for one in slow.messages()]

    got, told = asyncio.run(main())
    assert [one for message in got for one in entries(message)] == list(range(1, 3 * WAITING))
    assert told == [HEARTBEAT, BEHIND]
    assert len(slow.waiting) == 0


def test_a_browser_that_comes_while_the_broker_is_away_hears_of_it() -> None:
    hub = Hub(Position(1, 0))
    hub.tell("stale", {"reason": "away"})
    stale = hub.join(None)
    assert len(stale.waiting) == 1
    hub.tell("fresh", {})
    assert len(hub.join(None).waiting) == 0


@given(st.lists(st.integers(1, 5), min_size=1, max_size=20), st.integers(0, 60), st.integers(0, 60))
def test_nothing_is_lost_or_doubled_however_it_is_cut(
    sizes: list[int], known: int, joined_after: int
) -> None:
    hub = Hub(Position(1, 0))
    total = sum(sizes)
    known = min(known, total)
    other = hub.join(Resume(Position(1, 0)))
    listener, entry = None, 1
    for size in sizes:
        if listener is None and entry > joined_after:
            listener = hub.join(Resume(Position(1, known)))
        hub.publish(batch(entry, entry + size - 1))
        entry += size
    listener = listener or hub.join(Resume(Position(1, known)))
    assert _drained(listener) == list(range(known + 1, total + 1))
    assert _drained(other) == list(range(1, total + 1))


def _drained(listener: Listener) -> list[int]:
    found = [listener._written(one) for one in list(listener.waiting)]
    return [one for message in found for one in entries(message)]


def test_a_sign_of_life_goes_to_whom_nothing_waits_for() -> None:
    hub = Hub(Position(1, 0))
    idle, busy = hub.join(None), hub.join(None)
    busy.offer(b"something")
    hub.beat()
    assert list(idle.waiting) == [HEARTBEAT]
    assert list(busy.waiting) == [b"something"]
