"""Continuity: what is known of the completeness of a live series, on a topic beside its events.

`complete` says: of all that the venue sent up to `to_ns`, by the venue's own clock, nothing is missing but
the gaps that are open, and it stands in the live topic at or before `position`. `gap` says that something
may be missing between `from_ns` and `to_ns`; `filled` with the same bounds, that it now is in the topic.
A later `gap` overrides an earlier `complete`.
"""

from enum import StrEnum
from typing import Any

import msgspec


class Saying(StrEnum):
    COMPLETE = "complete"
    GAP = "gap"
    FILLED = "filled"


class Continuity(msgspec.Struct, frozen=True, gc=False):
    """One record.

    Attributes:
        from_ns, to_ns: [from, to) by the venue's clock, nanoseconds since 1970; of `complete`: since when
            the connection has been whole, and up to when.
        first_id, last_id: the trades that are missing, both inclusive; of `complete` the last id that was
            seen. Null where the series has no ids, or they are not known.
        position: the last message of the live topic that was acknowledged when this was said,
            `ledger:entry`; empty where the topic has none.
        reason: for people: what opened the gap, or how it was filled.
        at_ns: when this was said, by the worker's clock.
    """

    kind: str
    from_ns: int
    to_ns: int
    first_id: int | None = None
    last_id: int | None = None
    position: str = ""
    reason: str = ""
    at_ns: int = 0

    @property
    def bounds(self) -> tuple[int, int, int | None, int | None]:
        """What names a gap: `filled` repeats it."""
        return self.from_ns, self.to_ns, self.first_id, self.last_id


DEFINITION: dict[str, Any] = {
    "type": "record",
    "name": "Continuity",
    "namespace": "candlewick",
    "doc": "What is known of the completeness of a live series.",
    "fields": [
        {"name": "kind", "type": "string", "doc": "complete, gap or filled"},
        {"name": "from_ns", "type": "long", "doc": "nanoseconds since 1970, by the venue's clock"},
        {"name": "to_ns", "type": "long", "doc": "exclusive"},
        {"name": "first_id", "type": ["null", "long"], "doc": "first trade id that is missing"},
        {"name": "last_id", "type": ["null", "long"], "doc": "last one; of complete: last one seen"},
        {
            "name": "position",
            "type": "string",
            "doc": "the live topic's last acknowledged message, ledger:entry",
        },
        {"name": "reason", "type": "string", "doc": "for people"},
        {"name": "at_ns", "type": "long", "doc": "when this was said"},
    ],
}
"""The schema of a continuity record, as registered with the broker (JSON)."""

_decoder = msgspec.json.Decoder(Continuity, strict=True)


def decode(data: bytes) -> Continuity:
    """The record that a message holds.

    Raises:
        ValueError: the bytes are no continuity record.
    """
    try:
        record = _decoder.decode(data)
        Saying(record.kind)
    except (msgspec.MsgspecError, ValueError) as error:
        raise ValueError(f"no continuity record: {error}") from error
    return record
