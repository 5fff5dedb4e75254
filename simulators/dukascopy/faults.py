"""Ways in which the venue misbehaves, chosen by path, family, probability or count.

A rule is written `NAME[:option=value,...]`, `throttle:retry-after=5,count=3,family=json-ticks`, or as
the same names in a JSON object, `{"fault": "throttle", "retry-after": 5, "count": 3}`.
"""

import hashlib
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from threading import Lock
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, Field, model_validator

from simulators.common.rules import OPTIONS, parse_rule
from simulators.dukascopy.paths import Family


class FaultName(StrEnum):
    NOT_FOUND = "not-found"
    THROTTLE = "throttle"
    UNAVAILABLE = "unavailable"
    FORBIDDEN = "forbidden"
    ACCEPTED = "accepted"
    HANG = "hang"
    RESET = "reset"
    SLOW = "slow"
    TRUNCATE = "truncate"
    CUT = "cut"
    EMPTY = "empty"
    HTML = "html"
    DAMAGED_JSON = "damaged-json"
    CORRECT = "correct"


NEEDS_CONTENT = frozenset(
    {FaultName.TRUNCATE, FaultName.CUT, FaultName.EMPTY, FaultName.HTML, FaultName.DAMAGED_JSON}
)
"""These replace or damage a body, so they pass over answers that have none."""

_GROUPS = {
    "bi5": frozenset({Family.HOUR, Family.DAY, Family.CANDLES}),
    "json": frozenset({Family.JSON_TICKS, Family.JSON_CANDLES, Family.INSTRUMENTS}),
    **{family.value: frozenset({family}) for family in Family},
}
_MAX_PATHS = 100_000


def _families(value: object) -> object:
    if not isinstance(value, str):
        return value
    names = value.split("+")
    if unknown := [name for name in names if name not in _GROUPS]:
        raise ValueError(f"no family {unknown[0]!r}; there are {', '.join(_GROUPS)}")
    return frozenset[Family]().union(*(_GROUPS[name] for name in names))


class Rule(BaseModel):
    """One fault and the requests that it befalls.

    Attributes:
        path: glob over the path without `datafeed/` (`EURUSD/2019/01/*`, `v1/ticks/EUR-USD/*`);
            for `correct`, over the bi5 path of the hour, whatever the transport.
        family: families or groups joined with `+`; unset means all.
        p: probability, drawn for each request of a path from `seed` and how often it was asked.
        after: how many matching requests are spared first.
        count: how many requests are befallen in all; unset means no end.
        count_per_path: the same for each path.
        over: only requests beyond this many a second (a bucket of the same size).
        seconds: how long `hang` and `slow` take.
        retry_after: seconds in a `Retry-After` header; unset means no such header.
        retry_after_date: write that header as a date.
        fraction: how much of the body `truncate` and `cut` leave.
        unless_browser: befall only requests without a browser's user agent and the venue's referer.
        revision: how often a corrected hour was corrected.
    """

    model_config = OPTIONS

    fault: FaultName
    path: str = "*"
    family: Annotated[frozenset[Family] | None, BeforeValidator(_families)] = None
    p: float = Field(default=1.0, ge=0, le=1)
    seed: int = 0
    after: int = Field(default=0, ge=0)
    count: int | None = Field(default=None, ge=0)
    count_per_path: int | None = Field(default=None, ge=0)
    over: float | None = Field(default=None, gt=0)
    seconds: float = Field(default=30.0, ge=0)
    retry_after: int | None = Field(default=None, ge=0)
    retry_after_date: bool = False
    fraction: float = Field(default=0.5, ge=0, lt=1)
    unless_browser: bool = False
    revision: int = Field(default=1, ge=1)

    @model_validator(mode="after")
    def _corrections_are_lasting(self) -> Self:
        chosen = self.model_fields_set & {"p", "count", "count_per_path", "after", "over", "family"}
        if self.fault is FaultName.CORRECT and chosen:
            raise ValueError(f"a correction stays; it takes no {sorted(chosen)[0]}")
        return self

    @classmethod
    def parse(cls, written: object) -> Self:
        """A rule from its text or its JSON object.

        Raises:
            CandlewickError: no such fault or option, or a value out of bounds.
        """
        return parse_rule(cls, written, FaultName)


