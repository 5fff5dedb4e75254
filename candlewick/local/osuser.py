"""Under root, PostgreSQL runs as another OS user, which must reach its program and its data.

PostgreSQL refuses to run as root. The user is the one that the wheel itself would make. Where a folder
on the way (say `/root`, 0700) may not be passed by it, that one user is let through, and no other, by an
access control entry; where the file system has none, a folder of ours gets `o+x`, and any other is named.
"""

import os
import pwd
import shutil
import stat
import struct
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from candlewick.errors import CandlewickError

USER_NAME = "embedded_postgres"

_ACL = "system.posix_acl_access"
_ACL_VERSION = struct.Struct("<I")
_ACL_ENTRY = struct.Struct("<HHI")
_USER_OBJ, _USER, _GROUP_OBJ, _GROUP, _MASK, _OTHER = 0x01, 0x02, 0x04, 0x08, 0x10, 0x20
_NO_ID = 0xFFFFFFFF
_SEARCH = 1


@dataclass(frozen=True, slots=True)
class OsUser:
    """Whom a process runs as."""

    name: str
    uid: int
    gid: int


def postgres_user() -> OsUser | None:
    """The OS user that PostgreSQL runs as: None (the present one) unless that is root; made if missing.

    Raises:
        CandlewickError: the user is missing and cannot be made.
    """
    if os.geteuid() != 0:
        return None
    try:
        entry = pwd.getpwnam(USER_NAME)
    except KeyError:
        entry = _make_user()
    return OsUser(entry.pw_name, entry.pw_uid, entry.pw_gid)


def let_through(path: Path, user: OsUser, *, ours: Path, say: Callable[[str], None]) -> None:
    """Let `user` pass every folder above `path`; folders below `ours` belong to Candlewick.

    Raises:
        CandlewickError: a folder cannot be opened for that user alone; it is named.
    """
    for folder in _blocking(path, user):
        try:
            _grant_search(folder, user.uid)
        except OSError as error:
            if folder.is_relative_to(ours):
                folder.chmod(stat.S_IMODE(folder.stat().st_mode) | stat.S_IXOTH)
                continue
            raise CandlewickError(
                f"PostgreSQL runs as the OS user {user.name}, who may not pass {folder} ({error.strerror})",
                f"run `chmod o+x {folder}`, or keep the checkout and CANDLEWICK_HOME outside of it, "
                "or do not work as root",
            ) from error
        if not folder.is_relative_to(ours):
            say(f"let the OS user {user.name} pass through {folder} (an access control entry for it alone)")


def can_run(program: Path, user: OsUser) -> bool:
    """Whether `user` can really run `program --version`."""
    try:
        result = subprocess.run(
            [program, "--version"],
            user=user.uid, group=user.gid, extra_groups=[],
            cwd="/", capture_output=True, check=False, timeout=30,
        )  # fmt: skip
    except PermissionError:
        return False
    return result.returncode == 0


def _make_user() -> pwd.struct_passwd:
    useradd = shutil.which("useradd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if useradd is None:
        raise CandlewickError(
            "PostgreSQL does not run as root, and there is no `useradd` to make another OS user",
            f"make a user named {USER_NAME}, or do not work as root",
        )
    command = [
        useradd,
        "--system",
        "--user-group",
        "--no-create-home",
        "--shell",
        "/usr/sbin/nologin",
        USER_NAME,
    ]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        # Whatever it answered: another process may have made the user in the meantime.
        return pwd.getpwnam(USER_NAME)
    except KeyError:
        raise CandlewickError(
            f"PostgreSQL does not run as root, and `useradd {USER_NAME}` failed: {result.stderr.strip()}",
            "make that user by hand, or do not work as root",
        ) from None


def _blocking(path: Path, user: OsUser) -> Iterator[Path]:
    """The folders above `path`, outermost first, that `user` may not pass."""
    for folder in reversed(path.resolve().parents):
        status = folder.stat()
        if status.st_uid == user.uid:
            allowed = status.st_mode & stat.S_IXUSR
        elif _named_permission(folder, user.uid) is not None:
            allowed = (_named_permission(folder, user.uid) or 0) & _SEARCH
        elif status.st_gid == user.gid:
            allowed = status.st_mode & stat.S_IXGRP
        else:
            allowed = status.st_mode & stat.S_IXOTH
        if not allowed:
            yield folder


def _named_permission(folder: Path, uid: int) -> int | None:
    """What the access control list of `folder` gives the user, the mask applied; None if it names it not."""
    entries = _read_acl(folder)
    mask = next((permission for tag, permission, _ in entries if tag == _MASK), 7)
    return next((perm & mask for tag, perm, owner in entries if tag == _USER and owner == uid), None)


def _read_acl(folder: Path) -> list[tuple[int, int, int]]:
    try:
        raw = os.getxattr(folder, _ACL)
    except OSError:
        return []
    return [_ACL_ENTRY.unpack_from(raw, at) for at in range(_ACL_VERSION.size, len(raw), _ACL_ENTRY.size)]


def _grant_search(folder: Path, uid: int) -> None:
    """Let one user search a folder, by an access control entry; all other rights stay as they are.

    Raises:
        OSError: the file system knows no access control lists.
    """
    mode = folder.stat().st_mode
    entries = _read_acl(folder) or [
        (_USER_OBJ, mode >> 6 & 7, _NO_ID),
        (_GROUP_OBJ, mode >> 3 & 7, _NO_ID),
        (_OTHER, mode & 7, _NO_ID),
    ]
    mask = next((perm for tag, perm, _ in entries if tag == _MASK), None)
    if mask is None:
        mask = next(perm for tag, perm, _ in entries if tag == _GROUP_OBJ)
    before = next((perm for tag, perm, owner in entries if tag == _USER and owner == uid), 0)
    kept = [e for e in entries if e[0] != _MASK and not (e[0] == _USER and e[2] == uid)]
    kept += [(_USER, before | _SEARCH, uid), (_MASK, mask | _SEARCH, _NO_ID)]
    # Where the old mask held back search from others, it must go on doing so.
    if not mask & _SEARCH:
        kept = [
            (tag, perm & ~_SEARCH if tag in (_GROUP_OBJ, _GROUP, _USER) and owner != uid else perm, owner)
            for tag, perm, owner in kept
        ]
    kept.sort(key=lambda entry: (entry[0], entry[2]))
    os.setxattr(folder, _ACL, _ACL_VERSION.pack(2) + b"".join(_ACL_ENTRY.pack(*entry) for entry in kept))
