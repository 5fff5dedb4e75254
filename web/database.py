"""PostgreSQL as the server asks it: asynchronously, in the name of the role that only reads."""

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any
from weakref import WeakKeyDictionary

import psycopg
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from candlewick.retries import retry_context
from candlewick.store.database import (
    ASK_AGAIN_S,
    CONNECT_TIMEOUT_S,
    RECONNECT_S,
    DatabaseUnavailableError,
    configure,
    query,
    translated,
)

Connection = psycopg.AsyncConnection[tuple[Any, ...]]
Row = tuple[Any, ...]

CONNECTIONS = 8
IDLE_S = 1.0
PATIENCE_S = 10.0
"""How long a request waits for a connection before it is told that the database is away."""


async def _configure(connection: Connection) -> None:
    configure(connection)


class Database:
    """Belongs to one event loop. Rows are as `candlewick.store.database` has them."""

    def __init__(self, url: str) -> None:
        self._used_at: WeakKeyDictionary[Connection, float] = WeakKeyDictionary()
        self._pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
            url,
            kwargs={
                "application_name": "candlewick-web",
                "autocommit": True,
                "connect_timeout": CONNECT_TIMEOUT_S,
            },
            min_size=0,
            max_size=CONNECTIONS,
            timeout=ASK_AGAIN_S,
            reconnect_timeout=RECONNECT_S,
            configure=_configure,
            check=self._check,
            open=False,
        )

    async def _check(self, connection: Connection) -> None:
        """Asks a connection that was not used of late whether it still is one.

        A question of its own each time would take as long as many an answer.
        """
        now = time.monotonic()
        if now - self._used_at.get(connection, float("-inf")) > IDLE_S:
            await AsyncConnectionPool.check_connection(connection)
        self._used_at[connection] = now

    async def open(self) -> None:
        await self._pool.open()

    async def close(self) -> None:
        await self._pool.close()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[Connection]:
        """A connection on which each statement stands alone.

        Raises:
            DatabaseUnavailableError: there is none, or it broke.
        """
        with translated():
            async with AsyncExitStack() as stack:
                yield await self._entered(stack)

    async def _entered(self, stack: AsyncExitStack) -> Connection:
        """A connection that goes back to the pool with the stack."""
        try:
            async for attempt in retry_context(
                on=PoolTimeout, attempts=None, timeout=PATIENCE_S, wait_initial=0.01, wait_max=0.1
            ):
                with attempt:
                    connection = await stack.enter_async_context(self._pool.connection())
        except PoolTimeout as error:
            raise DatabaseUnavailableError(f"no connection within {PATIENCE_S:g} s") from error
        return connection

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[Connection]:
        """A connection on which all statements see the same moment.

        Raises:
            DatabaseUnavailableError: there is none, or it broke.
        """
        async with self.reading() as connection, connection.transaction():
            await connection.execute(query("one_snapshot"))
            yield connection

    async def rows(self, name: str, parameters: Mapping[str, object] | None = None) -> list[Row]:
        """All rows of a named query, on a connection of its own."""
        async with self.reading() as connection:
            return await rows(connection, name, parameters)


async def rows(
    connection: Connection, name: str, parameters: Mapping[str, object] | None = None
) -> list[Row]:
    """All rows of a named query."""
    cursor = await connection.execute(query(name), parameters, binary=True)
    return await cursor.fetchall()
