"""Runs whose process died without a word: ended, so that Dagster asks for them again.

Dagster's own launcher cannot tell a working run from one that a crash of the machine left `STARTED` for
ever. Here every run process holds a lock on a file named by its run id for as long as it works; the
kernel lets go of it however the process ends. A run that says it is at work and whose lock is free is
dead. Ending it as failed makes `run_retries` of `dagster.yaml` start it anew.

`python -m pipeline_defs.recover` does it once, at start-up, before the code server can have started any run.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path

import dagster as dg
from filelock import FileLock, Timeout

from candlewick.settings import Settings

# From being launched to holding its lock a run process imports Dagster and the definitions; from letting
# go of it to being finished it writes two events.
START_GRACE_S = 120.0
END_GRACE_S = 60.0
_KEPT_S = 3600.0

_WORKING = [
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
_ENDED = "ended"


class Life(Enum):
    """What the lock of a run tells."""

    UNKNOWN = "it has no lock, yet or any more"
    WORKING = "a process holds it"
    ENDING = "its process let go of it in order"
    DEAD = "its process died holding it"


def lock_folder(settings: Settings) -> Path:
    return settings.home / "dagster" / "runs"


@contextmanager
def alive(folder: Path, run_id: str) -> Iterator[None]:
    """Holds the run's lock: while inside, the run is not taken for dead."""
    folder.mkdir(parents=True, exist_ok=True)
    file = _file(folder, run_id)
    with FileLock(file, timeout=30):
        try:
            yield
        finally:
            file.with_suffix(f".{_ENDED}").touch()


def life(folder: Path, run_id: str) -> Life:
    """What is to be thought of a run, by its lock."""
    file = _file(folder, run_id)
    if not file.exists():
        return Life.UNKNOWN
    try:
        with FileLock(file, timeout=0):
            return Life.ENDING if file.with_suffix(f".{_ENDED}").exists() else Life.DEAD
    except Timeout:
        return Life.WORKING


def end_dead_runs(
    instance: dg.DagsterInstance,
    folder: Path,
    *,
    start_grace_s: float = START_GRACE_S,
    end_grace_s: float = END_GRACE_S,
) -> list[str]:
    """Ends the runs whose process is gone and returns their ids.

    Args:
        start_grace_s: how long a run may take until it holds its lock.
        end_grace_s: how long it may take from letting go of it to being finished.
    """
    working = instance.get_run_records(dg.RunsFilter(statuses=_WORKING))
    _forget(folder, {record.dagster_run.run_id for record in working})
    ended: list[str] = []
    for record in working:
        run = record.dagster_run
        state = life(folder, run.run_id)
        if state is Life.WORKING:
            continue
        if state is Life.UNKNOWN and time.time() - record.update_timestamp.timestamp() < start_grace_s:
            continue
        if state is Life.ENDING and _age(folder, run.run_id) < end_grace_s:
            continue
        if run.status is dg.DagsterRunStatus.CANCELING:
            instance.report_run_canceled(run, "Its process is gone, so that it has come to an end.")
        else:
            instance.report_run_failed(
                run, "Its process died (a crash, or the machine went down). It is asked for again."
            )
        # A dead run would otherwise keep its places in the pools until run monitoring frees them.
        instance.event_log_storage.free_concurrency_slots_for_run(run.run_id)
        ended.append(run.run_id)
    return ended


def _file(folder: Path, run_id: str) -> Path:
    return folder / f"{run_id}.lock"


def _age(folder: Path, run_id: str) -> float:
    return time.time() - _file(folder, run_id).with_suffix(f".{_ENDED}").stat().st_mtime


def _forget(folder: Path, working: set[str]) -> None:
    """Removes the files of runs that are finished, once no process can be about to lock them."""
    for file in folder.glob("*"):
        old = time.time() - file.stat().st_mtime > _KEPT_S
        if old and file.stem not in working and life(folder, file.stem) is not Life.WORKING:
            file.unlink(missing_ok=True)


def main() -> int:
    """Ends what an earlier crash left behind; meant for the moment before the code server starts."""
    with dg.DagsterInstance.get() as instance:
        ended = end_dead_runs(instance, lock_folder(Settings()), start_grace_s=0, end_grace_s=0)
    if ended:
        print(f"{len(ended)} interrupted runs are asked for again", file=sys.stderr)  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
