"""When to try again: full jitter, never more than the cap apart, without end. Pure: time is passed in."""

import random
from collections.abc import Callable


class Backoff:
    """Delays between attempts to connect.

    The n-th delay is drawn evenly from [0, min(cap, first * 2**n)], so that many clients of a venue that
    comes back do not come back at once. Only data resets it: a venue that accepts and closes is not well.
    """

    def __init__(
        self,
        first_s: float = 0.5,
        cap_s: float = 30.0,
        *,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        if not 0 < first_s <= cap_s:
            raise ValueError(f"0 < {first_s} <= {cap_s} does not hold")
        self._first_s = first_s
        self._cap_s = cap_s
        self._uniform = uniform
        self.attempts = 0

    def delay(self, *, at_least_s: float = 0.0) -> float:
        """Seconds to wait before the next attempt, which this call counts.

        Args:
            at_least_s: what the venue asked for, if it did; followed up to the cap.
        """
        # The exponent is bounded: 2**1100 is no float.
        ceiling = min(self._cap_s, self._first_s * 2 ** min(self.attempts, 30))
        self.attempts += 1
        return max(min(at_least_s, self._cap_s), self._uniform(0, ceiling))

    def reset(self) -> None:
        """Data came."""
        self.attempts = 0


class Budget:
    """How often a venue may be asked: `capacity` at once, then one each `interval_s` seconds."""

    def __init__(self, capacity: int, interval_s: float, now: float) -> None:
        self._capacity = capacity
        self._interval_s = interval_s
        self._left = float(capacity)
        self._at = now

    def take(self, now: float) -> float:
        """Takes one; seconds to wait before it may be used."""
        self._left = min(self._capacity, self._left + max(0.0, now - self._at) / self._interval_s)
        self._at = now
        self._left -= 1
        return max(0.0, -self._left * self._interval_s)
