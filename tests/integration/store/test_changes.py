"""Changes of what is collected, by several at once."""

from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event

import psycopg
import pytest

from candlewick.errors import CandlewickError
from candlewick.store import changes
from candlewick.store.changes import await_changes, awaited, changing
from tests.waiting import until


def is_waiting(database_url: str) -> bool:
    """Whether a session of ours waits for an advisory lock."""
    with psycopg.connect(database_url) as connection:
        waiting = """
            SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
        """
        row = connection.execute(waiting).fetchone()
    return row is not None and row[0] > 0


def started(pool: ThreadPoolExecutor, database_url: str) -> Future[None]:
    """A reader that waits."""
    reading = pool.submit(await_changes, database_url)
    until("it waits", lambda: is_waiting(database_url))
    return reading


def test_a_reader_awaits_every_announced_change(database_url: str) -> None:
    await_changes(database_url)
    with ThreadPoolExecutor(1) as pool:
        with awaited(database_url):
            with awaited(database_url):
                reading = started(pool, database_url)
            assert not reading.done()
        reading.result(10)


def test_a_reader_goes_on_without_a_change_that_takes_too_long(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changes, "AWAITED_S", 0.2)
    with awaited(database_url):
        await_changes(database_url)


def test_an_instrument_is_changed_by_one_at_a_time(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, done = Event(), Event()

    def hold() -> None:
        with changing(database_url, "eurusd"):
            held.set()
            done.wait(20)

    with ThreadPoolExecutor(2) as pool:
        holding = pool.submit(hold)
        try:
            assert held.wait(20)
            with changing(database_url, "gbpusd"):
                pass
            monkeypatch.setattr(changes, "PATIENCE_S", 0.2)
            with (
                pytest.raises(CandlewickError, match="eurusd is being changed"),
                changing(database_url, "eurusd"),
            ):
                pass
        finally:
            done.set()
        holding.result(10)
        with changing(database_url, "eurusd"):
            pass
