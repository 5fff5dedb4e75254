"""Connections to PostgreSQL: pooled, binary, integers for time and numpy for arrays."""

import re
import struct
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import aiosql
import numpy as np
import psycopg
from psycopg.abc import Buffer
from psycopg.adapt import Loader
from psycopg.pq import Format
from psycopg_pool import ConnectionPool, PoolClosed, PoolTimeout

from candlewick.errors import CandlewickError
from candlewick.hours import Column
from candlewick.retries import retry_context
from candlewick.times import DAY_US

Connection = psycopg.Connection[tuple[Any, ...]]
Cursor = psycopg.Cursor[tuple[Any, ...]]

# A pool lets more and more time pass between its own attempts at a server that is away, minutes in the end.
# So it is made to give up at its second one, and whoever waits asks it anew: a server that is back is found
# within about a second.
RECONNECT_S = 0.5
ASK_AGAIN_S = 1.0
CONNECT_TIMEOUT_S = 10

# PostgreSQL counts from 2000-01-01.
EPOCH_2000_US = 10_957 * DAY_US

_INT8_ELEMENT = np.dtype([("length", ">i4"), ("value", ">i8")])
_ARRAY_HEADER = struct.calcsize(">iiiii")


class DatabaseUnavailableError(CandlewickError):
    """The database does not answer, or hung up."""

    def __init__(self, detail: str) -> None:
        first_line = detail.strip().splitlines()[0] if detail.strip() else "no answer"
        super().__init__(
            f"the database does not answer: {first_line}",
            "see `candlewick status`; `candlewick up` starts it",
        )


class _MomentLoader(Loader):
    """`timestamptz` as integer microseconds since 1970, UTC."""

    format = Format.BINARY

    def load(self, data: Buffer) -> int:
        return int.from_bytes(bytes(data), "big", signed=True) + EPOCH_2000_US


class _Int8ArrayLoader(Loader):
    """`bigint[]` without NULLs as an int64 column, without a Python object per element."""

    format = Format.BINARY
    origin = 0

    def load(self, data: Buffer) -> Column:
        if len(data) <= _ARRAY_HEADER:
            return np.empty(0, dtype=np.int64)
        elements = np.frombuffer(data, dtype=_INT8_ELEMENT, offset=_ARRAY_HEADER)
        column = elements["value"].astype(np.int64)
        if self.origin:
            column += self.origin
        return column


class _MomentArrayLoader(_Int8ArrayLoader):
    """`timestamptz[]` as microseconds since 1970, UTC."""

    origin = EPOCH_2000_US


@cache
def query(name: str) -> bytes:
    """The text of a named query of `sql/queries`, with `%(name)s` parameters.

    Raises:
        LookupError: no file has one of that name.
    """
    # A file at a time: reading all of them costs every command a tenth of a second.
    with as_file(files("sql") / "queries") as folder:
        for file in sorted(folder.glob("*.sql")):
            if re.search(rf"^-- name: {name}\b", file.read_text(encoding="utf-8"), re.MULTILINE):
                text: str = getattr(_queries_of(file), name).sql
                return text.encode()
    raise LookupError(f"no query is named {name}")


@cache
def _queries_of(file: Path) -> Any:  # noqa: ANN401 (aiosql's queries are made at run time)
    return aiosql.from_path(file, "psycopg", mandatory_parameters=False)


def configure(connection: psycopg.Connection[Any] | psycopg.AsyncConnection[Any]) -> None:
    """Makes a connection read `timestamptz` as integers and `bigint[]` as numpy columns."""
    types = connection.adapters.types
    connection.adapters.register_loader(types["timestamptz"].oid, _MomentLoader)
    connection.adapters.register_loader(types["int8"].array_oid, _Int8ArrayLoader)
    connection.adapters.register_loader(types["timestamptz"].array_oid, _MomentArrayLoader)


@contextmanager
def translated() -> Iterator[None]:
    """Turns a lost or refused connection into `DatabaseUnavailableError`."""
    try:
        yield
    except (psycopg.OperationalError, PoolTimeout, PoolClosed) as error:
        raise DatabaseUnavailableError(str(error)) from error


class Database:
    """A pool of connections to one database; safe to share between threads, not across a fork.

    Rows come in PostgreSQL's binary format: `timestamptz` as integer microseconds since 1970, UTC,
    `bigint[]` as numpy columns.
    """

    def __init__(self, url: str, *, max_connections: int = 4, timeout_s: float = 30.0) -> None:
        self.url = url
        self._timeout_s = timeout_s
        self._pool: ConnectionPool[Connection] = ConnectionPool(
            url,
            kwargs={"application_name": "candlewick", "connect_timeout": CONNECT_TIMEOUT_S},
            min_size=0,
            max_size=max_connections,
            timeout=ASK_AGAIN_S,
            reconnect_timeout=RECONNECT_S,
            configure=configure,
            check=ConnectionPool.check_connection,
            open=False,
        )

    def open(self) -> None:
        self._pool.open()

    def close(self) -> None:
        self._pool.close()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """A connection whose work is committed on leaving, or rolled back on an exception.

        Raises:
            DatabaseUnavailableError: there is no connection, or it broke.
        """
        with translated(), ExitStack() as stack:
            yield self._entered(stack)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection for statements that need no transaction around them: each is one round trip.

        Raises:
            DatabaseUnavailableError: there is no connection, or it broke.
        """
        with translated(), ExitStack() as stack:
            connection = self._entered(stack)
            connection.autocommit = True
            try:
                yield connection
            finally:
                if not connection.closed:
                    connection.autocommit = False

    def _entered(self, stack: ExitStack) -> Connection:
        """A connection that goes back to the pool with the stack."""
        try:
            for attempt in retry_context(
                on=PoolTimeout, attempts=None, timeout=self._timeout_s, wait_initial=0.01, wait_max=0.1
            ):
                with attempt:
                    connection = stack.enter_context(self._pool.connection())
        except PoolTimeout as error:
            raise DatabaseUnavailableError(f"no connection within {self._timeout_s:g} s") from error
        return connection


def run(connection: Connection, name: str, parameters: Mapping[str, object] | None = None) -> Cursor:
    """Executes a named query; its rows come in binary."""
    return connection.execute(query(name), parameters, binary=True)
