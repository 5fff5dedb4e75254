"""Runs whose process died without a word: ended, so that Dagster asks for them again.

Dagster's own launcher cannot tell a working run from one that a crash of the machine left `STARTED` for
ever. Here every run process holds a lock on a file named by its run id for as long as it lives; the
kernel lets go of it however the process ends. A run that says it is at work and whose lock is free is
dead. Ending it as failed makes `run_retries` of `dagster.yaml` start it anew.

`python -m pipeline_defs.recover` does it once, at start-up, before the code server can have started any run.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dagster as dg
from filelock import FileLock, Timeout

from candlewick.settings import Settings

# From being launched to holding its lock a run process imports Dagster and the definitions.
GRACE_S = 60.0

_WORKING = [
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def lock_folder(settings: Settings) -> Path:
    return settings.home / "dagster" / "runs"


@contextmanager
def alive(folder: Path, run_id: str) -> Iterator[None]:
    """Holds the run's lock: while inside, the run is not taken for dead."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{run_id}.lock"
    with FileLock(file, timeout=30):
        yield
    file.unlink(missing_ok=True)


def is_alive(folder: Path, run_id: str) -> bool:
    """Does a process hold the run's lock?"""
    file = folder / f"{run_id}.lock"
    if not file.exists():
        return False
    try:
        with FileLock(file, timeout=0):
            return False
    except Timeout:
        return True


def end_dead_runs(instance: dg.DagsterInstance, folder: Path, *, grace_s: float = GRACE_S) -> list[str]:
    """Ends the runs whose process is gone and returns their ids.

    Args:
        grace_s: a run that changed less than this many seconds ago may still be about to take its lock.
    """
    ended: list[str] = []
    for record in instance.get_run_records(dg.RunsFilter(statuses=_WORKING)):
        run = record.dagster_run
        if is_alive(folder, run.run_id) or time.time() - record.update_timestamp.timestamp() < grace_s:
            continue
        if run.status is dg.DagsterRunStatus.CANCELING:
            instance.report_run_canceled(run, "Its process is gone, so that it has come to an end.")
        else:
            instance.report_run_failed(
                run, "Its process died (a crash, or the machine went down). It is asked for again."
            )
        # A dead run would otherwise keep its places in the pools until run monitoring frees them.
        instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
        (folder / f"{run.run_id}.lock").unlink(missing_ok=True)
        ended.append(run.run_id)
    return ended


def main() -> int:
    """Ends what an earlier crash left behind; meant for the moment before the code server starts."""
    with dg.DagsterInstance.get() as instance:
        ended = end_dead_runs(instance, lock_folder(Settings()), grace_s=0)
    if ended:
        print(f"{len(ended)} interrupted runs are asked for again", file=sys.stderr)  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
