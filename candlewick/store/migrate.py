"""Migrations: numbered SQL files, applied once each, in order, by one process at a time."""

from collections.abc import Mapping
from importlib.resources import as_file, files
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict
from yoyo import read_migrations
from yoyo.backends.core.postgresql import PostgresqlPsycopgBackend
from yoyo.connections import DatabaseURI

from candlewick.errors import CandlewickError
from candlewick.store.database import query, translated

_TABLE = "schema_migration"


class _Backend(PostgresqlPsycopgBackend):  # type: ignore[misc]
    """Hands statements over as they are: the library would have each % of a function body doubled."""

    def execute(self, sql: str, params: Mapping[str, Any] | None = None) -> Any:  # noqa: ANN401
        if params:
            return super().execute(sql, params)
        return self.cursor().execute(sql)


def _backend(url: str) -> _Backend:
    options = conninfo_to_dict(url)
    address = DatabaseURI(
        scheme="postgresql+psycopg",
        username=options.pop("user", None),
        password=options.pop("password", None),
        hostname=options.pop("host", None),
        port=options.pop("port", None),
        database=options.pop("dbname", None),
        args=options,
    )
    backend = _Backend(address, _TABLE)
    backend.init_database()
    return backend


def migrate(url: str) -> list[str]:
    """Brings a database to this version's tables and returns the names of what was applied.

    Raises:
        CandlewickError: the database was migrated by a newer Candlewick.
        DatabaseUnavailableError: the database does not answer.
    """
    # The library's own lock is a row that outlives a kill -9. An advisory lock does not, and
    # whoever holds it may clear the row.
    with (
        translated(),
        psycopg.connect(url, autocommit=True) as guard,
        as_file(files("sql") / "migrations") as folder,
    ):
        guard.execute(query("lock_migrations"))
        backend = _backend(url)
        try:
            known = read_migrations(str(folder))
            backend.break_lock()
            missing = backend.to_apply(known)
            applied = {name for (name,) in guard.execute(query("applied_migrations"))}
            unknown = sorted(applied - {migration.id for migration in known})
            if unknown:
                raise CandlewickError(
                    f"the database has migrations unknown to this version: {', '.join(unknown)}",
                    "run the version of Candlewick that made them, or a newer one",
                )
            with backend.lock():
                backend.apply_migrations(missing)
        finally:
            backend.connection.close()
        return [migration.id for migration in missing]
