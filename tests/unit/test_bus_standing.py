"""How far subscriptions have got, from topics' internal statistics."""

from hypothesis import given
from hypothesis import strategies as st

from candlewick.bus_standing import standing, unacknowledged
from candlewick.position import Position

SUBSCRIPTION = "sink"


def internal(sizes: dict[int, int], acknowledged: set[Position]) -> dict[str, object]:
    """Statistics as the broker shows them, for ledgers of these sizes; the last is open."""
    every = [Position(ledger, entry) for ledger, size in sizes.items() for entry in range(size)]
    behind = [position for position in every if position not in acknowledged]
    if behind:
        mark = Position(behind[0].ledger, behind[0].entry - 1)
    else:
        mark = every[-1] if every else Position(next(iter(sizes)), -1)
    ranges = []
    for ledger, size in sizes.items():
        start: int | None = None
        for entry in range(size + 1):
            position = Position(ledger, entry)
            done = entry < size and position > mark and position in acknowledged
            if done and start is None:
                start = entry - 1
            elif not done and start is not None:
                ranges.append(f"({ledger}:{start}..{ledger}:{entry - 1}]")
                start = None
    last = every[-1] if every else Position(next(iter(sizes)), -1)
    open_ledger = max(sizes)
    return {
        "lastConfirmedEntry": f"{last.ledger}:{last.entry}",
        "ledgers": [
            {"ledgerId": ledger, "entries": 0 if ledger == open_ledger else size}
            for ledger, size in sizes.items()
        ],
        "cursors": {
            SUBSCRIPTION: {
                "markDeletePosition": f"{mark.ledger}:{mark.entry}",
                "individuallyDeletedMessages": f"[{','.join(ranges)}]",
            }
        },
    }


@given(
    st.lists(st.integers(1, 12), min_size=1, max_size=4),
    st.sets(st.tuples(st.integers(0, 3), st.integers(0, 11))),
    st.integers(1, 50),
)
def test_what_is_not_acknowledged_is_listed_in_order(
    sizes: list[int], done: set[tuple[int, int]], limit: int
) -> None:
    ledgers = {10 + 3 * n: size for n, size in enumerate(sizes)}
    acknowledged = {Position(10 + 3 * n, entry) for n, entry in done}
    wanted = [
        Position(ledger, entry)
        for ledger, size in ledgers.items()
        for entry in range(size)
        if Position(ledger, entry) not in acknowledged
    ]
    assert unacknowledged(internal(ledgers, acknowledged), SUBSCRIPTION, limit) == wanted[:limit]


def test_a_topic_without_messages_owes_none() -> None:
    assert unacknowledged(internal({5: 0}, set()), SUBSCRIPTION, 10) == []


def test_a_subscription_that_is_not_there_owes_none() -> None:
    assert unacknowledged(internal({5: 3}, set()), "other", 10) == []


def stats(mark: str, last: str, *ledgers: tuple[int, int]) -> dict[str, object]:
    return {
        "cursors": {"recorder": {"markDeletePosition": mark, "individuallyDeletedMessages": "[]"}},
        "lastConfirmedEntry": last,
        "ledgers": [{"ledgerId": ledger, "entries": entries} for ledger, entries in ledgers],
    }


def test_read_and_end() -> None:
    found = standing(stats("5:3", "7:9", (5, 8), (7, 0)), "recorder")
    assert found is not None
    assert (found.read, found.end) == (Position(5, 3), Position(7, 9))


def test_an_empty_last_ledger_is_not_the_end() -> None:
    found = standing(stats("5:3", "9:-1", (5, 8), (7, 0), (9, 0)), "recorder")
    assert found is not None
    assert found.end == Position(5, 7)


def test_an_empty_topic_has_no_end() -> None:
    found = standing(stats("5:-1", "5:-1", (5, 0)), "recorder")
    assert found is not None
    assert (found.read, found.end) == (Position(5, -1), None)
    assert standing(stats("5:-1", "5:-1"), "other") is None
