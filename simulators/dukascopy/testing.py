"""Starts the simulator as a process of its own for the length of a `with` block, and talks to it.

with running(folder, "--now", "2019-02-05T12:00:00Z") as venue:
    settings = Settings(dukascopy_url=venue.bi5_url, dukascopy_json_url=venue.json_url)
    venue.set_faults("unavailable:count=3,family=day")
    ...
    assert venue.count("EURUSD/2019/01/04*") == 4
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from simulators.common.process import Control, started

SYNTHETIC = "--synthetic"


@dataclass(frozen=True)
class RunningVenue(Control):
    """A running simulator. Paths of requests are without `datafeed/`."""

    @property
    def bi5_url(self) -> str:
        """For `CANDLEWICK_DUKASCOPY_URL`."""
        return f"{self.url}/datafeed"

    @property
    def json_url(self) -> str:
        """For `CANDLEWICK_DUKASCOPY_JSON_URL`."""
        return f"{self.url}/v1"

    def set_clock(self, now: str, *, running: bool = False) -> Self:
        """The venue's time, ISO 8601; it stands still unless `running`."""
        self.control("PUT", "_clock", {"now": now, "running": running})
        return self


@contextmanager
def running(folder: Path | str, *options: str) -> Iterator[RunningVenue]:
    """A simulator on a free port of loopback; it is gone when the block ends.

    Args:
        folder: laid out like the venue, or `SYNTHETIC`.
        options: of `python -m simulators.dukascopy`.

    Raises:
        RuntimeError: it did not become ready; the message holds what it said.
    """
    with started("simulators.dukascopy", str(folder), *options) as (url, pid):
        yield RunningVenue(url, pid)
