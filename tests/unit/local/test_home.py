"""The home: stamp, secrets, modes, room, one start at a time."""

import base64
import errno
import hashlib
import hmac
import json
import multiprocessing
from pathlib import Path

import pytest

from candlewick import access
from candlewick.errors import CandlewickError
from candlewick.local import home
from candlewick.settings import Settings


def settings(folder: Path, **values: object) -> Settings:
    return Settings(_env_file=None, home=folder, **values)  # type: ignore[call-arg, arg-type]


def test_secrets_are_made_once_and_for_their_owner_alone(tmp_path: Path) -> None:
    mine = settings(tmp_path / "home")
    place = home.prepare(mine)
    before = {file.name: file.read_bytes() for file in place.secrets.iterdir()}
    home.prepare(mine)
    assert {file.name: file.read_bytes() for file in place.secrets.iterdir()} == before
    # And the key of the tokens of Pulsar, and the token of the pages.
    assert len(before) == len(access.DATABASE_ROLES) + len(access.PULSAR_ROLES) + 2
    assert {file.stat().st_mode & 0o777 for file in place.secrets.iterdir()} == {0o600}
    assert place.secrets.stat().st_mode & 0o777 == 0o700


def test_no_two_secrets_are_alike(tmp_path: Path) -> None:
    place = home.prepare(settings(tmp_path / "home"))
    contents = [file.read_bytes() for file in place.secrets.iterdir()]
    assert len(set(contents)) == len(contents)


@pytest.mark.parametrize(("first", "second"), [(False, True), (True, False)])
def test_a_home_refuses_the_other_kind(tmp_path: Path, *, first: bool, second: bool) -> None:
    home.prepare(settings(tmp_path / "home", demo=first))
    with pytest.raises(CandlewickError, match="data, and this is the"):
        home.prepare(settings(tmp_path / "home", demo=second))
    home.prepare(settings(tmp_path / "home", demo=first))


def test_a_token_is_a_signed_json_web_token() -> None:
    key = bytes(range(32))
    header, payload, signature = home.token(key, "guard").split(".")

    def decoded(part: str) -> bytes:
        return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))

    assert json.loads(decoded(header)) == {"alg": "HS256"}
    assert json.loads(decoded(payload)) == {"sub": "guard"}
    assert decoded(signature) == hmac.digest(key, f"{header}.{payload}".encode(), hashlib.sha256)


def test_a_lost_signing_key_makes_new_tokens(tmp_path: Path) -> None:
    mine = settings(tmp_path / "home")
    place = home.prepare(mine)
    before = access.pulsar_token(mine, access.PULSAR_ADMIN)
    place.pulsar_key.unlink()
    home.prepare(mine)
    after = access.pulsar_token(mine, access.PULSAR_ADMIN)
    assert after == home.token(place.pulsar_key.read_bytes(), access.PULSAR_ADMIN) != before


def test_writing_replaces_as_a_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "secret"
    home.write_atomically(file, "old")

    def fail(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(home.os, "fsync", fail)
    with pytest.raises(OSError, match="No space"):
        home.write_atomically(file, "new")
    assert file.read_text() == "old"
    assert list(tmp_path.iterdir()) == [file]
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES])
def test_what_a_disk_answers_becomes_an_error_with_a_remedy(tmp_path: Path, number: int) -> None:
    with pytest.raises(CandlewickError) as caught, home.disk_errors(tmp_path):
        raise OSError(number, "said so", str(tmp_path / "file"))
    assert "said so" in caught.value.problem
    assert caught.value.remedy


def test_other_errors_of_the_system_pass_unchanged(tmp_path: Path) -> None:
    with pytest.raises(ConnectionError), home.disk_errors(tmp_path):
        raise ConnectionError("no disk")


def test_too_little_room_is_an_error_that_names_the_folder(tmp_path: Path) -> None:
    with pytest.raises(CandlewickError, match=str(tmp_path)):
        home.check_room(tmp_path, 1 << 60, "to test")


def test_a_file_in_the_homes_place_is_named(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file")
    with pytest.raises(CandlewickError, match="home"):
        home.prepare(settings(tmp_path / "home"))


def _hold(
    root: Path, held: "multiprocessing.synchronize.Event", done: "multiprocessing.synchronize.Event"
) -> None:
    with home.exclusive(home.Home(root), "start"):
        held.set()
        done.wait(30)


def test_one_command_at_a_time_starts_or_stops_a_home(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    held, done = context.Event(), context.Event()
    other = context.Process(target=_hold, args=(tmp_path, held, done))
    other.start()
    try:
        assert held.wait(30)
        with (
            pytest.raises(CandlewickError, match="another command"),
            home.exclusive(home.Home(tmp_path), "stop"),
        ):
            pytest.fail("two commands at a time")
    finally:
        done.set()
        other.join(30)
    with home.exclusive(home.Home(tmp_path), "stop"), home.exclusive(home.Home(tmp_path), "stop"):
        assert other.exitcode == 0
