"""What the guard of the sinks says."""

from collections.abc import Callable

from candlewick import health
from candlewick.health import Condition, Health
from candlewick.settings import Settings
from streaming import guard
from tests.waiting import until


def said(settings: Settings) -> Health:
    """The guard's last record."""
    records = [record for record in health.read_all(settings.home) if record.worker == guard.NAME]
    return records[0] if records else Health(guard.NAME, 0, Condition.WAITING, "nothing yet")


def await_said(settings: Settings, what: str, condition: Callable[[Health], object], seconds: float) -> None:
    """Until the guard's record is such; how it is instead is in the failure."""
    until(what, lambda: condition(said(settings)), seconds, instead=lambda: said(settings))


def await_well(settings: Settings) -> None:
    """Until the guard says that all is well.

    It waits for up to two minutes between restarts, and calls a sink well after half a minute.
    """
    await_said(settings, "all is well", lambda record: record.condition is Condition.OK, 180)
