"""What a worker says of itself every few seconds: on the topic of health records, and as a file of the home.

The file is for whoever runs on the same machine (`candlewick status`, Dagster) and works while the
broker is away; the topic is for everybody else.
"""

import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import orjson

from candlewick.times import SECOND_US

STALE_US = 30 * SECOND_US
"""A worker that has said nothing for this long is not well, whatever it said last."""


class Condition(StrEnum):
    """`WAITING`: something it needs is away, and nothing is lost; `DEGRADED`: a person should look."""

    OK = "ok"
    WAITING = "waiting"
    DEGRADED = "degraded"


DEFINITION: dict[str, Any] = {
    "type": "record",
    "name": "Health",
    "namespace": "candlewick",
    "doc": "What a worker says of itself.",
    "fields": [
        {"name": "worker", "type": "string", "doc": "its name"},
        {"name": "at_us", "type": "long", "doc": "when, microseconds since 1970, UTC"},
        {"name": "condition", "type": "string", "doc": "ok, waiting or degraded"},
        {"name": "summary", "type": "string", "doc": "one line for a person"},
        {"name": "facts", "type": {"type": "map", "values": "string"}, "doc": "figures by name"},
    ],
}
"""The schema of a health record, as registered with the broker (JSON)."""


@dataclass(frozen=True, slots=True)
class Health:
    """One record; see `DEFINITION`."""

    worker: str
    at_us: int
    condition: Condition
    summary: str
    facts: Mapping[str, str] = field(default_factory=dict)

    def encode(self) -> bytes:
        return orjson.dumps(asdict(self))

    @classmethod
    def decode(cls, data: bytes) -> "Health":
        """Raises ValueError (also KeyError, TypeError) where the bytes are no health record."""
        values = orjson.loads(data)
        return cls(**{**values, "condition": Condition(values["condition"])})


def folder(home: Path) -> Path:
    return home / "health"


def write(home: Path, record: Health) -> None:
    """Puts a record where those on this machine find it; replaces the worker's last one, atomically."""
    target = folder(home)
    target.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=target, suffix=".part")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(record.encode())
        Path(name).replace(target / f"{record.worker}.json")
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def read_all(home: Path) -> list[Health]:
    """The last record of every worker, by name; an unreadable file is left out."""
    records = []
    for file in sorted(folder(home).glob("*.json")):
        try:
            records.append(Health.decode(file.read_bytes()))
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return records
