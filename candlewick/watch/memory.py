"""What has to be remembered from one look to the next; whoever judges keeps it, as JSON, where he likes."""

from itertools import pairwise

import msgspec

from candlewick.times import HOUR_US


class Memory(msgspec.Struct):
    """Belongs to one judge. All times are microseconds since 1970.

    Attributes:
        since: by what is bad, since when it has been so without a break.
        reconnects: by venue, each look's count of the worker's reconnects within the last hour.
        progress: by sink or venue, how much had landed, and when that last grew.
    """

    since: dict[str, int] = {}
    reconnects: dict[str, list[tuple[int, int]]] = {}
    progress: dict[str, tuple[int, int]] = {}

    def lasting(self, what: str, at_us: int, *, bad: bool) -> int | None:
        """How long something has been bad; None where it is not."""
        if not bad:
            self.since.pop(what, None)
            return None
        return at_us - self.since.setdefault(what, at_us)

    def standing(self, what: str, landed: int, at_us: int, *, owed: bool) -> int:
        """For how long something is owed and none of it has landed; 0 where all is well."""
        last = self.progress.get(what)
        if last is None or last[0] != landed or not owed:
            self.progress[what] = (landed, at_us)
            return 0
        return at_us - last[1]

    def reconnected(self, venue: str, count: int, at_us: int) -> int:
        """How often a venue's worker has reconnected within the last hour; it counts anew when it starts."""
        samples = [one for one in self.reconnects.get(venue, []) if at_us - one[0] <= HOUR_US]
        # Equal counts say nothing that the first and the last of them do not.
        if len(samples) >= 2 and samples[-1][1] == samples[-2][1] == count:
            samples.pop()
        samples.append((at_us, count))
        self.reconnects[venue] = samples
        total = 0
        for (_, before), (_, after) in pairwise(samples):
            total += after - before if after >= before else after
        return total

    def forget_others(self, prefix: str, known: set[str]) -> None:
        """Forgets what is no longer bad because it is no longer there."""
        for what in [what for what in self.since if what.startswith(prefix) and what not in known]:
            del self.since[what]
