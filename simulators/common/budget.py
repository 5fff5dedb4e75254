"""How many calls a venue allows."""

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable

_KEPT = 10_000


class Budget:
    """A bucket of tokens for each key: a rate a second, and one call more at once.

    Args:
        per_second: 0 allows everything.
    """

    def __init__(self, per_second: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._rate = per_second
        # A client that keeps exactly to the rate must not be refused for a millisecond's jitter.
        self._size = max(per_second, 1.0) + 1.0
        self._monotonic = monotonic
        self._buckets: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()

    def allows(self, key: Hashable) -> bool:
        """Whether one more call is within the budget; takes a token if so."""
        if self._rate == 0:
            return True
        now = self._monotonic()
        tokens, filled_at = self._buckets.pop(key, (self._size, now))
        tokens = min(self._size, tokens + (now - filled_at) * self._rate)
        self._buckets[key] = (tokens - 1 if tokens >= 1 else tokens, now)
        if len(self._buckets) > _KEPT:
            self._buckets.popitem(last=False)
        return tokens >= 1
