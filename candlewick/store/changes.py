"""Changes of what is collected: one after the other for an instrument, and awaited by who reads all of it.

Each right is a session's advisory lock on a connection of its own, so a killed process lets go of it.
"""

import contextlib
from collections.abc import Iterator
from contextlib import closing, contextmanager

import psycopg

from candlewick.errors import CandlewickError
from candlewick.store.database import query, translated

PATIENCE_S = 60.0
AWAITED_S = 10.0
"""So long `await_changes` waits."""
_CONNECT_TIMEOUT_S = 3


@contextmanager
def changing(database_url: str, symbol: str) -> Iterator[None]:
    """Holds the right to change what is collected of an instrument; others that want it wait.

    Raises:
        CandlewickError: another process has held it for a minute.
        DatabaseUnavailableError: the database does not answer.
    """
    with _session(database_url, PATIENCE_S) as session:
        with translated():
            try:
                session.execute(query("hold_lock"), {"key": f"control {symbol}"})
            except psycopg.errors.LockNotAvailable:
                raise CandlewickError(
                    f"{symbol} is being changed by another process, for a minute already",
                    "see `candlewick status`; trying again is safe",
                ) from None
        yield


@contextmanager
def awaited(database_url: str) -> Iterator[None]:
    """While it lasts, `await_changes` does: rows are about to be written that readers want to see.

    Raises:
        DatabaseUnavailableError: the database does not answer.
    """
    with _session(database_url, PATIENCE_S) as session:
        with translated():
            session.execute(query("announce_change"))
        yield


def await_changes(database_url: str) -> None:
    """Returns once no change is announced any more, or after `AWAITED_S`.

    Raises:
        DatabaseUnavailableError: the database does not answer.
    """
    with (
        _session(database_url, AWAITED_S) as session,
        translated(),
        # Whoever takes longer has its rows read again.
        contextlib.suppress(psycopg.errors.LockNotAvailable),
    ):
        session.execute(query("await_changes"))


@contextmanager
def _session(database_url: str, patience_s: float) -> Iterator["psycopg.Connection[tuple[object, ...]]"]:
    """A connection that waits for a lock no longer than that."""
    with translated():
        connection = psycopg.connect(
            database_url,
            autocommit=True,
            application_name="candlewick changes",
            connect_timeout=_CONNECT_TIMEOUT_S,
        )
    with closing(connection):
        with translated():
            connection.execute(query("bound_lock_wait"), {"milliseconds": str(int(patience_s * 1000))})
        yield connection
