"""What a live worker says of each of its series in its health record: a fact named by the series, as JSON."""

import msgspec

from candlewick.health import Health


class StreamHealth(msgspec.Struct, frozen=True):
    """One series as its worker has it.

    Attributes:
        state: `streaming`, `resuming`, `closed` (its market), `quiet` (longer than usual), `opening`,
            `refused`, `not connected`.
        events: received since the worker started; `acknowledged` of them by Pulsar, `waiting` not yet.
        last_event_us: exchange time of the last one, microseconds since 1970; 0 for none.
        quiet_s: how long ago that was received; `limit_s` is how long it may take.
        lag_ms: from exchange time to receipt, of the last one.
        open_gaps: gaps that are being filled; `lasting_gaps` that the venue cannot fill.
        coalesced: tickers that were replaced by newer ones while Pulsar was away.
        problem: what a person has to look at; empty for nothing.
    """

    state: str
    events: int = 0
    acknowledged: int = 0
    waiting: int = 0
    last_event_us: int = 0
    quiet_s: float = 0.0
    limit_s: float = 0.0
    lag_ms: float = 0.0
    open_gaps: int = 0
    lasting_gaps: int = 0
    coalesced: int = 0
    problem: str = ""


_decoder = msgspec.json.Decoder(StreamHealth)


def to_fact(stream: StreamHealth) -> str:
    return msgspec.json.encode(stream).decode()


def streams(record: Health) -> dict[str, StreamHealth]:
    """The series of a worker's record, by name; empty for workers that stream nothing."""
    found = {}
    for name, fact in record.facts.items():
        if name.count(":") == 2:
            try:
                found[name] = _decoder.decode(fact)
            except msgspec.MsgspecError:
                continue
    return found
