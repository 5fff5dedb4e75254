"""What of a look is worth an event: Dagster keeps each for ever. No input or output.

A venue is observed every five minutes, a sink every half an hour, and both at a change; a check is told when
its outcome changes, and otherwise every half an hour, so that its page shows that somebody still looks.
"""

import msgspec

from candlewick.times import MINUTE_US
from candlewick.watch.judge import Outcome, Verdicts
from candlewick.watch.look import Look

VENUE_US = 5 * MINUTE_US
SINK_US = 30 * MINUTE_US
CHECK_US = 30 * MINUTE_US


class Reported(msgspec.Struct):
    """What was told last, and when (microseconds since 1970), by subject and by check."""

    observed: dict[str, tuple[str, int]] = {}
    checks: dict[str, tuple[bool, int]] = {}


def due_checks(verdicts: Verdicts, reported: Reported, at_us: int) -> list[Outcome]:
    """The outcomes to be told now; they count as told."""
    due: list[Outcome] = []
    for outcome in verdicts.outcomes:
        if outcome.passed is None:
            continue
        last = reported.checks.get(outcome.name)
        if last is None or last[0] != outcome.passed or at_us - last[1] >= CHECK_US:
            reported.checks[outcome.name] = (outcome.passed, at_us)
            due.append(outcome)
    return due


def due_observations(look: Look, reported: Reported) -> list[str]:
    """The venues and sinks to be observed now; they count as observed."""
    due: list[str] = []
    every = dict.fromkeys(look.venues, VENUE_US) | dict.fromkeys(look.sinks or (), SINK_US)
    for subject, interval_us in every.items():
        state = state_of(look, subject)
        last = reported.observed.get(subject)
        if last is None or last[0] != state or look.at_us - last[1] >= interval_us:
            reported.observed[subject] = (state, look.at_us)
            due.append(subject)
    return due


def state_of(look: Look, subject: str) -> str:
    """What counts as a change: whether it works and what troubles it, not how much passes through it."""
    sink = (look.sinks or {}).get(subject)
    if sink is not None:
        return f"{sink.exists} {sink.running}/{sink.instances} {sink.poison}"
    worker = look.workers[subject]
    if worker.record is None:
        return "never said anything"
    if worker.silent_us(look.at_us):
        return "silent"
    lasting = sum(stream.lasting_gaps for stream in worker.streams.values())
    problems = sorted(name for name, stream in worker.streams.items() if stream.problem)
    seen = [worker.record.condition.value, worker.fact("connected"), str(len(worker.streams)), str(lasting)]
    return " ".join([*seen, *problems])