@dataclass(frozen=True, slots=True)
class Request:
    """What a rule may look at."""

    path: str
    family: Family | None
    from_browser: bool
    has_content: bool


@dataclass(slots=True)
class _Armed:
    rule: Rule
    since_us: int
    tokens: float
    filled_at: float
    matched: int = 0
    befallen: int = 0
    asked_of: Counter[str] = field(default_factory=Counter)
    befallen_of: Counter[str] = field(default_factory=Counter)

    def befalls(self, request: Request, now: float) -> bool:
        """Whether this request is hit; counts it either way."""
        rule = self.rule
        if not _matches(rule, request) or self._allowed(now):
            return False
        self.matched += 1
        if len(self.asked_of) >= _MAX_PATHS:
            self.asked_of.clear()
            self.befallen_of.clear()
        self.asked_of[request.path] += 1
        spared = (
            self.matched <= rule.after
            or (rule.count is not None and self.befallen >= rule.count)
            or (rule.count_per_path is not None and self.befallen_of[request.path] >= rule.count_per_path)
            or _draw(rule.seed, request.path, self.asked_of[request.path]) >= rule.p
        )
        if spared:
            return False
        self.befallen += 1
        self.befallen_of[request.path] += 1
        return True

    def _allowed(self, now: float) -> bool:
        """With a rate: whether the bucket still has room for this request."""
        if self.rule.over is None:
            return False
        size = max(self.rule.over, 1.0)
        self.tokens = min(size, self.tokens + (now - self.filled_at) * self.rule.over)
        self.filled_at = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


def _matches(rule: Rule, request: Request) -> bool:
    return (
        rule.fault is not FaultName.CORRECT
        and (rule.family is None or request.family in rule.family)
        and not (rule.unless_browser and request.from_browser)
        and (request.has_content or rule.fault not in NEEDS_CONTENT)
        and fnmatchcase(request.path, rule.path)
    )


def _draw(seed: int, path: str, nth: int) -> float:
    """A number in [0, 1) that depends on nothing but its arguments, so not on the order of requests."""
    digest = hashlib.blake2b(f"{seed} {nth} {path}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64


class Faults:
    """The rules in force; the first that befalls a request decides."""

    def __init__(
        self,
        rules: Sequence[Rule] = (),
        *,
        monotonic: Callable[[], float] = time.monotonic,
        now_us: Callable[[], int],
    ) -> None:
        self._monotonic = monotonic
        self._now_us = now_us
        self._lock = Lock()
        self._armed: list[_Armed] = []
        self.replace(rules)

    def replace(self, rules: Sequence[Rule]) -> None:
        armed = [self._arm(rule) for rule in rules]
        with self._lock:
            self._armed = armed

    def add(self, rule: Rule) -> None:
        with self._lock:
            self._armed.append(self._arm(rule))

    def _arm(self, rule: Rule) -> _Armed:
        return _Armed(rule, self._now_us(), max(rule.over or 0.0, 1.0), self._monotonic())

    def pick(self, request: Request) -> Rule | None:
        """The rule that befalls this request, or None for a sound answer."""
        with self._lock:
            now = self._monotonic()
            return next((armed.rule for armed in self._armed if armed.befalls(request, now)), None)

    def revision(self, path: str) -> int:
        return sum(armed.rule.revision for armed in self._corrections(path))

    def corrected_at_us(self, path: str) -> int:
        """When the hour with this bi5 path was last corrected; 0 for never."""
        return max((armed.since_us for armed in self._corrections(path)), default=0)

    def _corrections(self, path: str) -> list[_Armed]:
        with self._lock:
            return [
                armed
                for armed in self._armed
                if armed.rule.fault is FaultName.CORRECT and fnmatchcase(path, armed.rule.path)
            ]

    def report(self) -> list[dict[str, Any]]:
        """Each rule with how many requests it matched and befell."""
        with self._lock:
            return [
                armed.rule.model_dump(mode="json", by_alias=True, exclude_defaults=True)
                | {"matched": armed.matched, "befallen": armed.befallen}
                for armed in self._armed
            ]
