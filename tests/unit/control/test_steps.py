"""Steps as they are told."""

import pytest

from candlewick.control.steps import Step, StepName, StepState, step
from candlewick.errors import CandlewickError


def test_a_step_is_told_as_it_begins_goes_on_and_ends() -> None:
    told: list[Step] = []
    with step(told.append, StepName.SINK, "the sinks") as going:
        going.say("the sinks are there")
    assert [(one.text, one.state) for one in told] == [
        ("the sinks", StepState.RUNNING),
        ("the sinks are there", StepState.RUNNING),
        ("the sinks are there", StepState.DONE),
    ]


def test_a_failure_is_told_and_goes_on() -> None:
    told: list[Step] = []
    error = CandlewickError("the broker is away", "start it")
    with pytest.raises(CandlewickError), step(told.append, StepName.TOPICS, "topics"):
        raise error
    assert told[-1] == Step(StepName.TOPICS, "topics", StepState.FAILED, error)
