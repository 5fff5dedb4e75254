"""The bookie's journal after a kill: what was cut short is taken out before the bookie reads it.

A kill interrupts a write between two pages. The file is allocated ahead, so that what is missing of its last
record reads as zeros, and the bookie takes the record for whole: it becomes the last entry of its ledger,
fails its checksum, and the topic cannot be opened ever again. Nothing that anybody relies on is lost without
it: the bookie ends each write with padding up to a multiple of 512 bytes, and acknowledges what is before
that once it is on disk (`journalSyncData`). So only a last record without padding behind it is looked at.

The format is BookKeeper's (`Journal`, `JournalChannel` and `DigestManager` of 4.17, in Pulsar 4.0): 512 bytes
that begin with `BKLG` and the version; then records, each a length of four bytes and an entry. A length of
-256 is padding, of 0 the end. An entry is ledger, number, last confirmed and total length, eight bytes each,
then checksum and payload; one with a negative number is a note of the bookie's, without a checksum. All
numbers are big-endian.
"""

import fcntl
import mmap
import os
import struct
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import google_crc32c

HEADER = 512
PADDING = -0x100
ALIGNED = 512
_MAGIC = b"BKLG"
_VERSIONS = (5, 6)
_LENGTH = struct.Struct(">i")
_NUMBERS = struct.Struct(">qq")
_HEAD = struct.Struct(">qqqq")
_MARK = struct.Struct(">qq")


@dataclass(frozen=True, slots=True)
class CutShort:
    """What is not whole: where it begins, how far it would reach, ledger and entry where they are known."""

    offset: int
    end: int
    ledger: int | None = None
    entry: int | None = None

    def __str__(self) -> str:
        name = "what" if self.entry is None else f"entry {self.entry} of ledger {self.ledger}"
        return f"{name} was cut short by a kill, before anybody was told that it is stored"


def find(journal: bytes | mmap.mmap, start: int = HEADER) -> CutShort | None:
    """What was cut short at the end of a journal, if anything was.

    Args:
        start: where a record begins.
    """
    if journal[:4] != _MAGIC or _LENGTH.unpack_from(journal, 4)[0] not in _VERSIONS:
        return None
    at, last, size = start, None, len(journal)
    while at + _LENGTH.size <= size:
        (length,) = _LENGTH.unpack_from(journal, at)
        if length == 0:
            break
        last = at
        if length == PADDING and at + 2 * _LENGTH.size <= size:
            last = None
            at += _LENGTH.size
            length = max(_LENGTH.unpack_from(journal, at)[0], 0)
        elif length < 0:
            # The length itself was cut short: the bookie would not start.
            return CutShort(at, at + _LENGTH.size)
        at += _LENGTH.size + length
    if last is None or at > size:
        # A record that the file ends in is not read by the bookie either.
        return None
    return _cut_short(last, journal[last + _LENGTH.size : at])


def mend(pulsar: Path) -> CutShort | None:
    """Takes what was cut short out of the newest journal of a broker that does not run.

    Args:
        pulsar: the broker's folder.

    Returns:
        What was taken out.

    Raises:
        BlockingIOError: a broker runs on it.
    """
    with _kept_from_running(pulsar / "metadata" / "LOCK"):
        current = pulsar / "bookkeeper" / "current"
        newest = max(current.glob("*.txn"), key=_number, default=None)
        if newest is None or newest.stat().st_size < HEADER:
            return None
        with newest.open("r+b") as file, mmap.mmap(file.fileno(), 0) as journal:
            found = find(journal, _first_unread(current / "lastMark", newest))
            if found is not None:
                # All of it: at the next start the bookie may begin to read behind its first bytes.
                journal[found.offset : found.end] = bytes(found.end - found.offset)
                journal.flush()
                os.fsync(file.fileno())
            return found


def _cut_short(offset: int, record: bytes) -> CutShort | None:
    """Whether the last record, which has no padding behind it, is not whole."""
    end = offset + _LENGTH.size + len(record)
    if len(record) < _NUMBERS.size:
        return CutShort(offset, end)
    ledger, entry = _NUMBERS.unpack_from(record)
    # A write that happens to end on the border has no padding: of a note nothing else tells that it is whole.
    is_whole = end % ALIGNED == 0 if entry < 0 else _has_its_checksum(record)
    return None if is_whole else CutShort(offset, end, ledger, entry)


def _has_its_checksum(record: bytes) -> bool:
    head, rest = record[: _HEAD.size], record[_HEAD.size :]
    # Ledgers of topics have the first; what else keeps ledgers in the bookie may have the second.
    if rest[:4] == google_crc32c.extend(google_crc32c.value(head), rest[4:]).to_bytes(4, "big"):
        return True
    return rest[:8] == zlib.crc32(rest[8:], zlib.crc32(head)).to_bytes(8, "big")


def _number(journal: Path) -> int:
    return int(journal.stem, 16)


def _first_unread(mark: Path, journal: Path) -> int:
    """From where on the bookie will read a journal: what lies before is in the ledgers already."""
    try:
        number, offset = _MARK.unpack(mark.read_bytes())
    except (FileNotFoundError, struct.error):
        return HEADER
    return max(int(offset), HEADER) if number == _number(journal) else HEADER


@contextmanager
def _kept_from_running(lock: Path) -> Iterator[None]:
    """Inside the block no broker can open its metadata."""
    try:
        file = lock.open("r+b")
    except FileNotFoundError:
        yield
        return
    with file:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield


def main() -> None:
    try:
        found = mend(Path(sys.argv[1]))
    except BlockingIOError:
        sys.exit("the journal is left as it is: a broker runs on it")
    if found is not None:
        sys.stderr.write(f"{found}: it is taken out of the journal\n")


if __name__ == "__main__":
    main()
