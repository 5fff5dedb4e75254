"""How far a subscription has got in a topic, by the topic's internal statistics. Pure."""

import re
from dataclasses import dataclass
from typing import Any

from candlewick.position import Position

Json = dict[str, Any]

_RANGE = re.compile(r"\((\d+):(-?\d+)\.\.(\d+):(-?\d+)\]")


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a subscription has got in a topic.

    Attributes:
        read: up to where everything is acknowledged; None where nothing is.
        end: the topic's last message; None where it has none.
    """

    read: Position | None
    end: Position | None


def unacknowledged(internal: Json, subscription: str, limit: int) -> list[Position]:
    """The first positions that a topic's internal statistics show as not acknowledged, in order."""
    cursor = internal["cursors"].get(subscription)
    if cursor is None:
        return []
    last = _position(internal["lastConfirmedEntry"])
    mark = _position(cursor["markDeletePosition"])
    # Of the ledger that is being written the list does not say how much it holds.
    ends = {ledger["ledgerId"]: ledger["entries"] for ledger in internal["ledgers"]} | {
        last.ledger: last.entry + 1
    }
    done: dict[int, list[tuple[int, int]]] = {}
    for first, after, through, end in _RANGE.findall(cursor["individuallyDeletedMessages"]):
        if first == through:
            done.setdefault(int(first), []).append((int(after), int(end)))
        else:
            done.setdefault(int(first), []).append((int(after), ends.get(int(first), 0)))
            done.setdefault(int(through), []).append((-1, int(end)))
    found: list[Position] = []
    for ledger in sorted(ledger for ledger in ends if mark.ledger <= ledger <= last.ledger):
        entry = mark.entry + 1 if ledger == mark.ledger else 0
        for start, end in [*sorted(done.get(ledger, ())), (ends[ledger] - 1, ends[ledger])]:
            upto = range(entry, min(start + 1, entry + limit - len(found)))
            found += [Position(ledger, owed) for owed in upto]
            if len(found) >= limit:
                return found
            entry = max(entry, end + 1)
    return found


def standing(internal: Json, subscription: str) -> Standing | None:
    """How far a subscription has got, by a topic's internal statistics."""
    cursor = internal["cursors"].get(subscription)
    if cursor is None:
        return None
    end: Position | None = _position(internal["lastConfirmedEntry"])
    if end is not None and end.entry < 0:
        # The ledger that is being written is empty.
        written = [ledger for ledger in internal["ledgers"] if ledger["entries"]]
        last = written[-1] if written else None
        end = Position(last["ledgerId"], last["entries"] - 1) if last else None
    mark = _position(cursor["markDeletePosition"])
    return Standing(mark if mark.ledger >= 0 else None, end)


def _position(text: str) -> Position:
    ledger, _, entry = text.partition(":")
    return Position(int(ledger), int(entry))
