"""How far a subscription has got, from a topic's internal statistics."""

from candlewick.bus_admin import standing
from candlewick.position import Position


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
