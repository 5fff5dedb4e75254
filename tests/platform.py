"""The platform and the venue as a user has them: processes, reached by the command line.

Tests get one of each, shared by the whole run, from the fixtures `platform` and `venue`. What a test promises
of a command it runs as a command; what it only looks at or waits for it reads through `Platform.client`,
since a process costs a second and a look does not.
"""

import contextlib
import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import httpx

from candlewick import pipeline
from candlewick.client import Client
from candlewick.local import programs, servers, status
from candlewick.local.home import Home
from candlewick.local.ports import free_base, is_free
from candlewick.settings import Settings
from tests.waiting import until

COMMAND = Path(sys.executable).with_name("candlewick")
PORTS = 13
DEADLINE_S = 240

_SENSOR = """
query Sensor($selector: SensorSelector!) {
  sensorOrError(sensorSelector: $selector) { ... on Sensor { sensorState { id status } } }
}
"""
_STOP = """
mutation Stop($id: String!) {
  stopSensor(id: $id) { ... on StopSensorMutationResult { instigationState { status } } }
}
"""


def await_up(settings: Settings) -> None:
    """Until every program of a home runs and answers, whatever a test has done to it."""
    home = Home(settings.home)

    def is_up() -> bool:
        return status.gather(settings).is_up and all(
            servers.is_ready(program, settings) for program in programs.all_programs(settings, home)
        )

    until(f"all of {home.root} is up (see its logs)", is_up, DEADLINE_S)


@dataclass(frozen=True)
class Venue:
    """`candlewick simulate dukascopy FOLDER`, serving what lies in the folder at each moment."""

    folder: Path
    port: int

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @contextlib.contextmanager
    def faults(self, *faults: dict[str, Any]) -> Iterator[None]:
        """Inside the block it misbehaves so; give a `path`, for others use the venue too."""
        httpx.put(f"{self.url}/_faults", json=list(faults)).raise_for_status()
        try:
            yield
        finally:
            httpx.delete(f"{self.url}/_faults").raise_for_status()

    @classmethod
    @contextlib.contextmanager
    def started(cls, folder: Path) -> Iterator[Self]:
        port = free_base(1)
        process = subprocess.Popen(
            [COMMAND, "simulate", "dukascopy", folder, "--port", str(port)], stdout=subprocess.DEVNULL
        )
        try:
            running = cls(folder, port)
            until("the venue answers", lambda: process.poll() is not None or not is_free(port))
            assert process.poll() is None, "the simulated venue ended at once"
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
    """`candlewick up --detach` in a home of its own, on free ports, with nothing collected yet.

    Its sensor `new_hours` is off: each series that a test adds would have it ask for the last seven days,
    which no test here has files for. The sensor at work is the demo's test (`test_platform_command.py`).
    """

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

    def backfill_together(self, first: str, end: str, *series: str) -> None:
        """Backfills of one span, at the same time; each must become complete."""
        with ThreadPoolExecutor(len(series)) as pool:
            list(pool.map(lambda one: self.backfill(one, first, end), series))

    def candles(self, series: str, timeframe: str, first: str, end: str) -> list[dict[str, str]]:
        return self.run("candles", series, timeframe, "--from", first, "--to", end, "--format", "csv").rows()

    def ticks(self, series: str, first: str, end: str) -> list[dict[str, str]]:
        return self.run("ticks", series, "--from", first, "--to", end, "--format", "csv").rows()

    def coverage(self, series: str, first: str, end: str, *, code: int) -> Any:
        return self.run("coverage", series, "--from", first, "--to", end, "--json", code=code).json()

    def client(self) -> Client:
        return Client(self.settings)

    def ask_dagster(self, text: str, **variables: object) -> dict[str, Any]:
        """The answer to a GraphQL query; raises httpx.HTTPError while Dagster does not answer."""
        url = f"http://127.0.0.1:{self.settings.ports.dagster}/graphql"
        answer = httpx.post(url, json={"query": text, "variables": variables}, timeout=30)
        data: dict[str, Any] = answer.raise_for_status().json()["data"]
        return data

    def await_up(self) -> None:
        """Until what a test before has killed is back, and the sensor off."""
        await_up(self.settings)
        until("the sensor new_hours is off", self._sensor_is_off, DEADLINE_S)

    def _sensor_is_off(self) -> bool:
        """Whether it is; otherwise it is told to be, and may forget that if it was just at work."""
        selector = {
            "repositoryLocationName": pipeline.LOCATION,
            "repositoryName": pipeline.REPOSITORY,
            "sensorName": "new_hours",
        }
        try:
            found = self.ask_dagster(_SENSOR, selector=selector)["sensorOrError"].get("sensorState")
            if found is not None and found["status"] != "STOPPED":
                self.ask_dagster(_STOP, id=found["id"])
        except httpx.HTTPError:
            return False
        return found is not None and found["status"] == "STOPPED"

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
            running.await_up()
            yield running
        finally:
            running.run("down", code=None)
