"""A backfill's runs: how many at a time, which follow a crash, what is told of them."""

from collections.abc import Sequence
from datetime import date, timedelta

import httpx
import pytest

from candlewick import backfill, dagster_client, pipeline
from candlewick.backfill import RUNS_AHEAD, launch_all, plan, watch
from candlewick.dagster_client import DagsterClient, Run, RunStatus
from candlewick.errors import CandlewickError
from candlewick.instruments import Series, dukascopy_series, find

EURUSD = dukascopy_series(find("EUR/USD"))
YEAR = [date(2021, 1, 1) + timedelta(days=offset) for offset in range(365)]


DONE = RunStatus.SUCCESS


class PlayedDagster:
    """Finishes the oldest run in each round; some die and are started anew, some fail."""

    def __init__(self, *, dies: str = "", fails: str = "", unknown: bool = False) -> None:
        self.launched: list[tuple[date, date]] = []
        self.at_work: dict[str, RunStatus] = {}
        self.most = 0
        self.dies, self.fails, self.unknown = dies, fails, unknown
        self.reloads = 0
        self.cancelled: set[str] = set()

    def launch(self, _series: Series, first: date, last: date, tags: dict[str, str]) -> str:
        if self.unknown and not self.reloads:
            raise CandlewickError("no such asset")
        assert tags[pipeline.RECHECK_TAG] == "true"
        self.launched.append((first, last))
        run_id = f"{first:%m}"
        self.at_work[run_id] = RunStatus.STARTED
        self.most = max(self.most, sum(not status.finished for status in self.at_work.values()))
        return run_id

    def runs(self, run_ids: Sequence[str]) -> dict[str, Run]:
        oldest = next((run_id for run_id in self.at_work if not self.at_work[run_id].finished), None)
        if oldest is not None:
            failed = oldest in (self.dies, self.fails)
            self.at_work[oldest] = RunStatus.FAILURE if failed else RunStatus.SUCCESS
        return {run_id: Run(run_id, self.at_work[run_id], None, None) for run_id in run_ids}

    def cancel(self, run_ids: Sequence[str], *, unheard: bool = False) -> None:
        assert not unheard
        self.cancelled.update(run_ids)
        self.at_work |= dict.fromkeys(run_ids, RunStatus.CANCELED)

    def retried_as(self, run_id: str) -> str | None:
        if run_id != self.dies:
            return None
        self.at_work[f"{run_id} again"] = RunStatus.STARTED
        return f"{run_id} again"

    def why_failed(self, _run_id: str) -> str:
        return "raw: the venue gives no answer"

    def reload(self) -> None:
        self.reloads += 1


def run(dagster: PlayedDagster) -> backfill.Backfill:
    job = plan(EURUSD, YEAR, recheck=True)
    finished = [chunk for chunks in watch(job, dagster, lambda: None) for chunk in chunks]
    assert sorted(chunk.days[0] for chunk in finished) == [chunk.days[0] for chunk in job.chunks]
    return job


def test_a_year_is_twelve_runs_a_few_at_a_time() -> None:
    dagster = PlayedDagster()

    job = run(dagster)

    assert len(dagster.launched) == 12
    assert dagster.most == RUNS_AHEAD
    assert job.complete


def test_a_run_that_died_is_followed_to_the_one_in_its_place() -> None:
    job = run(PlayedDagster(dies="03"))

    assert job.complete
    assert job.chunks[2].run_id == "03 again"


def test_a_run_that_failed_is_told_with_its_reason_and_does_not_stop_the_others() -> None:
    job = run(PlayedDagster(fails="05"))

    assert not job.complete
    assert [chunk.reason for chunk in job.chunks if chunk.reason] == ["raw: the venue gives no answer"]
    assert sum(chunk.status is RunStatus.SUCCESS for chunk in job.chunks) == 11


def test_all_months_are_asked_for_in_turn() -> None:
    dagster, job = PlayedDagster(), plan(EURUSD, YEAR, recheck=True)

    assert list(launch_all(job, dagster)) == job.chunks
    assert len(dagster.launched) == 12


def test_a_backfill_that_is_cancelled_while_it_is_asked_for_ends_with_what_was_asked_for_since() -> None:
    dagster, job = PlayedDagster(), plan(EURUSD, YEAR, recheck=True)
    asking = launch_all(job, dagster)
    for _ in range(6):
        next(asking)
    dagster.cancel(["04"])

    assert list(asking) == []
    assert len(dagster.launched) == 6
    # All that had not ended by itself.
    assert dagster.cancelled == {run_id for run_id, status in dagster.at_work.items() if status is not DONE}


def test_a_backfill_that_is_cancelled_while_it_is_watched_asks_for_no_more() -> None:
    dagster, job = PlayedDagster(), plan(EURUSD, YEAR, recheck=True)
    watching = watch(job, dagster, lambda: None)
    next(watching)
    dagster.cancel(["03"])
    list(watching)

    assert len(dagster.launched) == RUNS_AHEAD + 1
    assert dagster.cancelled == {run_id for run_id, status in dagster.at_work.items() if status is not DONE}
    assert not job.complete
    assert job.chunks[-1].reason == "not asked for: the backfill was cancelled"


def test_a_series_that_dagster_does_not_know_yet_is_made_known() -> None:
    dagster = PlayedDagster(unknown=True)

    assert run(dagster).complete
    assert dagster.reloads == 1


def test_a_platform_that_is_down_is_said_to_be_down() -> None:
    with (
        DagsterClient("http://127.0.0.1:9") as dagster,
        pytest.raises(CandlewickError, match="candlewick up"),
    ):
        dagster.launch(EURUSD, YEAR[0], YEAR[1], {})


def test_a_refusal_names_its_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        assert b"asset_partition_range_start" in request.content
        refusal = {"__typename": "PythonError", "message": "no partition 2021-01-02\nin detail"}
        return httpx.Response(200, json={"data": {"launchRun": refusal}})

    dagster = DagsterClient("http://dagster")
    monkeypatch.setattr(dagster, "_http", httpx.Client(transport=httpx.MockTransport(answer)))

    with pytest.raises(CandlewickError, match=r"refuses the run .*: no partition 2021-01-02:"):
        dagster.launch(EURUSD, YEAR[0], YEAR[1], {})


def test_statuses_that_end_a_run() -> None:
    assert {status for status in dagster_client.RunStatus if status.finished} == {
        RunStatus.SUCCESS,
        RunStatus.FAILURE,
        RunStatus.CANCELED,
    }
