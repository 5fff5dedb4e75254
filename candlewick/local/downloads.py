"""What is downloaded: Apache Pulsar and its JDBC sink, pinned by SHA-256, kept in the user's cache folder.

A file is downloaded beside its place, checked, and only then moved there; the same holds for unpacking.
So whatever was interrupted is simply begun again, and what is in its place is whole.
"""

import contextlib
import hashlib
import os
import shutil
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import filelock
import platformdirs
import requests
from jgo.maven import MavenContext, PythonResolver

from candlewick.errors import CandlewickError
from candlewick.local import home
from candlewick.retries import retry_context

PULSAR_VERSION = "4.0.8"
ROOM_TO_UNPACK = 900 * home.MEBIBYTE
DOWNLOAD_ATTEMPTS = 5

Progress = Callable[[str, int], AbstractContextManager[Callable[[int], None]]]
"""Called with a file's name and its bytes; the context's function is told of each piece that came."""

Resolve = Callable[["Artifact", Path, Progress], Path]
"""Gets an artifact into a folder and says where it lies there."""


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file of the Maven repository, pinned by the SHA-256 of its bytes."""

    group: str
    name: str
    version: str
    packaging: str
    sha256: str
    classifier: str = ""

    @property
    def file_name(self) -> str:
        classifier = f"-{self.classifier}" if self.classifier else ""
        return f"{self.name}-{self.version}{classifier}.{self.packaging}"


PULSAR = Artifact(
    "org.apache.pulsar",
    "pulsar-server-distribution",
    PULSAR_VERSION,
    "tar.gz",
    "35c7d064c9e0928edbf2e708989faba0379662f98aa84ce0d4190c59efb6765e",
    classifier="bin",
)
JDBC_SINK = Artifact(
    "org.apache.pulsar",
    "pulsar-io-jdbc-postgres",
    PULSAR_VERSION,
    "jar",
    "de6da4226fdcce1340c06f07c98173e43ebf9a6c25d7ce042f17a372dd982de2",
)

EXPECTED_FILES = (
    "bin/pulsar",
    "conf/standalone.conf",
    "conf/functions_worker.yml",
    f"connectors/{JDBC_SINK.name}-{JDBC_SINK.version}.nar",
)


def cache_folder() -> Path:
    return platformdirs.user_cache_path("candlewick")


def pulsar_folder(cache: Path) -> Path:
    """Where Pulsar lies once `ensure_pulsar` has been through."""
    return cache / f"apache-pulsar-{PULSAR_VERSION}"


@contextlib.contextmanager
def no_progress(_name: str, _total: int) -> Iterator[Callable[[int], None]]:
    yield lambda _count: None


def ensure_pulsar(cache: Path, progress: Progress = no_progress) -> Path:
    """Pulsar with its JDBC sink, ready to run; downloads and unpacks what is missing.

    Raises:
        CandlewickError: no network, a checksum that differs, a full disk.
    """
    target = pulsar_folder(cache)
    if target.is_dir():
        return target
    with home.disk_errors(cache):
        cache.mkdir(parents=True, exist_ok=True)
        # Two platforms of one user may start at once: the second waits for the first one's download.
        with filelock.FileLock(cache / "downloads.lock"):
            if not target.is_dir():
                _clear_leftovers(cache)
                home.check_room(cache, ROOM_TO_UNPACK, "to download and unpack Apache Pulsar")
                archive = fetch(PULSAR, cache, progress)
                sink = fetch(JDBC_SINK, cache, progress)
                _unpack(archive, sink, target, progress)
                archive.unlink()
                sink.unlink()
    return target


def fetch(artifact: Artifact, folder: Path, progress: Progress, resolve: Resolve | None = None) -> Path:
    """The artifact as a file of `folder`, its SHA-256 checked.

    Raises:
        CandlewickError: it could not be downloaded, or its bytes are not those that were pinned.
    """
    target = folder / artifact.file_name
    if target.exists() and _sha256(target) == artifact.sha256:
        return target
    with tempfile.TemporaryDirectory(dir=folder, prefix=".download-") as temporary:
        got = _download(artifact, Path(temporary), progress, resolve or _resolve)
        found = _sha256(got)
        if found != artifact.sha256:
            raise CandlewickError(
                f"{artifact.file_name} came with SHA-256 {found}, and {artifact.sha256} is expected",
                "try again; if it stays so, something between here and the repository changes the file",
            )
        got.replace(target)
    return target


def _download(artifact: Artifact, folder: Path, progress: Progress, resolve: Resolve) -> Path:
    try:
        for attempt in retry_context(
            on=requests.RequestException, attempts=DOWNLOAD_ATTEMPTS, wait_max=30, timeout=None
        ):
            with attempt:
                # In a folder of its own: a half file of the attempt before would pass for the whole.
                return resolve(artifact, Path(tempfile.mkdtemp(dir=folder)), progress)
    except requests.RequestException as error:
        raise CandlewickError(
            f"{artifact.file_name} could not be downloaded ({type(error).__name__})",
            "check the network, then try again; what has come already is kept",
        ) from error
    except RuntimeError as error:
        raise CandlewickError(
            f"{artifact.file_name} is not to be had: {error}",
            "check the network or its proxy, then try again",
        ) from error
    raise AssertionError("a retry either returns or raises")


def _resolve(artifact: Artifact, folder: Path, progress: Progress) -> Path:
    context = MavenContext(
        resolver=PythonResolver(progress_callback=progress), repo_cache=folder, local_repos=[], timeout=60
    )
    component = context.project(artifact.group, artifact.name).at_version(artifact.version)
    found: Path = component.artifact(classifier=artifact.classifier, packaging=artifact.packaging).resolve()
    return found


def _unpack(archive: Path, sink: Path, target: Path, progress: Progress) -> None:
    temporary = Path(tempfile.mkdtemp(dir=target.parent, prefix=".unpack-"))
    try:
        with tarfile.open(archive) as tar, progress("unpacking", archive.stat().st_size) as update:
            done = 0
            for member in tar:
                # Ours, also when root unpacks it. The extraction filters that would see to it, and to
                # names that lead elsewhere, came with Python 3.11.4; the archive is pinned.
                member.uid, member.gid, member.uname, member.gname = os.getuid(), os.getgid(), "", ""
                tar.extract(member, temporary)
                at = tar.fileobj.tell() if tar.fileobj else done
                update(at - done)
                done = at
        unpacked = next(temporary.iterdir())
        (unpacked / "connectors").mkdir(exist_ok=True)
        # The jar is a NAR under another name; the worker looks for the ending.
        shutil.copyfile(sink, unpacked / EXPECTED_FILES[-1])
        os.sync()
        unpacked.replace(target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _clear_leftovers(cache: Path) -> None:
    """What a killed start left half done."""
    for pattern in (".download-*", ".unpack-*"):
        for folder in cache.glob(pattern):
            shutil.rmtree(folder, ignore_errors=True)


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
