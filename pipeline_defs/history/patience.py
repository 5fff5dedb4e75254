"""When a stage that fails is tried again.

Dagster's own `RetryPolicy` would also follow the interruption of a run that is cancelled: it would begin the
step anew, and go on to its end. What is raised here Dagster follows in the same way, failures only.
"""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import dagster as dg

Context = dg.AssetExecutionContext | dg.AssetCheckExecutionContext


@dataclass(frozen=True, slots=True)
class Patience:
    """How often a step is tried again, and the seconds before; doubled each time, a quarter more or less."""

    retries: int
    wait_s: float

    def before(self, retry: int) -> float:
        """The seconds before a retry, 1 first."""
        return self.wait_s * 2.0 ** (retry - 1) * random.uniform(0.75, 1.25)  # noqa: S311 (jitter)


FETCH = Patience(1, 20)
"""A network that is away for a moment; what lasts longer is the sensor's to ask for again."""

STAGE = Patience(2, 6)
"""A server that is started again."""


@contextmanager
def patiently(patience: Patience, context: Context) -> Iterator[None]:
    """Around the work of a step: what fails in it is tried again. A `dagster.Failure` is the last word."""
    retry = context.op_execution_context.retry_number + 1
    try:
        yield
    except (dg.Failure, dg.RetryRequested):
        raise
    except Exception as error:
        # An interruption is no `Exception`.
        if retry > patience.retries:
            raise
        raise dg.RetryRequested(patience.retries, patience.before(retry)) from error
