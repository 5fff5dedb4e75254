"""Rights that one process holds at a time: a session's advisory lock on a connection of its own.

A killed process lets go of what it held.
"""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import psycopg

from candlewick.errors import CandlewickError
from candlewick.store.database import CONNECT_TIMEOUT_S, query, translated

Session = psycopg.Connection[tuple[Any, ...]]


@contextmanager
def session(
    database_url: str, patience_s: float, *, connect_timeout_s: int = CONNECT_TIMEOUT_S
) -> Iterator[Session]:
    """A connection that waits for a lock no longer than that.

    Raises:
        DatabaseUnavailableError: the database does not answer.
    """
    with translated():
        connection = psycopg.connect(
            database_url,
            autocommit=True,
            application_name="candlewick lock",
            connect_timeout=connect_timeout_s,
        )
    with closing(connection):
        with translated():
            connection.execute(query("bound_lock_wait"), {"milliseconds": str(int(patience_s * 1000))})
        yield connection


@contextmanager
def held(database_url: str, key: str, patience_s: float, refusal: CandlewickError) -> Iterator[None]:
    """Holds the right of that name; others that want it wait.

    Raises:
        CandlewickError: the refusal, if another process has held it for so long.
        DatabaseUnavailableError: the database does not answer.
    """
    with session(database_url, patience_s) as holder:
        with translated():
            try:
                holder.execute(query("hold_lock"), {"key": key})
            except psycopg.errors.LockNotAvailable:
                raise refusal from None
        yield
