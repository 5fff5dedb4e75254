"""Live workers under a supervisor of their own, on the shared servers, fed by a simulated venue."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydantic import SecretStr

from candlewick import access, health
from candlewick.control import collect_live
from candlewick.health import Health
from candlewick.instruments import AssetClass, Kind, Series
from candlewick.local import programs, supervisor
from candlewick.local.home import Home, prepare
from candlewick.settings import Settings
from candlewick.times import SECOND_US
from simulators.kraken.testing import RunningKraken
from simulators.kraken.testing import running as running_kraken
from tests.conftest import make_settings, new_database, running, temporary_home
from tests.endpoint import Endpoint, listening
from tests.integration.bus.sinks import Sinks, sinks
from tests.waiting import until

COMMAND = Path(sys.executable).with_name("candlewick")
TRADES = Series("kraken", "btcusd", Kind.TRADES, AssetClass.CRYPTO, 5, 8, "crypto")
QUOTES = Series("kraken", "btcusd", Kind.QUOTES, AssetClass.CRYPTO, 5, 8, "crypto")
WORKERS = (programs.RECORDER, programs.KRAKEN, programs.GUARD)


@dataclass(frozen=True)
class Live:
    """A platform whose live side alone runs."""

    settings: Settings
    venue: RunningKraken
    landing: Sinks

    def environment(self) -> dict[str, str]:
        return {**os.environ, **programs.environment(self.settings)}

    def run(self, *arguments: str, seconds: float = 60) -> subprocess.CompletedProcess[str]:
        """The command line, as a user has it."""
        return subprocess.run(
            [COMMAND, *arguments],
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )

    def record(self, name: str) -> Health | None:
        found = [one for one in health.read_all(self.settings.home) if one.worker == name]
        return found[0] if found else None

    def await_streaming(self) -> None:
        def streams() -> bool:
            record = self.record("kraken")
            worker = supervisor.states(Home(self.settings.home))["kraken"]
            # Not what a stopped worker's predecessor said, and not while it fills a gap: old trades would
            # come among those that happen.
            if record is None or record.at_us < (worker.started + 1) * SECOND_US:
                return False
            return worker.state == "RUNNING" and record.summary == "streaming 2 series"

        until("streaming, and no gap is being filled", streams, 120)


@pytest.fixture(scope="module")
def endpoint() -> Iterator[Endpoint]:
    with listening() as made:
        yield made


@pytest.fixture(scope="module")
def live(
    servers: Settings, database_server_url: str, _migrated_template: str, endpoint: Endpoint
) -> Iterator[Live]:
    with (
        running_kraken("--synthetic", "--rate", "2", "--rest-rate", "0") as venue,
        new_database(database_server_url, template=_migrated_template) as url,
        temporary_home() as home,
    ):
        token = access.pulsar_token(servers, access.PULSAR_ADMIN)
        settings = make_settings(
            home,
            database_url=SecretStr(url),
            pulsar_url=access.pulsar_url(servers),
            pulsar_admin_url=access.pulsar_admin_url(servers),
            pulsar_token=SecretStr(token or ""),
            kraken_ws_url=venue.ws_url,
            kraken_rest_url=venue.rest_url,
            notify_url=SecretStr(endpoint.url),
        )
        prepare(settings)
        with sinks(settings) as landing:
            for series in (TRADES, QUOTES):
                collect_live(settings, landing.store, series)
            try:
                with running(settings, *WORKERS):
                    made = Live(settings, venue, landing)
                    # A first start fills its hour: at a slow pace that is soon done, whatever the minute.
                    made.await_streaming()
                    venue.set_rate(60)
                    yield made
            finally:
                for series in (TRADES, QUOTES):
                    landing.admin.delete_series(series)
        shutil.rmtree(home, ignore_errors=True)
