"""What the admin API's answers are read as."""

from hypothesis import given
from hypothesis import strategies as st

from candlewick.bus_admin import SinkDatabase, sink_config, unacknowledged
from candlewick.instruments import Kind
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


def test_the_sink_keeps_its_backlog_and_lets_one_bad_row_hold_up_no_other() -> None:
    database = SinkDatabase("127.0.0.1", 5432, "a b", "user", "p&w")
    config = sink_config(Kind.QUOTES, database)
    assert config["cleanupSubscription"] is False
    assert config["retainOrdering"] is False
    assert config["configs"]["batchSize"] == 1
    assert "deadLetterTopic" not in config
    assert "maxMessageRetries" not in config
    assert config["configs"]["jdbcUrl"].startswith("jdbc:postgresql://127.0.0.1:5432/a%20b?")
