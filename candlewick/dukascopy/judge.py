"""What an hour's answers are worth. Pure: answers, evidence and a clock in; a state and a reason out.

Rules (`docs/dukascopy.md` tells them to users):

- A valid answer with quotes is `data` once the hour ended an hour ago, before that `pending`.
- An empty answer inside the weekly session is believed only when the venue's own minute candles of
  that UTC day are complete and have no volume in the hour: `closed`. With volume there it is `failed`;
  without such candles it waits for them, then is `failed`.
- 404 and "too late" are `pending`: the venue has not published the hour. A week later it is `closed`
  if those minute candles have no volume in it, or the venue's own start of history lies after it.
- Refused bytes are `failed` under the name of their fault; so is an hour that no host gave.
- Hours before the instrument's first tick are `closed` and not asked for.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, StrEnum

from candlewick.dukascopy.faults import Fault
from candlewick.hours import HourState
from candlewick.times import DAY_US, HOUR_US

MATURITY_US = HOUR_US
"""How long after its end an hour may still change without that being a correction."""

CANDLES_DUE_US = DAY_US
"""How long after a day's end its minute candles may be awaited."""

PUBLICATION_DUE_US = DAY_US
"""How long after its end an hour may be unpublished without an unreachable host being to blame."""

HISTORY_DUE_US = 7 * DAY_US
"""Age from which an hour that no transport has may be proven never to have been."""

# Reasons. Those of refused bytes are the names of `Fault`.
BEFORE_HISTORY = "before-history"
NO_VOLUME = "no-volume"
RUNNING = "running"
YOUNG = "young"
EMPTY_UNCONFIRMED = "empty-unconfirmed"
EMPTY_BUT_TRADED = "empty-but-traded"
NOT_ASKED = "not-asked"


class Expectation(Enum):
    """What can be known of an hour before asking."""

    FUTURE = "future"
    RUNNING = "running"
    BEFORE_HISTORY = "before-history"
    OUTSIDE_SESSION = "outside-session"
    OUT = "out"


class Evidence(Enum):
    """What the venue's minute candles say of an hour."""

    NO_VOLUME = "no-volume"
    VOLUME = "volume"
    UNKNOWN = "unknown"


class Finding(StrEnum):
    """What one transport gave for an hour."""

    QUOTES = "quotes"
    EMPTY = "empty"
    REFUSED = "refused"
    MISSING = "missing"
    UNAVAILABLE = "unavailable"


@dataclass(frozen=True, slots=True)
class Found:
    """A finding with its transport; `reason` is a stable name, `detail` is for a person."""

    finding: Finding
    transport: str
    reason: str = ""
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.transport}: {self.detail or self.finding}"


@dataclass(frozen=True, slots=True)
class Judgement:
    """The state that an hour's answers support; `reason` begins with a stable name."""

    state: HourState
    reason: str = ""


def expect(hour_us: int, *, now_us: int, is_open: bool, first_tick_us: int | None) -> Expectation:
    """Whether an hour is worth a request.

    Args:
        is_open: whether the weekly session has any minute of the hour.
        first_tick_us: the instrument's first tick, None where it is not known.
    """
    if hour_us > now_us:
        return Expectation.FUTURE
    if first_tick_us is not None and hour_us + HOUR_US <= first_tick_us:
        return Expectation.BEFORE_HISTORY
    if not is_open:
        return Expectation.OUTSIDE_SESSION
    return Expectation.RUNNING if now_us < hour_us + HOUR_US else Expectation.OUT


def is_mature(hour_us: int, now_us: int) -> bool:
    """Whether an answer about the hour can be final."""
    return now_us >= hour_us + HOUR_US + MATURITY_US


def is_never_published(hour_us: int, found: Sequence[Found], now_us: int) -> bool:
    """Whether no transport has the hour though it is old: then its absence may be proven."""
    return (
        now_us >= hour_us + HOUR_US + HISTORY_DUE_US
        and bool(found)
        and all(entry.finding is Finding.MISSING for entry in found)
    )


def judge(hour_us: int, found: Sequence[Found], *, now_us: int, evidence: Evidence) -> Judgement:
    """The state of an hour that is over, from what the transports gave in the order they were asked."""
    by_finding = {entry.finding: entry for entry in found}
    # The venue itself contradicts the scale: integers of the other transports prove nothing then.
    if mismatch := next((entry for entry in found if entry.reason == Fault.SCALE_MISMATCH), None):
        return Judgement(HourState.FAILED, _named(mismatch, found))
    if Finding.QUOTES in by_finding:
        mature = is_mature(hour_us, now_us)
        return Judgement(HourState.DATA) if mature else Judgement(HourState.PENDING, YOUNG)
    if empty := by_finding.get(Finding.EMPTY):
        return _judge_empty(hour_us, empty, now_us, evidence)
    if refused := by_finding.get(Finding.REFUSED):
        return Judgement(HourState.FAILED, _named(refused, found))
    if evidence is Evidence.NO_VOLUME and is_never_published(hour_us, found, now_us):
        return Judgement(HourState.CLOSED, NO_VOLUME)
    return _judge_absent(hour_us, found, by_finding, now_us)


def _judge_absent(
    hour_us: int, found: Sequence[Found], by_finding: Mapping[Finding, Found], now_us: int
) -> Judgement:
    missing, unavailable = by_finding.get(Finding.MISSING), by_finding.get(Finding.UNAVAILABLE)
    if unavailable and (missing is None or now_us >= hour_us + HOUR_US + PUBLICATION_DUE_US):
        return Judgement(HourState.FAILED, _named(unavailable, found))
    return Judgement(HourState.PENDING, _named(missing, found) if missing else NOT_ASKED)


def _judge_empty(hour_us: int, empty: Found, now_us: int, evidence: Evidence) -> Judgement:
    if evidence is Evidence.NO_VOLUME and is_mature(hour_us, now_us):
        return Judgement(HourState.CLOSED, NO_VOLUME)
    if evidence is Evidence.VOLUME and is_mature(hour_us, now_us):
        return Judgement(
            HourState.FAILED,
            f"{EMPTY_BUT_TRADED}: {empty.transport} has no quotes, the minute candles have volume",
        )
    day_end_us = hour_us // DAY_US * DAY_US + DAY_US
    state = HourState.PENDING if now_us < day_end_us + CANDLES_DUE_US else HourState.FAILED
    return Judgement(
        state,
        f"{EMPTY_UNCONFIRMED}: {empty.transport} has no quotes, no complete minute candles confirm that",
    )


def _named(entry: Found, found: Sequence[Found]) -> str:
    """The reason's name, what its transport said, then what the others said."""
    others = dict.fromkeys(str(other) for other in found if other.transport != entry.transport)
    return "; ".join([f"{entry.reason}: {entry}", *others])
