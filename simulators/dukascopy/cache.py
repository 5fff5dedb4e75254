"""Bodies that took work to make, kept up to a bound."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock

_MAX_BYTES = 64 << 20
_OVERHEAD = 200


class ByteCache:
    """Least recently used bodies go first; a `None` (no such body) is kept like one."""

    def __init__(self, max_bytes: int = _MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._entries: OrderedDict[Hashable, bytes | None] = OrderedDict()
        self._bytes = 0
        self._lock = Lock()

    def get(self, key: Hashable, make: Callable[[], bytes | None]) -> bytes | None:
        """The body under `key`, made now if it is not held. Two callers may both make it."""
        with self._lock:
            if key in self._entries:
                self._entries.move_to_end(key)
                return self._entries[key]
        body = make()
        with self._lock:
            if key not in self._entries:
                self._entries[key] = body
                self._bytes += _size(body)
            while self._bytes > self._max_bytes:
                self._bytes -= _size(self._entries.popitem(last=False)[1])
        return body


def _size(body: bytes | None) -> int:
    return _OVERHEAD + len(body or b"")
