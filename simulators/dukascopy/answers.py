"""What a source of data answers, whether it is a folder or a synthetic market."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from simulators.dukascopy.paths import Resource

JSON = "application/json"


@dataclass(frozen=True, slots=True)
class Content:
    """A body and when it last changed, microseconds since 1970."""

    body: bytes
    modified_us: int
    media_type: str = "application/octet-stream"


class Absent(StrEnum):
    """Why there is no content."""

    NOT_FOUND = "not-found"
    NOT_FINISHED = "not-finished"


class Source(Protocol):
    """Where the venue's data comes from."""

    def answer(self, resource: Resource, now_us: int) -> Content | Absent:
        """The content of a resource at a moment, or why there is none."""
        ...


class Corrections(Protocol):
    """Which hours the venue has corrected since it first published them."""

    def revision(self, path: str) -> int:
        """How often the hour with this bi5 path was corrected; 0 for never."""
        ...

    def corrected_at_us(self, path: str) -> int:
        """When it last was, microseconds since 1970; 0 for never."""
        ...


class NoCorrections:
    """A venue that has corrected nothing."""

    def revision(self, path: str) -> int:
        del path
        return 0

    def corrected_at_us(self, path: str) -> int:
        del path
        return 0
