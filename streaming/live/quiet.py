"""When a stream has been quiet for too long. Pure: time is passed in.

A quiet symbol is no fault: its own pace says how long it may rest, and being over it only asks for a
probe. A probe that finds nothing new doubles the time to the next one.
"""

FASTEST_S = 6.0
SLOWEST_S = 120.0
_PATIENCE = 15
"""So many of its usual intervals may pass without an event."""
_HABIT = 5
"""Of a steady stream, one pause in 150 is longer than so many usual intervals."""
_WEIGHT = 0.05
"""What an event counts for in the usual interval; a young stream takes the mean of those that it has."""


class Quiet:
    """The pace of one stream, by the time at which its events were received."""

    def __init__(self, now: float, *, fastest_s: float = FASTEST_S, slowest_s: float = SLOWEST_S) -> None:
        self._fastest_s = fastest_s
        self._slowest_s = slowest_s
        self._interval_s = slowest_s / _PATIENCE / 4
        self._intervals = 0
        self._last = self._rested = now
        self._probed = self._explained = now
        self._fruitless = 0

    @property
    def last(self) -> float:
        """When an event was last received."""
        return self._last

    def event(self, now: float) -> None:
        # A weekend, or a wait for the first event, says nothing about the pace of a market that is open.
        passed = min(now - max(self._last, self._rested), self._slowest_s)
        self._intervals += 1
        if self._intervals > 1:
            self._interval_s += max(_WEIGHT, 1 / self._intervals) * (passed - self._interval_s)
        self._last = self._probed = self._explained = now
        self._fruitless = 0

    def limit_s(self) -> float:
        """How long it may be quiet before it is probed."""
        usual = min(self._slowest_s, max(self._fastest_s, _PATIENCE * self._interval_s))
        return min(4 * self._slowest_s, usual * 2.0 ** min(self._fruitless, 10))

    def is_due(self, now: float) -> bool:
        """Whether to ask the venue if there is something that did not come."""
        return now - self._probed > self.limit_s()

    def is_strange(self, now: float) -> bool:
        """Whether it is quiet beyond its habit, and nobody knows why yet: it may have been mute."""
        return now - self._explained > _HABIT * self._interval_s

    def probed(self, now: float) -> None:
        """The venue has nothing new either."""
        self._probed = self._explained = now
        self._fruitless += 1

    def rest(self, now: float) -> None:
        """The market is closed, or the socket is not read: no time passes."""
        self._rested = now
        self._probed = self._explained = now

    def unanswered(self, now: float) -> None:
        """The venue could not be asked."""
        self._probed = now
