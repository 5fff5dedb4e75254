"""Which days are asked for now, and why the others are not: the sensor's decisions, without I/O."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from candlewick import rechecks
from candlewick.pipeline import DAYS_IN_A_RUN
from candlewick.times import DAY_US, HOUR_US, MINUTE_US, day_us, iso

# An hour that the checker knows nothing of is taken to be out when it has been over for this long: a
# venue that cannot be asked beforehand is asked all the same.
TAKEN_FOR_OUT_US = 20 * MINUTE_US


@dataclass(frozen=True, slots=True)
class Answers:
    """What the checker said of the hours in question.

    Attributes:
        out: the venue has published these.
        unknown: there was no proper answer about these.
    """

    out: frozenset[int] = frozenset()
    unknown: frozenset[int] = frozenset()


@dataclass(frozen=True, slots=True)
class Asked:
    """What the last request for a day found.

    Attributes:
        hours_out: how many of its hours the venue had published.
        due_us: when it is to be asked again; None: never, or only when more hours are out.
    """

    at_us: int
    hours_out: int
    due_us: int | None


@dataclass(frozen=True, slots=True)
class DayStatus:
    """What is known of one day of one series.

    Attributes:
        ended: its hours that are over and that the calendar has open, or that hold ticks.
        missing: those of them that are neither `data` nor `closed`.
        asked: None: never asked for.
    """

    day: date
    ended: frozenset[int]
    missing: frozenset[int]
    asked: Asked | None


@dataclass(frozen=True, slots=True)
class DayRuns:
    """The runs that covered a day, of late.

    Attributes:
        active: one is queued or at work.
        failures: how many in a row failed, the newest included.
        failed_us: when the newest of these failed.
        newest: its run id.
    """

    active: bool = False
    failures: int = 0
    failed_us: int = 0
    newest: str = ""


NO_RUNS = DayRuns()


@dataclass(frozen=True, slots=True)
class Want:
    """Ask for this day, because of `reason`.

    Attributes:
        token: differs whenever the day is asked for anew.
        recheck: ask for hours that are final, too.
    """

    day: date
    reason: str
    token: str
    recheck: bool = False


@dataclass(frozen=True, slots=True)
class Leave:
    """Do not ask for this day now, because of `reason`."""

    day: date
    reason: str


@dataclass(frozen=True, slots=True)
class Request:
    """One run: the days from `first` to `last` of a series."""

    series: str
    first: date
    last: date
    reason: str
    key: str
    recheck: bool


def hours_in_question(status: DayStatus, now_us: int) -> frozenset[int]:
    """The hours of a day that the checker is to be asked about; none for a day long over.

    A day that ended more than a day ago has been published, or is late in a way that only asking for it
    can tell.
    """
    if now_us >= day_us(status.day) + 2 * DAY_US:
        return frozenset()
    return status.missing


def decide(series: str, status: DayStatus, runs: DayRuns, answers: Answers, now_us: int) -> Want | Leave:
    """Whether a day is asked for now; `answers` are about its `hours_in_question`."""
    day = status.day
    if runs.active:
        return Leave(day, "a run for it is under way")
    if runs.failures:
        due_us = rechecks.after_failure(f"{series} {runs.newest}", runs.failed_us, runs.failures)
        if now_us < due_us:
            return Leave(day, f"its run failed or was cancelled; asked for again at {iso(due_us)}")
        return Want(
            day, f"its run failed, attempt {runs.failures + 1}", f"failed {runs.failures} {runs.newest}"
        )
    if not status.ended and status.asked is None:
        return Leave(day, "none of its trading hours is over yet")
    return _by_hours(status, answers, now_us)


def _by_hours(status: DayStatus, answers: Answers, now_us: int) -> Want | Leave:
    day, asked = status.day, status.asked
    if asked is not None and asked.due_us is not None and asked.due_us <= now_us:
        reason = "hours of it are missing" if status.missing else "the venue may have corrected it"
        reason = f"{reason}, last asked {iso(asked.at_us)}"
        return Want(day, reason, f"due {asked.due_us}", recheck=not status.missing)
    if not status.missing:
        return Leave(day, f"complete{_again(asked)}")
    if hours_in_question(status, now_us):
        return _by_answers(status, answers, now_us)
    if asked is None:
        return Want(day, "never asked for", "first")
    return Leave(day, f"{len(status.missing)} hours are missing{_again(asked)}")


def _by_answers(status: DayStatus, answers: Answers, now_us: int) -> Want | Leave:
    day, asked = status.day, status.asked
    asked_about = hours_in_question(status, now_us)
    overdue_us = now_us - HOUR_US - TAKEN_FOR_OUT_US
    new = asked_about & (answers.out | {hour for hour in answers.unknown if hour <= overdue_us})
    if not new:
        doubt = ", as far as is known: the checker has no answer" if asked_about & answers.unknown else ""
        return Leave(day, f"its ended hours are not out yet{doubt}")
    total = len(status.ended - status.missing) + len(new)
    if asked is not None and total <= asked.hours_out:
        return Leave(day, f"no more of its hours are out than when it was last asked{_again(asked)}")
    return Want(day, f"{total} of its hours are out", f"out {total} {asked.at_us if asked else 0}")


def _again(asked: Asked | None) -> str:
    return "" if asked is None or asked.due_us is None else f"; asked for again at {iso(asked.due_us)}"


def requests(series: str, days: Sequence[date], wants: Iterable[Want]) -> list[Request]:
    """Runs for the wanted days: neighbours in `days` (the days that can be asked for) share a run.

    The key of a request is made of the tokens of its days, so that it differs from every earlier one.
    """
    place = {day: index for index, day in enumerate(days)}
    chunks: list[list[Want]] = []
    for want in sorted(wants, key=lambda want: want.day):
        last = chunks[-1] if chunks else []
        if last and _belong_together(last[-1], want, place) and len(last) < DAYS_IN_A_RUN:
            last.append(want)
        else:
            chunks.append([want])
    return [_request(series, chunk) for chunk in chunks]


def _belong_together(before: Want, want: Want, place: Mapping[date, int]) -> bool:
    return place[before.day] + 1 == place[want.day] and before.recheck == want.recheck


def _request(series: str, chunk: list[Want]) -> Request:
    first, last = chunk[0].day, chunk[-1].day
    recheck = chunk[0].recheck
    if first == last:
        return Request(series, first, last, chunk[0].reason, f"{series} {first} {chunk[0].token}", recheck)
    tokens = "\n".join(f"{want.day} {want.token}" for want in chunk)
    digest = hashlib.sha256(tokens.encode()).hexdigest()[:16]
    reasons = list(dict.fromkeys(want.reason for want in chunk))
    reason = reasons[0] if len(reasons) == 1 else f"{reasons[0]}, and {len(reasons) - 1} other reasons"
    return Request(series, first, last, reason, f"{series} {first} {last} {digest}", recheck)


def explain(left: Mapping[str, Sequence[Leave]]) -> str:
    """Why nothing is asked for: a sentence per series, equal reasons of its days put together."""
    sentences: list[str] = []
    for series, leaves in left.items():
        grouped: dict[str, list[date]] = {}
        for leave in leaves:
            grouped.setdefault(leave.reason, []).append(leave.day)
        parts = [f"{_days(days)}: {reason}" for reason, days in grouped.items()]
        sentences.append(f"{series}: " + "; ".join(parts))
    return "\n".join(sentences) or "no series is collected; `candlewick add EUR/USD` adds one"


def _days(days: list[date]) -> str:
    if len(days) == 1:
        return days[0].isoformat()
    return f"{len(days)} days from {min(days).isoformat()} to {max(days).isoformat()}"
