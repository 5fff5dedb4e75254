"""What a connection is subscribed to, against what is wanted. Pure: time is passed in.

        want            requested          acknowledged
absent ------> WANTED -----------> PENDING ------------> ACTIVE
                 ^                    |  refused
                 |  after a while     v
                 +---------------- REFUSED

An answer that does not come counts as a refusal. Whatever leaves the wanted set is unsubscribed if the
venue may think that it is subscribed. A new connection knows nothing: everything is WANTED again.
"""

from collections.abc import Collection, Hashable
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)


class State(StrEnum):
    WANTED = "wanted"
    PENDING = "pending"
    ACTIVE = "active"
    REFUSED = "refused"


@dataclass(slots=True)
class Subscription:
    """One subscription; `since` is when it came into its state, `reason` why it was refused."""

    state: State
    since: float
    reason: str = ""
    refusals: int = 0


class Subscriptions(Generic[Key]):
    """The subscriptions of one connection."""

    def __init__(self, *, answer_s: float = 5.0, again_s: float = 30.0) -> None:
        """`answer_s`: how long an answer may take; `again_s`: when a refused one is asked for again."""
        self._answer_s = answer_s
        self._again_s = again_s
        self._known: dict[Key, Subscription] = {}
        self._leaving: set[Key] = set()

    def __getitem__(self, key: Key) -> Subscription:
        return self._known[key]

    def items(self) -> list[tuple[Key, Subscription]]:
        """A copy: other threads ask, too."""
        return list(self._known.items())

    def want(self, keys: Collection[Key], now: float) -> None:
        """The whole wanted set; those that left it are to be unsubscribed."""
        for key in keys:
            if key not in self._known:
                self._known[key] = Subscription(State.WANTED, now)
                self._leaving.discard(key)
        for key in [key for key in self._known if key not in keys]:
            if self._known.pop(key).state in {State.PENDING, State.ACTIVE}:
                self._leaving.add(key)

    def take_leaving(self) -> set[Key]:
        """What is to be unsubscribed now; each is given once."""
        leaving, self._leaving = self._leaving, set()
        return leaving

    def due(self, now: float) -> list[Key]:
        """What is to be requested now."""
        for key, one in self._known.items():
            if one.state is State.PENDING and now - one.since >= self._answer_s:
                self.refused(key, "no answer", now)
        return [
            key
            for key, one in self._known.items()
            if one.state is State.WANTED
            or (one.state is State.REFUSED and now - one.since >= self._wait(one))
        ]

    def requested(self, keys: Collection[Key], now: float) -> None:
        for key in keys:
            one = self._known[key]
            self._known[key] = Subscription(State.PENDING, now, one.reason, one.refusals)

    def acknowledged(self, key: Key, now: float) -> bool:
        """Whether this answer was waited for."""
        one = self._known.get(key)
        if one is None or one.state is State.ACTIVE:
            return False
        self._known[key] = Subscription(State.ACTIVE, now)
        return True

    def refused(self, key: Key, reason: str, now: float) -> bool:
        """Whether this answer was waited for; what is active stays so."""
        one = self._known.get(key)
        if one is None or one.state is State.ACTIVE:
            return False
        self._known[key] = Subscription(State.REFUSED, now, reason, one.refusals + 1)
        return True

    def renew(self, key: Key, now: float) -> None:
        """Asks for an active one again: it is mute."""
        if key in self._known:
            self._known[key] = Subscription(State.WANTED, now)

    def disconnected(self, now: float) -> None:
        """A new connection knows nothing; reasons of refusals stay to be seen until it answers."""
        self._leaving.clear()
        for key, one in self._known.items():
            self._known[key] = Subscription(State.WANTED, now, one.reason, one.refusals)

    def active(self) -> list[Key]:
        return [key for key, one in self.items() if one.state is State.ACTIVE]

    def _wait(self, one: Subscription) -> float:
        # The first may be a passing refusal, of a burst; later ones have shown that they are not.
        return min(self._again_s, 2.0 ** min(one.refusals, 10))
