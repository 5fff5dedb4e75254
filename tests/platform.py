"""The platform and the venue as a user has them: processes, reached by the command line alone."""

import contextlib
import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import httpx

from candlewick.local.ports import free_base
from candlewick.settings import Settings

COMMAND = Path(sys.executable).with_name("candlewick")
PORTS = 12
DEADLINE_S = 240


@dataclass(frozen=True)
class Venue:
    """`candlewick simulate dukascopy FOLDER`, serving what lies in the folder at each moment."""

    folder: Path
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def fault(self, *faults: dict[str, Any]) -> None:
        httpx.put(f"{self.url}/_faults", json=list(faults)).raise_for_status()

    @classmethod
    @contextlib.contextmanager
    def started(cls, folder: Path) -> Iterator[Self]:
        port = free_base(1)
        process = subprocess.Popen(
            [COMMAND, "simulate", "dukascopy", folder, "--port", str(port)], stdout=subprocess.DEVNULL
        )
        try:
            running = cls(folder, port)
            transport = httpx.HTTPTransport(retries=20)
            with httpx.Client(transport=transport) as client:
                client.get(f"{running.url}/_faults").raise_for_status()
            yield running
        finally:
            process.terminate()
            process.wait(30)


@dataclass(frozen=True)
class Answer:
    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)

    def rows(self) -> list[dict[str, str]]:
        return list(csv.DictReader(io.StringIO(self.out)))


@dataclass(frozen=True)
class Platform:
    """`candlewick up --detach` in a home of its own, on free ports, with nothing collected yet."""

    home: Path
    environment: dict[str, str]

    @property
    def settings(self) -> Settings:
        return Settings(
            _env_file=None, home=self.home, port_base=int(self.environment["CANDLEWICK_PORT_BASE"])
        )

    def run(self, *arguments: str, code: int | None = 0) -> Answer:
        """Run a command; `code` is the exit code it must have, None for any."""
        done = subprocess.run(
            [COMMAND, *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=False,
        )
        answer = Answer(done.returncode, done.stdout, done.stderr)
        assert code is None or answer.code == code, (
            f"candlewick {' '.join(arguments)} exited {answer.code}\n"
            f"{answer.out[-2000:]}\n{answer.err[-4000:]}"
        )
        return answer

    def backfill(self, series: str, first: str, end: str, *, code: int = 0) -> Answer:
        return self.run("backfill", series, "--from", first, "--to", end, "--wait", code=code)

    def candles(self, series: str, timeframe: str, first: str, end: str) -> list[dict[str, str]]:
        return self.run("candles", series, timeframe, "--from", first, "--to", end, "--format", "csv").rows()

    def ticks(self, series: str, first: str, end: str) -> list[dict[str, str]]:
        return self.run("ticks", series, "--from", first, "--to", end, "--format", "csv").rows()

    def coverage(self, series: str, first: str, end: str, *, code: int) -> Any:
        return self.run("coverage", series, "--from", first, "--to", end, "--json", code=code).json()

    @classmethod
    @contextlib.contextmanager
    def started(cls, home: Path, venue: Venue) -> Iterator[Self]:
        environment = os.environ | {
            "CANDLEWICK_HOME": str(home),
            "CANDLEWICK_PORT_BASE": str(free_base(PORTS)),
            "CANDLEWICK_DUKASCOPY_URL": f"{venue.url}/datafeed",
            "CANDLEWICK_DUKASCOPY_JSON_URL": f"{venue.url}/v1",
            "CANDLEWICK_DEFAULT_SERIES": "",
        }
        running = cls(home, environment)
        try:
            running.run("up", "--detach")
            yield running
        finally:
            running.run("down", code=None)
