"""Changes of one instrument happen one after the other, whoever asks for them."""

from collections.abc import Iterator
from contextlib import closing, contextmanager

import psycopg

from candlewick.errors import CandlewickError
from candlewick.store import Store
from candlewick.store.database import query, translated

PATIENCE_S = 60.0


@contextmanager
def changing(store: Store, symbol: str) -> Iterator[None]:
    """Holds the right to change what is collected of an instrument; others that want it wait.

    It is a session's advisory lock on a connection of its own, so a killed process lets go of it.

    Raises:
        CandlewickError: another process has held it for a minute.
        DatabaseUnavailableError: the database does not answer.
    """
    with translated():
        connection = psycopg.connect(
            store.database_url, autocommit=True, application_name="candlewick control lock"
        )
    with closing(connection):
        with translated():
            connection.execute(query("bound_lock_wait"), {"milliseconds": str(int(PATIENCE_S * 1000))})
            try:
                connection.execute(query("hold_lock"), {"key": f"control {symbol}"})
            except psycopg.errors.LockNotAvailable:
                raise CandlewickError(
                    f"{symbol} is being changed by another process, for a minute already",
                    "see `candlewick status`; trying again is safe",
                ) from None
        yield
