"""A database that was away is found again as soon as it is back, however long it was away."""

import asyncio
from collections.abc import Callable, Iterator

import pytest

from candlewick import access
from candlewick.local import postgres, programs, supervisor
from candlewick.local.home import Home
from candlewick.settings import Settings
from candlewick.store import DatabaseUnavailableError
from candlewick.store.database import Database
from tests.conftest import make_settings, running, temporary_home
from tests.waiting import until
from web import database as web

# A pool left to itself tries after 1, 3, 7, 15 and 31 seconds.
AWAY_S = 17
BACK_S = 4


@pytest.fixture
def settings() -> Iterator[Settings]:
    """PostgreSQL alone in a home of the test's own."""
    with temporary_home() as home, running(make_settings(home), programs.POSTGRES) as made:
        yield made


def away_and_back(settings: Settings, answers: Callable[[], bool]) -> float:
    """Stops the server while it is asked all the time; the seconds from its return to the first answer."""
    home = Home(settings.home)
    until("an answer", answers)
    supervisor.stop_program(home, programs.POSTGRES)
    until("no answer", lambda: not answers())
    refused = [0.0]

    def refused_for_long() -> bool:
        refused[0] += until("refused", lambda: not answers())
        return refused[0] > AWAY_S

    until(f"no answer for {AWAY_S} s", refused_for_long)
    supervisor.start_program(home, programs.POSTGRES)
    until("the server is ready", lambda: postgres.is_ready(settings))
    return until("an answer again", answers)


def test_a_store_finds_its_database_again(settings: Settings) -> None:
    database = Database(access.database_url(settings, database="postgres"), timeout_s=2)
    database.open()

    def answers() -> bool:
        try:
            with database.reading() as connection:
                return connection.execute("SELECT 1").fetchone() == (1,)
        except DatabaseUnavailableError:
            return False

    try:
        assert away_and_back(settings, answers) < BACK_S
    finally:
        database.close()


def test_the_page_finds_its_database_again(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web, "PATIENCE_S", 2)
    with asyncio.Runner() as runner:
        database = web.Database(access.database_url(settings, database="postgres"))
        runner.run(database.open())

        async def ask() -> bool:
            try:
                async with database.reading() as connection:
                    return await (await connection.execute("SELECT 1")).fetchone() == (1,)
            except DatabaseUnavailableError:
                return False

        try:
            assert away_and_back(settings, lambda: runner.run(ask())) < BACK_S
        finally:
            runner.run(database.close())
