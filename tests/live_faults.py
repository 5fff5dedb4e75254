"""Faults of live venues: doing one to a worker, and what it did, as a table.

The table is written where `CANDLEWICK_TEST_FAULT_TABLE` says.
"""

import os
import time
from dataclasses import dataclass
from pathlib import Path

from candlewick.instruments import Series
from simulators.common.live_process import LiveVenue
from tests.live import Worker
from tests.waiting import until

DETECT_S = 12.0
RECOVER_S = 5.0
SLACK_S = 3.0
"""What a busy machine may add to either."""
_PUBLISHED = "candlewick_live_published_total"


@dataclass(frozen=True)
class Case:
    """A fault, and what shows that it was noticed.

    Attributes:
        rule: for the simulator; lifted once it was noticed, unless it is over by itself.
        metric: which of the worker's figures rises; `causes` are labels of `reconnects`, of which one
            is enough: a probe may find a silent connection out before its silence does.
        says: what its log says then, instead.
        loses: whether nobody has the trades: then the gap stays.
    """

    rule: str
    metric: str = "reconnects_total"
    causes: tuple[str, ...] = ()
    says: str = ""
    loses: bool = False

    @property
    def seconds(self) -> float:
        """How long it lasts by itself."""
        _, found, rest = self.rule.partition("for=")
        return float(rest.partition(",")[0]) if found else 0.0

    @property
    def at_connecting(self) -> bool:
        """Whether it needs a connection attempt to befall."""
        return self.rule.startswith(("throttle", "unavailable", "reject-upgrade"))


@dataclass(frozen=True)
class Outcome:
    """One fault. Seconds; `noticed` is None where it shows in no figure of its own."""

    venue: str
    fault: str
    noticed: float | None
    recovered: float
    lost: int
    connections: int


def note(outcome: Outcome) -> None:
    """Adds a line to the table."""
    place = os.environ.get("CANDLEWICK_TEST_FAULT_TABLE")
    if not place:
        return
    noticed = "-" if outcome.noticed is None else f"{outcome.noticed:.1f}"
    with Path(place).open("a", encoding="utf-8") as file:
        file.write(
            f"| {outcome.venue} | {outcome.fault} | {noticed} | {outcome.recovered:.1f} "
            f"| {outcome.lost} | 0 | {outcome.connections} |\n"
        )


def befall(case: Case, venue: LiveVenue, worker: Worker, series: Series) -> tuple[float | None, float]:
    """Does a fault to a worker; seconds until it was noticed, and from the accepted connection to an event.

    The first is None where nothing but the events themselves could show it.
    """
    metric = f"candlewick_live_{case.metric}"

    def noticings() -> float:
        labels = [{"cause": cause} for cause in case.causes] or [{}]
        return sum(worker.metric(metric, **one) for one in labels)

    before = noticings()
    said = worker.log.stat().st_size
    began = time.monotonic()
    venue.set_faults(case.rule)
    if case.at_connecting:
        venue.end_connections("drop")
    until("the fault befell something", lambda: sum(rule["hits"] for rule in venue.faults()) > 0, 20)
    noticed: float | None = None
    if case.says:
        until(
            f"{case.says!r} in {worker.log}",
            lambda: case.says in worker.log.read_text()[said:],
            DETECT_S + 20,
        )
        noticed = time.monotonic() - began
    elif case.causes or case.metric != "reconnects_total":
        until(
            f"{metric} {case.causes} rises; see {worker.log}",
            lambda: noticings() > before,
            DETECT_S + SLACK_S,
        )
        noticed = time.monotonic() - began
        assert noticed <= DETECT_S + SLACK_S
    if case.seconds:
        until("the fault is over", lambda: time.monotonic() - began > case.seconds + 0.5, case.seconds + 5)
    venue.set_faults()
    recovered = _recovery_s(venue, worker, series)
    assert recovered <= RECOVER_S + SLACK_S
    return noticed, recovered


def _recovery_s(venue: LiveVenue, worker: Worker, series: Series) -> float:
    """Seconds from now, or from the connection that the venue accepts next, to an event in Pulsar."""
    before = worker.metric(_PUBLISHED, series=series.name)
    now = time.time()
    until("a connection", venue.open_connections, 45)
    until("an event", lambda: worker.metric(_PUBLISHED, series=series.name) > before, 45)
    accepted = max(one["began_us"] / 1e6 for one in venue.open_connections())
    return time.time() - max(now, accepted)
