"""The home: its folders, its stamp, its secrets, the space under it."""

import base64
import contextlib
import errno
import hashlib
import hmac
import json
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import filelock

from candlewick import access
from candlewick.errors import CandlewickError
from candlewick.settings import Settings

MEBIBYTE = 1 << 20
ROOM_TO_RUN = 512 * MEBIBYTE
"""Free bytes below which servers are not started: both stop writing, or worse, on a full disk."""


@dataclass(frozen=True, slots=True)
class Home:
    """Where things lie under `CANDLEWICK_HOME`."""

    root: Path

    @property
    def run(self) -> Path:
        """Rendered configurations, pid files and sockets; made anew at each start."""
        return self.root / "run"

    @property
    def logs(self) -> Path:
        return self.root / "logs"

    @property
    def secrets(self) -> Path:
        return self.root / "secrets"

    @property
    def postgres(self) -> Path:
        return self.root / "postgres"

    @property
    def pulsar(self) -> Path:
        return self.root / "pulsar"

    @property
    def stamp(self) -> Path:
        return self.root / "kind"

    @property
    def pulsar_key(self) -> Path:
        """The secret that Pulsar's tokens are signed with."""
        return self.secrets / "pulsar-signing.key"


def prepare(settings: Settings) -> Home:
    """Make the home's folders, stamp and secrets; what is there already stays as it is.

    Raises:
        CandlewickError: the home belongs to the other kind (demo or real), may not be written, or its
            disk is full.
    """
    home = Home(settings.home)
    with disk_errors(settings.home):
        home.root.mkdir(parents=True, exist_ok=True)
        check_stamp(settings)
        check_room(home.root, ROOM_TO_RUN, "to run the servers")
        for folder in (home.run, home.logs, home.secrets):
            folder.mkdir(mode=0o700, exist_ok=True)
        if not home.stamp.exists():
            write_atomically(home.stamp, _kind(settings) + "\n", mode=0o644)
        _make_secrets(settings, home)
    return home


def check_stamp(settings: Settings) -> None:
    """Refuse a home of the other kind: demo data never mixes with real data.

    Raises:
        CandlewickError: the home was made for the other kind.
    """
    stamp = Home(settings.home).stamp
    if not stamp.exists():
        return
    found = stamp.read_text(encoding="utf-8").strip()
    if found != _kind(settings):
        raise CandlewickError(
            f"{settings.home} holds {found} data, and this is the {_kind(settings)} platform",
            "use another CANDLEWICK_HOME for it"
            if settings.demo
            else "leave out --demo's home, or add --demo",
        )


def check_room(folder: Path, needed: int, purpose: str) -> None:
    """Raises CandlewickError when `folder`'s disk has less than `needed` bytes free."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise CandlewickError(
            f"the disk of {folder} has {free // MEBIBYTE} MiB free, {needed // MEBIBYTE} needed {purpose}",
            "free some space, or choose a folder on another disk",
        )


@contextlib.contextmanager
def disk_errors(folder: Path) -> Iterator[None]:
    """Turn what a disk may answer (full, read-only, not ours) into errors that a user can act on."""
    try:
        yield
    except OSError as error:
        remedies = {
            errno.ENOSPC: "free some space, or choose a folder on another disk",
            errno.EDQUOT: "free some space, or choose a folder on another disk",
            errno.EROFS: "choose a folder that can be written",
            errno.EACCES: "choose a folder that this user may write",
            errno.EPERM: "choose a folder that this user may write",
            errno.ENOTDIR: "choose a folder; a file is in its way",
            errno.EEXIST: "choose a folder; a file is in its way",
        }
        if error.errno not in remedies:
            raise
        where = error.filename or folder
        raise CandlewickError(f"cannot write {where}: {error.strerror}", remedies[error.errno]) from error


def write_atomically(file: Path, content: str | bytes, *, mode: int = 0o600) -> None:
    """Replace a file as a whole; at no time is it half written or readable by more than `mode` says."""
    data = content.encode() if isinstance(content, str) else content
    descriptor, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(descriptor, "wb") as temporary:
            os.fchmod(temporary.fileno(), mode)
            temporary.write(data)
            temporary.flush()
            os.fsync(temporary.fileno())
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


@contextlib.contextmanager
def exclusive(home: Home, doing: str) -> Iterator[None]:
    """Hold the home against other starts and stops; the same process may hold it more than once.

    Raises:
        CandlewickError: another process is starting or stopping the same home.
    """
    home.run.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = filelock.FileLock(home.run / "servers.lock", is_singleton=True)
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        raise CandlewickError(
            f"cannot {doing} the platform in {home.root}: another command is at it just now",
            "wait for that one, then try again",
        ) from None
    try:
        yield
    finally:
        lock.release()


def token(key: bytes, role: str) -> str:
    """A JSON Web Token (HS256) whose subject is `role`, as Pulsar's token provider reads it."""
    signed = f"{_base64(json.dumps({'alg': 'HS256'}).encode())}.{_base64(json.dumps({'sub': role}).encode())}"
    return f"{signed}.{_base64(hmac.digest(key, signed.encode(), hashlib.sha256))}"


def _base64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _kind(settings: Settings) -> str:
    return "demo" if settings.demo else "real"


def _make_secrets(settings: Settings, home: Home) -> None:
    for role in access.DATABASE_ROLES:
        file = access.database_password_file(settings, role)
        if not file.exists():
            write_atomically(file, secrets.token_urlsafe(24))
    if not access.web_token_file(settings).exists():
        write_atomically(access.web_token_file(settings), secrets.token_urlsafe(24))
    if not home.pulsar_key.exists():
        write_atomically(home.pulsar_key, secrets.token_bytes(32))
    key = home.pulsar_key.read_bytes()
    for role in access.PULSAR_ROLES:
        file = access.pulsar_token_file(settings, role)
        if not file.exists() or file.read_text(encoding="ascii") != token(key, role):
            write_atomically(file, token(key, role))
