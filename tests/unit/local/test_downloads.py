"""Downloads: checked, whole or not there, begun again after whatever interrupted them."""

import hashlib
import http.server
import io
import os
import tarfile
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import ClassVar

import pytest
import requests
import stamina
from jgo.maven import MavenContext

from candlewick.errors import CandlewickError
from candlewick.local import downloads
from candlewick.local.downloads import Artifact, Progress, no_progress

CONTENT = b"what the repository holds" * 1000


@pytest.fixture(autouse=True)
def _no_waiting() -> Iterator[None]:
    with stamina.set_testing(True, attempts=3):
        yield


def artifact(content: bytes = CONTENT, name: str = "thing", packaging: str = "jar") -> Artifact:
    return Artifact("org.example", name, "1.0", packaging, hashlib.sha256(content).hexdigest())


class Repository:
    """A repository of the test's own; counts how often it is asked."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files = files
        self.asked: list[str] = []
        self.failures = 0

    def resolve(self, wanted: Artifact, folder: Path, progress: Progress) -> Path:
        self.asked.append(wanted.file_name)
        file = folder / wanted.file_name
        content = self.files[wanted.file_name]
        with progress(wanted.file_name, len(content)) as update:
            if self.failures:
                self.failures -= 1
                file.write_bytes(content[:100])
                raise requests.ConnectionError("the line broke")
            file.write_bytes(content)
            update(len(content))
        return file


def test_a_download_is_kept_and_not_repeated(tmp_path: Path) -> None:
    repository = Repository({"thing-1.0.jar": CONTENT})
    for _ in range(2):
        file = downloads.fetch(artifact(), tmp_path, no_progress, repository.resolve)
        assert file.read_bytes() == CONTENT
    assert repository.asked == ["thing-1.0.jar"]


def test_wrong_bytes_are_refused_and_nothing_of_them_stays(tmp_path: Path) -> None:
    repository = Repository({"thing-1.0.jar": b"something else"})
    with pytest.raises(CandlewickError, match="SHA-256"):
        downloads.fetch(artifact(), tmp_path, no_progress, repository.resolve)
    assert list(tmp_path.iterdir()) == []


def test_a_broken_line_is_tried_again_from_a_clean_start(tmp_path: Path) -> None:
    repository = Repository({"thing-1.0.jar": CONTENT})
    repository.failures = 2
    assert downloads.fetch(artifact(), tmp_path, no_progress, repository.resolve).read_bytes() == CONTENT
    assert len(repository.asked) == 3


def test_a_line_that_stays_broken_is_reported(tmp_path: Path) -> None:
    repository = Repository({"thing-1.0.jar": CONTENT})
    repository.failures = 99
    with pytest.raises(CandlewickError, match="could not be downloaded"):
        downloads.fetch(artifact(), tmp_path, no_progress, repository.resolve)
    assert list(tmp_path.iterdir()) == []


def test_a_half_file_under_the_final_name_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "thing-1.0.jar").write_bytes(CONTENT[:50])
    repository = Repository({"thing-1.0.jar": CONTENT})
    assert downloads.fetch(artifact(), tmp_path, no_progress, repository.resolve).read_bytes() == CONTENT


class Handler(http.server.BaseHTTPRequestHandler):
    """Breaks off in the middle of the first answers."""

    breaks: ClassVar[int] = 1

    def do_GET(self) -> None:
        if not self.path.endswith("/thing-1.0.jar"):
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(CONTENT)))
        self.end_headers()
        if Handler.breaks:
            Handler.breaks -= 1
            self.wfile.write(CONTENT[:1000])
        else:
            self.wfile.write(CONTENT)

    def log_message(self, *_arguments: object) -> None:
        return


def test_a_download_that_breaks_off_over_http_is_whole_in_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Handler.breaks = 1
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        repositories = {"test": f"http://127.0.0.1:{server.server_port}"}
        monkeypatch.setattr(downloads, "MavenContext", partial(MavenContext, remote_repos=repositories))
        file = downloads.fetch(artifact(), tmp_path, no_progress)
        server.shutdown()
    assert file.read_bytes() == CONTENT
    assert Handler.breaks == 0


def tarball() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name in ("bin/pulsar", "conf/standalone.conf", "conf/functions_worker.yml"):
            info = tarfile.TarInfo(f"apache-pulsar/{name}")
            info.size = 4
            info.uid = info.gid = 12345
            tar.addfile(info, io.BytesIO(b"text"))
    return buffer.getvalue()


@pytest.fixture
def small_pulsar(monkeypatch: pytest.MonkeyPatch) -> Repository:
    archive, sink = tarball(), b"a connector"
    monkeypatch.setattr(downloads, "PULSAR", artifact(archive, "pulsar", "tar.gz"))
    monkeypatch.setattr(downloads, "JDBC_SINK", artifact(sink, "pulsar-io-jdbc-postgres"))
    monkeypatch.setattr(downloads, "ROOM_TO_UNPACK", 0)
    repository = Repository({"pulsar-1.0.tar.gz": archive, "pulsar-io-jdbc-postgres-1.0.jar": sink})
    monkeypatch.setattr(downloads, "_resolve", repository.resolve)
    return repository


def test_pulsar_is_unpacked_with_its_sink_in_place(tmp_path: Path, small_pulsar: Repository) -> None:
    folder = downloads.ensure_pulsar(tmp_path)
    assert all((folder / file).exists() for file in downloads.EXPECTED_FILES)
    assert {(folder / file).stat().st_uid for file in downloads.EXPECTED_FILES} == {os.getuid()}
    assert downloads.ensure_pulsar(tmp_path) == folder
    assert len(small_pulsar.asked) == 2


def test_what_a_killed_start_left_is_cleared_and_begun_again(
    tmp_path: Path, small_pulsar: Repository
) -> None:
    for name in (".unpack-dead", ".download-dead"):
        (tmp_path / name / "half").mkdir(parents=True)
    (tmp_path / "pulsar-1.0.tar.gz").write_bytes(b"half")
    folder = downloads.ensure_pulsar(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [folder.name, "downloads.lock"]
    assert len(small_pulsar.asked) == 2


def test_an_unpacking_that_fails_leaves_nothing_in_place(
    tmp_path: Path, small_pulsar: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_arguments: object, **_options: object) -> None:
        raise OSError(28, "No space left on device", "somewhere")

    monkeypatch.setattr(downloads.shutil, "copyfile", full)
    with pytest.raises(CandlewickError, match="No space left on device"):
        downloads.ensure_pulsar(tmp_path)
    assert not downloads.pulsar_folder(tmp_path).exists()
    monkeypatch.undo()
    del small_pulsar


def test_too_little_room_is_said_before_anything_is_downloaded(
    tmp_path: Path, small_pulsar: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(downloads, "ROOM_TO_UNPACK", 1 << 60)
    with pytest.raises(CandlewickError, match="MiB free"):
        downloads.ensure_pulsar(tmp_path)
    assert small_pulsar.asked == []
