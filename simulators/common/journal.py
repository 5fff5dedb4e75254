"""What was asked and what was answered, so that a test can count it."""

from collections import Counter, deque
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from threading import Lock
from typing import Any

_KEPT = 10_000


@dataclass(frozen=True, slots=True)
class Entry:
    """One request. `status` is None where no answer was given; `fault` names the rule that befell it."""

    number: int
    at_us: int
    method: str
    path: str
    family: str
    status: int | None
    bytes: int
    fault: str | None


class Journal:
    """Counts of all requests since the last reset, and the last ten thousand of them."""

    def __init__(self) -> None:
        self._lock = Lock()
        self.reset()

    def reset(self) -> None:
        with self._lock:
            self._entries: deque[Entry] = deque(maxlen=_KEPT)
            self._total = 0
            self._bytes = 0
            self._by: dict[str, Counter[str]] = {
                name: Counter() for name in ("family", "status", "fault", "method")
            }

    def note(
        self,
        *,
        at_us: int,
        method: str,
        path: str,
        family: str,
        status: int | None,
        size: int,
        fault: str | None,
    ) -> None:
        with self._lock:
            self._total += 1
            self._bytes += size
            self._entries.append(Entry(self._total, at_us, method, path, family, status, size, fault))
            self._by["family"][family] += 1
            self._by["status"][str(status or "none")] += 1
            self._by["fault"][fault or "none"] += 1
            self._by["method"][method] += 1

    def report(self, path: str = "*", limit: int = 100) -> dict[str, Any]:
        """Counts, and the newest `limit` requests whose path matches the glob, oldest first."""
        with self._lock:
            matching = [entry for entry in self._entries if fnmatchcase(entry.path, path)]
            return {
                "total": self._total,
                "bytes": self._bytes,
                **{f"by_{name}": dict(counter) for name, counter in self._by.items()},
                "matching": len(matching),
                "requests": [asdict(entry) for entry in (matching[-limit:] if limit else [])],
            }
