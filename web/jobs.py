"""Changes that take a while: each runs in a thread, and whoever likes watches its steps."""

import asyncio
import logging
import secrets
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from candlewick.control import Launched, Step, StepName, StepState
from candlewick.errors import CandlewickError
from candlewick.times import now_us

KEPT = 200
AT_ONCE = 4

_log = logging.getLogger("candlewick.web")


class UnknownJobError(CandlewickError):
    """There is no such job any more."""


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a change: the series it is about, what of it could not be done, runs that it asked for."""

    series: Sequence[str] = ()
    refused: Sequence[CandlewickError] = ()
    launched: Sequence[Launched] = ()


Work = Callable[[Callable[[Step], None]], Result]


@dataclass(slots=True)
class Job:
    """One change; belongs to the event loop."""

    id: str
    symbol: str
    state: StepState = StepState.RUNNING
    steps: list[tuple[Step, int]] = field(default_factory=list)
    series: list[str] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def note(self, step: Step) -> None:
        """A step has begun, says something else, or has ended."""
        if (
            self.steps
            and self.steps[-1][0].name == step.name
            and self.steps[-1][0].state == StepState.RUNNING
        ):
            self.steps.pop()
        self.steps.append((step, now_us()))
        self._tell()

    def end(self, result: Result, refused: Sequence[CandlewickError]) -> None:
        """It has ended; what no step has told yet is told as one of its own."""
        told = {id(step.error) for step, _ in self.steps}
        last = self.steps[-1][0].name if self.steps else StepName.FIND
        self.steps += [
            (Step(last, error.problem, StepState.FAILED, error), now_us())
            for error in refused
            if id(error) not in told
        ]
        self.series = list(result.series)
        self.state = StepState.FAILED if refused else StepState.DONE
        self._tell()

    def _tell(self) -> None:
        self.changed.set()
        self.changed = asyncio.Event()

    def as_json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "symbol": self.symbol,
            "state": self.state,
            "steps": [
                {
                    "name": step.name,
                    "text": step.text,
                    "state": step.state,
                    "error": step.error.problem if step.error else None,
                    "remedy": step.error.remedy if step.error else None,
                    "at_us": at_us,
                }
                for step, at_us in self.steps
            ],
            "series": self.series,
        }


class Jobs:
    """The changes of this process, the youngest of which are remembered; belongs to one event loop."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(AT_ONCE, "job")
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._running: dict[str, Job] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.launched: dict[str, Launched] = {}
        """By series, the runs that were asked for last."""

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    def get(self, job_id: str) -> Job:
        """A job by its id.

        Raises:
            UnknownJobError: there is none.
        """
        job = self._jobs.get(job_id)
        if job is None:
            raise UnknownJobError(
                "there is no such job", "the server was restarted since: the list of series shows what is so"
            )
        return job

    def start(self, key: str, symbol: str, work: Work) -> Job:
        """Begins a change; the same job where one of that key is going on already."""
        running = self._running.get(key)
        if running is not None:
            return running
        job = Job(secrets.token_hex(8), symbol)
        self._jobs[job.id] = self._running[key] = job
        while len(self._jobs) > KEPT:
            self._jobs.popitem(last=False)
        task = asyncio.create_task(self._run(key, job, work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return job

    async def changes(self, job: Job) -> AsyncIterator[dict[str, Any]]:
        """The job now, and after each change, until it has ended."""
        while True:
            changed = job.changed
            yield job.as_json()
            if job.state is not StepState.RUNNING:
                return
            await changed.wait()

    async def _run(self, key: str, job: Job, work: Work) -> None:
        loop = asyncio.get_running_loop()

        def report(step: Step) -> None:
            loop.call_soon_threadsafe(job.note, step)

        result, refused = Result(), list[CandlewickError]()
        try:
            result = await loop.run_in_executor(self._pool, work, report)
            refused = list(result.refused)
        except CandlewickError as error:
            refused = [error]
        except Exception:  # noqa: BLE001 (whatever it was, the page must hear of an end)
            _log.exception("a change of %s failed", job.symbol)
            refused = [CandlewickError("something unforeseen happened", "logs/web.log of the home has it")]
        for one in result.launched:
            self.launched[one.series.name] = one
        del self._running[key]
        job.end(result, refused)
