"""Under root: one other user is let through, and nobody else."""

import os
import pwd
import subprocess
from pathlib import Path

import pytest

from candlewick.local import osuser

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")

NOBODY = pwd.getpwnam("nobody")
DAEMON = pwd.getpwnam("daemon")


def user(entry: pwd.struct_passwd) -> osuser.OsUser:
    return osuser.OsUser(entry.pw_name, entry.pw_uid, entry.pw_gid)


def can_read(file: Path, entry: pwd.struct_passwd) -> bool:
    command = ["/bin/cat", str(file)]
    result = subprocess.run(
        command,
        user=entry.pw_uid,
        group=entry.pw_gid,
        extra_groups=[],
        cwd="/",
        capture_output=True,
        check=False,
    )
    return result.returncode == 0


@pytest.fixture
def closed(tmp_path: Path) -> Path:
    """A readable file below two folders that nobody else may pass."""
    folder = tmp_path / "private" / "deep"
    folder.mkdir(parents=True)
    file = folder / "file"
    file.write_text("content")
    file.chmod(0o644)
    for path in (folder, folder.parent):
        path.chmod(0o700)
    return file


def test_the_user_is_let_through_and_no_other(closed: Path, tmp_path: Path) -> None:
    said: list[str] = []
    assert not can_read(closed, NOBODY)
    osuser.let_through(closed, user(NOBODY), ours=tmp_path / "elsewhere", say=said.append)
    assert can_read(closed, NOBODY)
    assert not can_read(closed, DAEMON)
    assert any(str(closed.parent) in line for line in said)


def test_the_folders_stay_unreadable_for_the_user(closed: Path, tmp_path: Path) -> None:
    osuser.let_through(closed, user(NOBODY), ours=tmp_path, say=print)
    listing = subprocess.run(
        ["/bin/ls", closed.parent], user=NOBODY.pw_uid, group=NOBODY.pw_gid, extra_groups=[],
        cwd="/", capture_output=True, check=False,
    )  # fmt: skip
    assert listing.returncode != 0


def test_letting_through_twice_changes_nothing_more(closed: Path, tmp_path: Path) -> None:
    osuser.let_through(closed, user(NOBODY), ours=tmp_path / "elsewhere", say=print)
    said: list[str] = []
    osuser.let_through(closed, user(NOBODY), ours=tmp_path / "elsewhere", say=said.append)
    assert said == []


def test_a_second_user_is_let_through_beside_the_first(closed: Path, tmp_path: Path) -> None:
    for entry in (NOBODY, DAEMON):
        osuser.let_through(closed, user(entry), ours=tmp_path, say=print)
    assert can_read(closed, NOBODY)
    assert can_read(closed, DAEMON)


def test_whether_a_program_can_be_run_is_tried(closed: Path, tmp_path: Path) -> None:
    program = closed.with_name("program")
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    assert not osuser.can_run(program, user(NOBODY))
    osuser.let_through(program, user(NOBODY), ours=tmp_path, say=print)
    assert osuser.can_run(program, user(NOBODY))
