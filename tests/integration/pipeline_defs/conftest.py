"""A simulated venue whose time stands still, and the stages of history on real servers."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from candlewick import access, control
from candlewick.history import History
from candlewick.instruments import Series
from candlewick.settings import Settings
from candlewick.times import parse_time
from simulators.dukascopy.testing import SYNTHETIC, RunningVenue, running
from tests.conftest import new_database
from tests.integration.bus.sinks import sinks

# A Wednesday; the venue publishes an hour five minutes after its end.
NOW = "2021-03-10T12:30:00Z"
NOW_US = parse_time(NOW)


@dataclass(frozen=True)
class Stages:
    """One database, its sinks, a venue and an archive, shared by this folder; a series for each test."""

    settings: Settings
    venue: RunningVenue

    @property
    def environment(self) -> dict[str, str]:
        """What the platform would give to its processes."""
        return {
            "CANDLEWICK_HOME": str(self.settings.home),
            "CANDLEWICK_PORT_BASE": str(self.settings.port_base),
            "CANDLEWICK_DATABASE_URL": access.database_url(self.settings),
            "CANDLEWICK_ARCHIVE": str(self.settings.archive),
            "CANDLEWICK_DUKASCOPY_URL": self.settings.dukascopy_url,
            "CANDLEWICK_DUKASCOPY_JSON_URL": self.settings.dukascopy_json_url,
        }

    def history(self) -> History:
        """Stages of their own, as another process would have them."""
        return History(self.settings, clock=lambda: NOW_US)

    def add(self, spelling: str) -> Series:
        with self.history() as history:
            return control.add_history(history, spelling).series

    def execute(self, statement: str, *parameters: object) -> None:
        with psycopg.connect(access.database_url(self.settings)) as connection:
            connection.execute(statement.encode(), parameters)

    def rows(self, statement: str, *parameters: object) -> list[tuple[object, ...]]:
        with psycopg.connect(access.database_url(self.settings)) as connection:
            return connection.execute(statement.encode(), parameters).fetchall()

    def tables(self, series: Series) -> dict[str, list[tuple[object, ...]]]:
        """What is stored of a series, without revision and source."""
        own = "(SELECT series_id FROM series WHERE name = %s)"
        return {
            "hours": self.rows(
                "SELECT hour, state, ticks, content_hash, us, bid, ask, bid_volume, ask_volume "
                "FROM quote_hour WHERE series = %s ORDER BY hour",
                series.name,
            ),
            "candles": self.rows(
                f"SELECT * FROM quote_candle WHERE series_id = {own} ORDER BY timeframe, ts",  # noqa: S608
                series.name,
            ),
            "problems": self.rows("SELECT hour, state FROM hour_problem WHERE series = %s", series.name),
        }


@pytest.fixture(scope="package")
def stages(
    servers: Settings,
    database_server_url: str,
    _migrated_template: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Stages]:
    archive: Path = tmp_path_factory.mktemp("archive")
    with (
        new_database(database_server_url, template=_migrated_template) as url,
        running(SYNTHETIC, "--now", NOW, "--ticks-a-day", "3000") as venue,
        sinks(servers, url) as landing,
    ):
        settings = landing.settings.model_copy(
            update={
                "archive": str(archive),
                "dukascopy_url": venue.bi5_url,
                "dukascopy_json_url": venue.json_url,
            }
        )
        yield Stages(settings, venue)
