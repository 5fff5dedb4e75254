"""Starts a worker or a sink anew: by hand (`candlewick restart`, Dagster), or for Dagster's sensor.

Done twice it does no harm: what has been started since, or is well, is left alone unless it is insisted on.
"""

import time
from dataclasses import dataclass

from candlewick import access, topics
from candlewick.errors import CandlewickError
from candlewick.health import Condition
from candlewick.instruments import Kind
from candlewick.local import supervisor
from candlewick.local.home import Home
from candlewick.settings import Settings
from candlewick.times import SECOND_US, now_us
from candlewick.watch.look import RUNNING, WORKERS, Worker, look_at_workers

SINKS = {topics.sink_name(kind): kind for kind in Kind}
NAMES = (*WORKERS, *SINKS)
"""All that can be restarted."""

YOUNG_S = 20.0
"""A process that was started within this time is given the chance to show that it is well."""

STOP_S = 40.0
START_S = 60.0
SETTLE_S = 10.0
"""How long it may say that it waits for something before that is what is told."""
_POLL_S = 0.1
_ADMIN_S = 10.0


@dataclass(frozen=True, slots=True)
class Restarted:
    """What was done.

    Attributes:
        done: whether anything was started anew.
        text: for people, what was found and done.
        old_pid, new_pid: of a worker; 0 where there is no process, or for a sink.
    """

    name: str
    done: bool
    text: str
    seconds: float
    old_pid: int = 0
    new_pid: int = 0


def restart(settings: Settings, name: str, *, even_if_well: bool) -> Restarted:
    """Starts a worker or a sink anew, and waits until it says how it is.

    Args:
        even_if_well: without it, what works as it should is left alone.

    Raises:
        CandlewickError: there is none of that name, no supervisor or broker answers, or it does not come up.
    """
    if name in SINKS:
        return _restart_sink(settings, name, even_if_well=even_if_well)
    if name not in WORKERS:
        raise CandlewickError(f"there is nothing called {name!r} to restart", f"there are {', '.join(NAMES)}")
    return _restart_worker(settings, name, even_if_well=even_if_well)


def why_not(worker: Worker, at_us: int) -> str:
    """Why a worker need not be started anew; empty where it should be."""
    process, record = worker.process, worker.record
    if process is None or process.state not in {RUNNING, "STARTING"}:
        return ""
    if at_us - process.started_us < YOUNG_S * SECOND_US:
        return f"it was started {max(0, at_us - process.started_us) // SECOND_US} s ago"
    if record is not None and not worker.silent_us(at_us) and record.condition is not Condition.DEGRADED:
        return f"it is well: {record.summary}"
    return ""


def _restart_worker(settings: Settings, name: str, *, even_if_well: bool) -> Restarted:
    began = time.monotonic()
    home = Home(settings.home)
    worker = _look(settings, name)
    reason = why_not(worker, now_us())
    pid = worker.process.pid if worker.process else 0
    if reason and not even_if_well:
        return Restarted(name, done=False, text=f"left alone, {reason}", seconds=0, old_pid=pid, new_pid=pid)
    try:
        supervisor.restart_program(home, name, STOP_S)
    except supervisor.NotRunningError:
        raise _nobody(settings) from None
    began_us = now_us()
    end = time.monotonic() + START_S
    settled = time.monotonic() + SETTLE_S
    while time.monotonic() < end:
        worker = _look(settings, name)
        process, record = worker.process, worker.record
        if process and process.state == RUNNING and record and record.at_us > began_us:
            waits = record.condition is Condition.WAITING and time.monotonic() < settled
            if not waits:
                return Restarted(
                    name,
                    done=True,
                    text=f"started anew; it says: {record.summary}",
                    seconds=round(time.monotonic() - began, 1),
                    old_pid=pid,
                    new_pid=process.pid,
                )
        time.sleep(_POLL_S)
    state = worker.process.state if worker.process else "gone"
    raise CandlewickError(
        f"{name} was started anew and has not said anything for {START_S:.0f} s (it is {state})",
        f"see {home.logs / name}.log",
    )


def _look(settings: Settings, name: str) -> Worker:
    workers, supervised = look_at_workers(settings)
    if not supervised:
        raise _nobody(settings)
    if workers[name].process is None:
        raise CandlewickError(
            f"{name} is no program of this installation", "`candlewick status` lists its programs"
        )
    return workers[name]


def _nobody(settings: Settings) -> CandlewickError:
    return CandlewickError(f"no supervisor answers in {settings.home}", "`candlewick up` starts everything")


def _restart_sink(settings: Settings, name: str, *, even_if_well: bool) -> Restarted:
    # It loads Pulsar's client, which workers do without.
    from candlewick.bus_admin import BusAdmin  # noqa: PLC0415

    began = time.monotonic()
    kind = SINKS[name]
    token = access.pulsar_token(settings, access.PULSAR_GUARD)
    with BusAdmin(access.pulsar_admin_url(settings), token, timeout_s=_ADMIN_S, patience_s=_ADMIN_S) as admin:
        status = admin.sink_status(kind)
        if not status.exists:
            raise CandlewickError(f"there is no sink {name}", "`candlewick up` makes it")
        owed = sum(topic.owed for topic in admin.backlog(kind))
        if not even_if_well and not owed and status.running == status.instances:
            return Restarted(
                name, done=False, text="left alone, it runs and nothing is owed to it", seconds=0
            )
        admin.restart_sink(kind)
        end = time.monotonic() + START_S
        while time.monotonic() < end:
            status = admin.sink_status(kind)
            if status.instances and status.running == status.instances:
                return Restarted(
                    name,
                    done=True,
                    text=f"started anew: {status.running} instances run, {owed} hours were owed",
                    seconds=round(time.monotonic() - began, 1),
                )
            time.sleep(_POLL_S * 5)
    raise CandlewickError(
        f"{name} was started anew {START_S:.0f} s ago; {status.running} of {status.instances} instances run",
        "see the broker's log, `logs/pulsar.log` of the home",
    )
