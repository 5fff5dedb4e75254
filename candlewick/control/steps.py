"""What a change reports while it goes on: typed steps, each as it begins and as it ends."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum

from candlewick.errors import CandlewickError


class StepName(StrEnum):
    FIND = "find"
    TOPICS = "topics"
    SCHEMAS = "schemas"
    SUBSCRIPTIONS = "subscriptions"
    SINK = "sink"
    SERIES = "series"
    DAGSTER = "dagster"
    BACKFILL = "backfill"
    STOP = "stop"
    DATA = "data"


class StepState(StrEnum):
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Step:
    """One step at one moment: `text` says what is being done or was, `error` why it failed and what to do."""

    name: StepName
    text: str
    state: StepState
    error: CandlewickError | None = None


Report = Callable[[Step], None]


def nobody(_step: Step) -> None:
    """A report that is not read."""


class Going:
    """A step that is going on; `say` changes its text, also the one that it ends with."""

    def __init__(self, report: Report, name: StepName, text: str) -> None:
        self._report = report
        self._name = name
        self._text = text
        self.say(text)

    def say(self, text: str) -> None:
        self._text = text
        self._report(Step(self._name, text, StepState.RUNNING))

    def end(self, error: CandlewickError | None = None) -> None:
        state = StepState.FAILED if error else StepState.DONE
        self._report(Step(self._name, self._text, state, error))


@contextmanager
def step(report: Report, name: StepName, text: str) -> Iterator[Going]:
    """Around a step: reports its beginning and its end, also one by a `CandlewickError`, which goes on."""
    going = Going(report, name, text)
    try:
        yield going
    except CandlewickError as error:
        going.end(error)
        raise
    going.end()
