"""When a worker or a sink is restarted without being asked: what is stuck, how often, never in a loop.

No input or output. Stuck is not the same as failed: a worker that is not connected tries again by itself, and
one whose process has ended is the supervisor's. Stuck is what runs and does nothing.
"""

from dataclasses import dataclass

import msgspec

from candlewick.health import Condition
from candlewick.local import programs
from candlewick.times import HOUR_US, MINUTE_US, SECOND_US
from candlewick.watch.look import RUNNING, Look, Sink, Worker
from candlewick.watch.memory import Memory

SILENT_US = 60 * SECOND_US
STILL_US = 3 * MINUTE_US
SINK_US = 5 * MINUTE_US
"""The guard restarts a sink after half a minute; this is for when it does not."""

FIRST_WAIT_US = 2 * MINUTE_US
LONGEST_WAIT_US = 30 * MINUTE_US
MOST_IN_AN_HOUR = 4


class Incident(msgspec.Struct):
    """A time during which something is stuck, and the restarts that were asked for in it."""

    since_us: int
    asked_us: list[int] = []


class Restarts(msgspec.Struct):
    """What is under way, and every restart that was asked for within the last hour, by name."""

    incidents: dict[str, Incident] = {}
    asked: dict[str, list[int]] = {}


@dataclass(frozen=True, slots=True)
class Request:
    """A restart to be asked for; `attempt` counts from 1 within its incident."""

    name: str
    incident_us: int
    attempt: int
    reason: str

    @property
    def key(self) -> str:
        """Dagster launches a run key once, ever."""
        return f"restart {self.name} {self.incident_us // SECOND_US} {self.attempt}"


def decide(look: Look, memory: Memory, restarts: Restarts) -> tuple[list[Request], list[str]]:
    """The restarts to ask for now, and why others that are stuck are let wait."""
    requests: list[Request] = []
    waiting: list[str] = []
    reasons = {name: _worker(worker, look.at_us, memory) for name, worker in look.workers.items()}
    reasons |= {name: _sink(sink, look, memory) for name, sink in (look.sinks or {}).items()}
    for name, reason in reasons.items():
        if reason is None:
            # Not seen is not the same as well: the incident goes on.
            continue
        if not reason:
            restarts.incidents.pop(name, None)
            continue
        incident = restarts.incidents.setdefault(name, Incident(look.at_us))
        asked = [at_us for at_us in restarts.asked.get(name, []) if look.at_us - at_us < HOUR_US]
        restarts.asked[name] = asked
        wait = _wait(incident, asked, look.at_us)
        if wait:
            waiting.append(f"{name} is stuck ({reason}) and is not restarted now: {wait}")
            continue
        incident.asked_us.append(look.at_us)
        asked.append(look.at_us)
        requests.append(Request(name, incident.since_us, len(incident.asked_us), reason))
    return requests, waiting


def _wait(incident: Incident, asked: list[int], at_us: int) -> str:
    if len(asked) >= MOST_IN_AN_HOUR:
        return f"that was done {len(asked)} times within an hour and has not helped; somebody has to look"
    if not incident.asked_us:
        return ""
    wait_us = min(LONGEST_WAIT_US, FIRST_WAIT_US * 2 ** (len(incident.asked_us) - 1))
    left_us = incident.asked_us[-1] + wait_us - at_us
    return f"the next attempt is in {left_us // SECOND_US} s" if left_us > 0 else ""


def _worker(worker: Worker, at_us: int, memory: Memory) -> str | None:
    """Why a worker is stuck; empty if it is not, None if that cannot be seen."""
    process, record = worker.process, worker.record
    if process is None:
        return None
    # A young process may still have the last words of the one before.
    young = at_us - process.started_us < SILENT_US
    still = record is not None and record.condition is Condition.DEGRADED and worker.fact("still") == "yes"
    runs = process.state == RUNNING and not young
    lasted = memory.lasting(f"still {worker.name}", at_us, bad=still and runs)
    if not runs:
        return ""
    silent_us = worker.silent_us(at_us)
    if silent_us >= SILENT_US:
        return f"it runs and has said nothing for {silent_us // SECOND_US} s"
    if lasted is not None and lasted >= STILL_US:
        return f"connected, but no data has moved for more than {lasted // MINUTE_US} min"
    return ""


def _sink(sink: Sink, look: Look, memory: Memory) -> str | None:
    if not sink.exists:
        return ""
    stood_us = memory.standing(f"restart {sink.name}", sink.landed, look.at_us, owed=sink.owed > 0)
    if look.database_problem:
        # It cannot land anything, and the guard restarts it once the database is back.
        return None
    guard = look.workers.get(programs.GUARD)
    watched = guard is not None and guard.record is not None and not guard.silent_us(look.at_us)
    # A guard that watches has tried already and backs off: it is given more time.
    if stood_us >= (2 * SINK_US if watched else SINK_US):
        return f"{sink.owed} hours are owed and none has landed for {stood_us // MINUTE_US} min"
    return ""
