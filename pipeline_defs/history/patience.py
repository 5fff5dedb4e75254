"""Stages try again by themselves.

Dagster's own retries would also follow the interruption of a run that is cancelled: it would begin its step
anew, and go on to its end.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import dagster as dg

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Patience:
    """How often something is tried, and the seconds before the second attempt, doubled for each other."""

    attempts: int
    wait_s: float


FETCH = Patience(2, 20)
"""A network that is away for a moment; what lasts longer is the sensor's to ask for again."""

STAGE = Patience(3, 6)
"""A server that is started again."""


def patiently(patience: Patience, log: dg.DagsterLogManager, work: Callable[[int], T]) -> T:
    """What `work` gives for the number of an attempt, 1 first. A `dagster.Failure` is its last word.

    Raises:
        Exception: that of the last attempt.
    """
    # Only runs need it.
    from candlewick.retries import retry_context  # noqa: PLC0415

    for attempt in retry_context(
        # An interruption is no `Exception`.
        on=lambda error: isinstance(error, Exception) and not isinstance(error, dg.Failure),
        attempts=patience.attempts,
        timeout=None,
        wait_initial=patience.wait_s,
        wait_max=patience.wait_s * 4,
        wait_jitter=patience.wait_s / 2,
    ):
        with attempt:
            try:
                return work(attempt.num)
            except Exception as error:
                log.warning("attempt %d of %d: %s", attempt.num, patience.attempts, error)
                raise
    raise AssertionError("the last attempt gives or raises")
