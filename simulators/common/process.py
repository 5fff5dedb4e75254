"""Runs a simulator as a process of its own for the length of a `with` block, and talks to it."""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import httpx

_READY_SECONDS = 60.0
_STOP_SECONDS = 10.0


@dataclass(frozen=True)
class Control:
    """The part of a simulator's control API that all venues have.

    Attributes:
        url: its root, without a trailing slash.
        pid: its process.
    """

    url: str
    pid: int

    def set_faults(self, *rules: str | dict[str, Any]) -> Self:
        """These faults and no others from now on; none at all when called without."""
        self.control("PUT", "_faults", list(rules))
        return self

    def add_faults(self, *rules: str | dict[str, Any]) -> Self:
        """These faults behind those in force."""
        self.control("POST", "_faults", list(rules))
        return self

    def faults(self) -> list[dict[str, Any]]:
        """The faults that were set, with the counts of what they befell."""
        report: list[dict[str, Any]] = self.control("GET", "_faults")
        return report

    def requests(self, path: str = "*", limit: int = 10_000) -> list[dict[str, Any]]:
        """Requests since the last reset whose path matches the glob, oldest first."""
        report = self.control("GET", f"_requests?{httpx.QueryParams(path=path, limit=limit)}")
        found: list[dict[str, Any]] = report["requests"]
        return found

    def counts(self) -> dict[str, Any]:
        """`total`, `bytes`, `by_family`, `by_status`, `by_fault`, `by_method` since the last reset."""
        report: dict[str, Any] = self.control("GET", "_requests?limit=0")
        return report

    def count(self, path: str = "*") -> int:
        """How many of the last ten thousand requests have a path that matches the glob."""
        matching: int = self.control("GET", f"_requests?{httpx.QueryParams(path=path, limit=0)}")["matching"]
        return matching

    def reset_requests(self) -> Self:
        self.control("DELETE", "_requests")
        return self

    def control(self, method: str, path: str, value: object = None) -> Any:  # noqa: ANN401  (JSON)
        """Asks the control API.

        Raises:
            ValueError: it refused; the message says why.
        """
        content = None if value is None else json.dumps(value)
        with httpx.Client(trust_env=False, timeout=30) as client:
            answer = client.request(method, f"{self.url}/{path}", content=content)
        if answer.is_error:
            raise ValueError(answer.json()["error"])
        return answer.json()


@contextmanager
def started(module: str, *arguments: str) -> Iterator[tuple[str, int]]:
    """A simulator on a free port of loopback, as its URL and process; it is gone when the block ends.

    Raises:
        RuntimeError: it did not become ready; the message holds what it said.
    """
    with tempfile.TemporaryDirectory(prefix="venue-") as scratch:
        ready, said = Path(scratch, "ready"), Path(scratch, "said")
        command = [sys.executable, "-m", module, *arguments]
        with said.open("wb") as output:
            process = subprocess.Popen(
                [*command, "--port", "0", "--ready-file", str(ready)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=Path(__file__).parents[2],
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )
        try:
            _await_file(ready, process, said)
            yield json.loads(ready.read_text())["url"], process.pid
        finally:
            _stop(process)


def _await_file(ready: Path, process: subprocess.Popen[bytes], said: Path) -> None:
    deadline = time.monotonic() + _READY_SECONDS
    while not ready.exists():
        if process.poll() is not None or time.monotonic() > deadline:
            raise RuntimeError(f"the simulator did not start: {said.read_text(errors='replace').strip()}")
        time.sleep(0.02)


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
