"""Which days Dagster's runs cover, and runs whose process died."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import dagster as dg
import pytest
from dagster import DagsterInstance, DagsterRunStatus

from candlewick.instruments import dukascopy_series, find
from candlewick.pipeline import BY_HAND, PARTITION_TAG, REASON_TAG, SERIES_TAG, range_tags
from pipeline_defs import recover, runs
from pipeline_defs.recover import Life, alive, end_dead_runs, life

EURUSD = dukascopy_series(find("EUR/USD"))
MONDAY, TUESDAY = date(2026, 11, 2), date(2026, 11, 3)


@dg.job(name="work")
def work() -> None:
    """A job to make runs of."""


@pytest.fixture
def instance() -> Iterator[DagsterInstance]:
    with DagsterInstance.ephemeral() as made:
        yield made


def make_run(instance: DagsterInstance, status: DagsterRunStatus, **tags: str) -> str:
    return instance.create_run_for_job(work, tags=tags, status=status).run_id


def covering(*days: date) -> dict[str, str]:
    return {SERIES_TAG: EURUSD.name, **range_tags(days[0], days[-1])}


def test_a_range_covers_each_of_its_days(instance: DagsterInstance) -> None:
    make_run(instance, DagsterRunStatus.STARTING, **covering(MONDAY, TUESDAY))

    found = runs.runs_by_day(instance)

    assert {day for (_, day), covered in found.items() if covered.active} == {MONDAY, TUESDAY}


def test_a_run_of_one_partition_covers_it(instance: DagsterInstance) -> None:
    make_run(instance, DagsterRunStatus.STARTED, **{SERIES_TAG: EURUSD.name, PARTITION_TAG: "2026-11-02"})

    assert runs.runs_by_day(instance)[EURUSD.name, MONDAY].active


def test_failures_and_cancellations_in_a_row_are_counted_until_a_success(instance: DagsterInstance) -> None:
    for status in (
        DagsterRunStatus.FAILURE,
        DagsterRunStatus.SUCCESS,
        DagsterRunStatus.FAILURE,
        DagsterRunStatus.CANCELED,
        DagsterRunStatus.FAILURE,
    ):
        newest = make_run(instance, status, **covering(MONDAY))

    found = runs.runs_by_day(instance)[EURUSD.name, MONDAY]

    assert (found.failures, found.newest, found.active) == (3, newest, False)
    assert abs(found.failed_us / 1e6 - time.time()) < 60
    assert runs.failed_days(runs.runs_by_day(instance), EURUSD) == [MONDAY]


def test_a_day_whose_newest_run_succeeded_has_no_failures(instance: DagsterInstance) -> None:
    make_run(instance, DagsterRunStatus.FAILURE, **covering(MONDAY))
    make_run(instance, DagsterRunStatus.SUCCESS, **covering(MONDAY))

    assert (EURUSD.name, MONDAY) not in runs.runs_by_day(instance)


def test_what_a_person_asked_for_and_gave_up_is_not_wanted_any_more(instance: DagsterInstance) -> None:
    by_hand = {REASON_TAG: BY_HAND}
    make_run(instance, DagsterRunStatus.CANCELED, **covering(MONDAY), **by_hand)
    make_run(instance, DagsterRunStatus.FAILURE, **covering(TUESDAY))
    make_run(instance, DagsterRunStatus.CANCELED, **covering(TUESDAY), **by_hand)

    assert runs.failed_days(runs.runs_by_day(instance), EURUSD) == [TUESDAY]


# Dead runs

RUN_ID = "6f1f8a52-5f0e-4f6a-9d2e-0c1d2e3f4a5b"

HOLD = """
import sys, time
from pathlib import Path
from pipeline_defs.recover import alive
with alive(Path(sys.argv[1]), sys.argv[2]):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """A process that holds the lock of the run `RUN_ID`."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path), RUN_ID],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(recover.__file__).parents[1],
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()
    assert process.stdin is not None
    process.stdin.close()


def test_a_run_is_alive_while_its_process_is_and_dead_after_a_kill(
    tmp_path: Path, holder: subprocess.Popen[str]
) -> None:
    assert life(tmp_path, RUN_ID) is Life.WORKING

    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()

    assert life(tmp_path, RUN_ID) is Life.DEAD


def test_a_run_that_ends_in_order_is_not_taken_for_dead(tmp_path: Path) -> None:
    assert life(tmp_path, RUN_ID) is Life.UNKNOWN
    with alive(tmp_path, RUN_ID):
        pass
    assert life(tmp_path, RUN_ID) is Life.ENDING


def test_a_run_whose_process_died_is_ended_at_once(
    instance: DagsterInstance, tmp_path: Path, holder: subprocess.Popen[str]
) -> None:
    run = instance.create_run_for_job(work, run_id=RUN_ID, status=DagsterRunStatus.STARTED)
    assert end_dead_runs(instance, tmp_path) == []

    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()

    assert end_dead_runs(instance, tmp_path) == [run.run_id]
    ended = instance.get_run_by_id(run.run_id)
    assert ended is not None
    assert ended.status is DagsterRunStatus.FAILURE


def test_a_run_that_has_only_been_launched_is_given_time(instance: DagsterInstance, tmp_path: Path) -> None:
    run_id = make_run(instance, DagsterRunStatus.STARTING)

    assert end_dead_runs(instance, tmp_path) == []
    assert end_dead_runs(instance, tmp_path, start_grace_s=0) == [run_id]


def test_a_dead_run_that_was_being_cancelled_is_cancelled(instance: DagsterInstance, tmp_path: Path) -> None:
    run_id = make_run(instance, DagsterRunStatus.CANCELING)

    assert end_dead_runs(instance, tmp_path, start_grace_s=0) == [run_id]
    ended = instance.get_run_by_id(run_id)
    assert ended is not None
    assert ended.status is DagsterRunStatus.CANCELED
