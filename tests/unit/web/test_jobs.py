"""Changes that take a while, and those who watch them."""

import asyncio
import threading
from typing import Any

import pytest

from candlewick.control import Report, Step, StepName, StepState
from candlewick.errors import CandlewickError
from web.jobs import KEPT, Job, Jobs, Result, UnknownJobError


def say(report: Report, name: StepName, *states: StepState) -> None:
    for state in states:
        report(Step(name, f"{name} {state}", state))


def work(report: Report) -> Result:
    say(report, StepName.FIND, StepState.RUNNING, StepState.DONE)
    say(report, StepName.TOPICS, StepState.RUNNING, StepState.DONE)
    return Result(["dukascopy:audcad:quotes"])


async def _end(jobs: Jobs, job: Job) -> list[dict[str, Any]]:
    return [state async for state in jobs.changes(job)]


def run(*works: Any) -> list[dict[str, Any]]:
    """The last state of jobs that do this, one after the other."""

    async def main() -> list[dict[str, Any]]:
        jobs = Jobs()
        try:
            return [
                (await _end(jobs, jobs.start(str(at), "audcad", one)))[-1] for at, one in enumerate(works)
            ]
        finally:
            jobs.close()

    return asyncio.run(main())


def test_each_step_is_told_once_in_its_last_state() -> None:
    (state,) = run(work)
    assert state["state"] == "done"
    assert [(step["name"], step["state"]) for step in state["steps"]] == [
        ("find", "done"),
        ("topics", "done"),
    ]
    assert state["series"] == ["dukascopy:audcad:quotes"]


def test_a_failure_says_what_to_do() -> None:
    error = CandlewickError("the broker is away", "start it")

    def fails(report: Report) -> Result:
        report(Step(StepName.TOPICS, "topics", StepState.RUNNING))
        report(Step(StepName.TOPICS, "topics", StepState.FAILED, error))
        raise error

    def partly(report: Report) -> Result:
        say(report, StepName.FIND, StepState.RUNNING, StepState.DONE)
        return Result(["a"], [error])

    def breaks(_report: Report) -> Result:
        raise ZeroDivisionError

    def fails_at_once(_report: Report) -> Result:
        raise error

    failed, half, broken, unbegun = run(fails, partly, breaks, fails_at_once)
    assert failed["state"] == "failed"
    assert [(one["error"], one["remedy"]) for one in failed["steps"]] == [("the broker is away", "start it")]
    assert (half["state"], half["series"], half["steps"][-1]["remedy"]) == ("failed", ["a"], "start it")
    assert broken["state"] == "failed"
    assert [one["remedy"] for one in broken["steps"]] == ["logs/web.log of the home has it"]
    assert [one["remedy"] for one in unbegun["steps"]] == ["start it"]


def test_two_people_with_one_wish_share_a_job() -> None:
    async def main() -> None:
        jobs, going_on = Jobs(), threading.Event()

        def waits(report: Report) -> Result:
            going_on.wait(10)
            return work(report)

        first, second = jobs.start("add audcad", "audcad", waits), jobs.start("add audcad", "audcad", work)
        assert first is second
        assert jobs.start("add eurusd", "eurusd", work) is not first
        watchers = [asyncio.create_task(_end(jobs, first)) for _ in range(2)]
        # Both begin, and see it running.
        await asyncio.sleep(0)
        going_on.set()
        for states in await asyncio.gather(*watchers):
            assert states[0]["state"] == "running"
            assert states[-1]["state"] == "done"
        third = jobs.start("add audcad", "audcad", work)
        assert third is not first
        await _end(jobs, third)
        jobs.close()

    asyncio.run(main())


def test_old_jobs_are_forgotten() -> None:
    async def main() -> None:
        jobs = Jobs()
        first = jobs.start("first", "a", work)
        await _end(jobs, first)
        others = [jobs.start(str(number), "a", work) for number in range(KEPT)]
        with pytest.raises(UnknownJobError):
            jobs.get(first.id)
        await asyncio.gather(*(_end(jobs, job) for job in others))
        jobs.close()

    asyncio.run(main())
