"""The bookie's journal after a kill: a record that was cut short is taken out before the bookie reads it.

A kill interrupts a write between two pages. The file is allocated ahead, so that what is missing of its last
record reads as zeros, and the bookie takes the record for whole: it becomes the last entry of its ledger,
fails its checksum, and the topic cannot be opened ever again. An entry is acknowledged only once the journal
has all of it on disk (`journalSyncData`), so nothing that anybody relies on is lost without the record.

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
from dataclasses import dataclass
from pathlib import Path

import google_crc32c

HEADER = 512
PADDING = -0x100
_MAGIC = b"BKLG"
_VERSIONS = (5, 6)
_LENGTH = struct.Struct(">i")
_ENTRY = struct.Struct(">qqqq")
_MARK = struct.Struct(">qq")


@dataclass(frozen=True, slots=True)
class CutShort:
    """A record that is not whole: where it begins, and the entry that it was to be."""

    offset: int
    length: int
    ledger: int
    entry: int


def find(journal: bytes | mmap.mmap, start: int = HEADER) -> CutShort | None:
    """The last record of a journal, if it was cut short.

    Args:
        start: where a record begins.
    """
    if journal[:4] != _MAGIC or _LENGTH.unpack_from(journal, 4)[0] not in _VERSIONS:
        return None
    at, last, size = start, None, len(journal)
    while at + _LENGTH.size <= size:
        (length,) = _LENGTH.unpack_from(journal, at)
        if length == PADDING and at + 2 * _LENGTH.size <= size:
            at += 2 * _LENGTH.size + max(_LENGTH.unpack_from(journal, at + _LENGTH.size)[0], 0)
            continue
        if length <= 0:
            break
        last = at, length
        at += _LENGTH.size + length
    if last is None:
        return None
    offset, length = last
    begin = offset + _LENGTH.size
    record = journal[begin : begin + length]
    if len(record) < max(length, _ENTRY.size):
        # The bookie itself stops where the file does.
        return None
    ledger, entry, *_ = _ENTRY.unpack_from(record)
    return None if entry < 0 or _is_whole(record) else CutShort(offset, length, ledger, entry)


def mend(pulsar: Path) -> CutShort | None:
    """Takes a record that was cut short out of the newest journal of a broker that does not run.

    Args:
        pulsar: the broker's folder.

    Returns:
        What was taken out.
    """
    if _is_running(pulsar / "metadata" / "LOCK"):
        return None
    current = pulsar / "bookkeeper" / "current"
    newest = max(current.glob("*.txn"), key=_number, default=None)
    if newest is None or newest.stat().st_size < HEADER:
        return None
    with newest.open("r+b") as file, mmap.mmap(file.fileno(), 0) as journal:
        found = find(journal, _first_unread(current / "lastMark", newest))
        if found is not None:
            journal[found.offset : found.offset + _LENGTH.size] = bytes(_LENGTH.size)
            journal.flush()
            os.fsync(file.fileno())
        return found


def _is_whole(record: bytes) -> bool:
    head, rest = record[: _ENTRY.size], record[_ENTRY.size :]
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


def _is_running(lock: Path) -> bool:
    """Whether a broker has its metadata open."""
    try:
        with lock.open("r+b") as file:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except OSError:
        return True
    return False


def main() -> None:
    found = mend(Path(sys.argv[1]))
    if found is not None:
        sys.stderr.write(
            f"entry {found.entry} of ledger {found.ledger} was cut short by a kill, before anybody was told "
            "that it is stored: it is taken out of the journal\n"
        )


if __name__ == "__main__":
    main()
