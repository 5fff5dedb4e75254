"""Changes of what is collected: one after the other for an instrument, and awaited by who reads all of it."""

import contextlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import psycopg

from candlewick.errors import CandlewickError
from candlewick.store.database import query, translated
from candlewick.store.locks import held, session

PATIENCE_S = 60.0
AWAITED_S = 10.0
"""So long `await_changes` waits."""
_ANSWER_S = 3
"""So long it waits for a database that does not answer."""


def changing(database_url: str, symbol: str) -> AbstractContextManager[None]:
    """Holds the right to change what is collected of an instrument; others that want it wait.

    Raises:
        CandlewickError: another process has held it for a minute.
        DatabaseUnavailableError: the database does not answer.
    """
    refusal = CandlewickError(
        f"{symbol} is being changed by another process, for a minute already",
        "see `candlewick status`; trying again is safe",
    )
    return held(database_url, f"control {symbol}", PATIENCE_S, refusal)


@contextmanager
def awaited(database_url: str) -> Iterator[None]:
    """While it lasts, `await_changes` does: rows are about to be written that readers want to see.

    Raises:
        DatabaseUnavailableError: the database does not answer.
    """
    with session(database_url, PATIENCE_S) as announcer:
        with translated():
            announcer.execute(query("announce_change"))
        yield


def await_changes(database_url: str) -> None:
    """Returns once no change is announced any more, or after `AWAITED_S`.

    Raises:
        DatabaseUnavailableError: the database does not answer.
    """
    with (
        session(database_url, AWAITED_S, connect_timeout_s=_ANSWER_S) as waiting,
        translated(),
        # Whoever takes longer has its rows read again.
        contextlib.suppress(psycopg.errors.LockNotAvailable),
    ):
        waiting.execute(query("await_changes"))
