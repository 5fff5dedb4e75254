"""Ways in which a live venue misbehaves, and what each has befallen."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any, Self

from pydantic import BaseModel, Field

from candlewick.errors import CandlewickError
from simulators.common.rules import OPTIONS, parse_rule


class FaultName(StrEnum):
    SILENT = "silent"
    HEARTBEATS_ONLY = "heartbeats-only"
    MUTE = "mute"
    CLOSE = "close"
    DROP = "drop"
    RESET = "reset"
    HALF_FRAME = "half-frame"
    INVALID_JSON = "invalid-json"
    UNKNOWN_MESSAGE = "unknown-message"
    WRONG_TYPES = "wrong-types"
    DUPLICATE_TRADES = "duplicate-trades"
    OUT_OF_ORDER = "out-of-order"
    SKIP = "skip"
    LOSE = "lose"
    REFUSE = "refuse"
    THROTTLE = "throttle"
    UNAVAILABLE = "unavailable"
    REJECT_UPGRADE = "reject-upgrade"
    MAINTENANCE = "maintenance"
    SLOW_READER = "slow-reader"
    SLOW_WRITER = "slow-writer"
    CLOCK_JUMP = "clock-jump"
    EXPIRE_TOKEN = "expire-token"  # noqa: S105  (no password)
    CHUNK_BORDER = "chunk-border"
    EMPTY_SIDE = "empty-side"
    REST_DOWN = "rest-down"
    REST_THROTTLE = "rest-throttle"


ENDING = frozenset({FaultName.CLOSE, FaultName.DROP, FaultName.RESET})
"""They end connections. Without `count` and `for`: those that are open, or else the next, and are spent."""

HOLDING = frozenset(
    {
        FaultName.SILENT,
        FaultName.HEARTBEATS_ONLY,
        FaultName.MUTE,
        FaultName.SLOW_READER,
        FaultName.SLOW_WRITER,
        FaultName.CLOCK_JUMP,
        FaultName.CHUNK_BORDER,
        FaultName.EXPIRE_TOKEN,
        FaultName.MAINTENANCE,
    }
)
"""They stay with what they have befallen until they are lifted or their time is over."""

ONCE = frozenset(
    {
        FaultName.HALF_FRAME,
        FaultName.INVALID_JSON,
        FaultName.UNKNOWN_MESSAGE,
        FaultName.WRONG_TYPES,
        FaultName.SKIP,
        FaultName.LOSE,
    }
)
"""Without `count` and `for` they befall one message or trade."""


class LiveRule(BaseModel):
    """One fault, and what it may befall.

    Attributes:
        symbol: glob over symbols as the venue spells them, for faults that concern one.
        connection: the number of the one connection that it may befall.
        after: seconds from when it was set until it is in force.
        for_: seconds for which it then is; unset means until it is lifted.
        count: how many connections, subscriptions, messages, trades or requests it befalls in all.
        seconds: how far `clock-jump` jumps.
        retry_after: seconds in a `Retry-After` header; unset means no such header.
        status: of `unavailable` and `reject-upgrade`.
        error: what `refuse` says.
        bytes: how many a second `slow-writer` lets through.
        path: glob over the path of REST requests, for faults of these.
        close: `maintenance` also closes the connections.
        style: `chunk-border` cuts `inside` a line, or sends `bytes` one by one, or `several` lines a chunk.
    """

    model_config = OPTIONS

    fault: FaultName
    symbol: str = "*"
    connection: int | None = None
    after: float = Field(default=0.0, ge=0)
    for_: float | None = Field(default=None, ge=0)
    count: int | None = Field(default=None, ge=0)
    seconds: float = 3600.0
    retry_after: int | None = Field(default=None, ge=0)
    status: int | None = Field(default=None, ge=400, le=599)
    error: str | None = None
    bytes: int = Field(default=100, ge=1)
    path: str = "*"
    close: bool = False
    style: str = Field(default="inside", pattern="^(inside|bytes|several)$")

    @classmethod
    def parse(cls, written: object) -> Self:
        """A rule from its text or its JSON object.

        Raises:
            CandlewickError: no such fault or option, or a value out of bounds.
        """
        return parse_rule(cls, written, FaultName)

    @property
    def limit(self) -> int | None:
        """How often it befalls, where that is limited."""
        if self.count is None and self.for_ is None and self.fault in ONCE:
            return 1
        return self.count

    @property
    def spent_by_a_sweep(self) -> bool:
        return self.fault in ENDING and self.count is None and self.for_ is None


@dataclass(slots=True, eq=False)
class _Armed:
    rule: LiveRule
    set_at: float
    hits: int = 0
    spent: bool = False
    holders: set[object] = field(default_factory=set)

    def in_force(self, now: float) -> bool:
        begun = self.set_at + self.rule.after
        return not self.spent and begun <= now and (self.rule.for_ is None or now < begun + self.rule.for_)

    def over(self, now: float) -> bool:
        """Whether it can befall nothing any more."""
        rule = self.rule
        expired = rule.for_ is not None and now >= self.set_at + rule.after + rule.for_
        return self.spent or expired or (rule.fault not in HOLDING and not self.has_room())

    def concerns(self, symbol: str | None, connection: int | None) -> bool:
        rule = self.rule
        return (symbol is None or fnmatchcase(symbol, rule.symbol)) and (
            connection is None or rule.connection in {None, connection}
        )

    def has_room(self) -> bool:
        return self.rule.limit is None or self.hits < self.rule.limit


class LiveFaults:
    """The rules that were set, in their order.

    Args:
        known: the faults that this venue can have.
    """

    def __init__(
        self,
        known: frozenset[FaultName],
        rules: Sequence[LiveRule] = (),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._known = known
        self._monotonic = monotonic
        self._armed: list[_Armed] = []
        for rule in rules:
            self.add(rule)

    @property
    def armed(self) -> bool:
        """Whether there is any rule that may befall something now or later."""
        now = self._monotonic()
        return any(not armed.over(now) for armed in self._armed)

    def replace(self, rules: Sequence[LiveRule]) -> None:
        """These rules and no others.

        Raises:
            CandlewickError: this venue cannot have such a fault.
        """
        for rule in rules:
            self._check(rule)
        self._armed = [_Armed(rule, self._monotonic()) for rule in rules]

    def add(self, rule: LiveRule) -> None:
        self._check(rule)
        self._armed.append(_Armed(rule, self._monotonic()))

    def _check(self, rule: LiveRule) -> None:
        if rule.fault not in self._known:
            raise CandlewickError(
                f"this venue has no fault {str(rule.fault)!r}", f"it has {', '.join(sorted(self._known))}"
            )

    def _of(self, name: FaultName) -> list[_Armed]:
        if not self._armed:
            return []
        now = self._monotonic()
        return [armed for armed in self._armed if armed.rule.fault is name and armed.in_force(now)]

    def peek(
        self, name: FaultName, symbol: str | None = None, connection: int | None = None
    ) -> LiveRule | None:
        """The rule of this name that is in force, if any; counts nothing."""
        return next((armed.rule for armed in self._of(name) if armed.concerns(symbol, connection)), None)

    def strikes(
        self,
        name: FaultName,
        symbol: str | None = None,
        connection: int | None = None,
        path: str | None = None,
    ) -> LiveRule | None:
        """The rule that befalls this one message, trade or request; counts it."""
        for armed in self._of(name):
            if path is not None and not fnmatchcase(path, armed.rule.path):
                continue
            if armed.concerns(symbol, connection) and armed.has_room():
                armed.hits += 1
                return armed.rule
        return None

    def holds(
        self, name: FaultName, holder: object, symbol: str | None = None, connection: int | None = None
    ) -> LiveRule | None:
        """The rule that holds this connection or subscription; counts it when it is taken hold of."""
        for armed in self._of(name):
            if not armed.concerns(symbol, connection):
                continue
            if holder in armed.holders:
                return armed.rule
            if armed.has_room():
                armed.holders.add(holder)
                armed.hits += 1
                return armed.rule
        return None

    def ends(self, connection: int, symbols: Sequence[str]) -> LiveRule | None:
        """The rule that ends this connection, if any; counts it."""
        for name in ENDING:
            for armed in self._of(name):
                named = armed.rule.symbol == "*" or any(fnmatchcase(s, armed.rule.symbol) for s in symbols)
                if named and armed.concerns(None, connection) and armed.has_room():
                    armed.hits += 1
                    return armed.rule
        return None

    def swept(self) -> None:
        """After all open connections were looked at: rules for one sweep are spent if they met any."""
        for armed in self._armed:
            if armed.rule.spent_by_a_sweep and armed.hits:
                armed.spent = True

    def report(self) -> list[dict[str, Any]]:
        """Each rule, how often it befell something, and whether it still may."""
        now = self._monotonic()
        return [
            armed.rule.model_dump(mode="json", by_alias=True, exclude_defaults=True)
            | {"hits": armed.hits, "in-force": armed.in_force(now) and armed.has_room()}
            for armed in self._armed
        ]
