"""The bookie's journal: what a kill has cut short goes, all else stays."""

import struct
import subprocess
import sys
import zlib
from pathlib import Path

import google_crc32c
import pytest
from hypothesis import given
from hypothesis import strategies as st

from candlewick.local import journal
from candlewick.local.journal import ALIGNED, HEADER, PADDING, CutShort

PREALLOCATED = 4096


def entry(ledger: int, number: int, payload: bytes, *, digest: str = "crc32c") -> bytes:
    head = struct.pack(">qqqq", ledger, number, number - 1, len(payload))
    if digest == "crc32":
        return head + zlib.crc32(head + payload).to_bytes(8, "big") + payload
    return head + google_crc32c.value(head + payload).to_bytes(4, "big") + payload


def note(ledger: int) -> bytes:
    """What the bookie notes of a ledger: its key."""
    return struct.pack(">qqi", ledger, -0x1000, 20) + bytes(20)


def record(of: bytes) -> bytes:
    return struct.pack(">i", len(of)) + of


def padded(records: bytes) -> bytes:
    """Records as one write of the bookie: with padding up to the next border, unless they end on one."""
    over = (HEADER + len(records)) % ALIGNED
    if not over:
        return records
    count = ALIGNED - over
    count = count + ALIGNED - 8 if count < 8 else count - 8
    return records + struct.pack(">ii", PADDING, count) + bytes(count)


def file_of(*records: bytes, version: int = 6) -> bytes:
    head = (b"BKLG" + struct.pack(">i", version)).ljust(HEADER, b"\0")
    return head + b"".join(records) + bytes(PREALLOCATED)


def cut(of: bytes, at: int) -> bytes:
    """What a kill leaves of a record: the rest is zeros."""
    return of[:at].ljust(len(of), b"\0")


@pytest.fixture
def pulsar(tmp_path: Path) -> Path:
    (tmp_path / "bookkeeper" / "current").mkdir(parents=True)
    (tmp_path / "metadata").mkdir()
    (tmp_path / "metadata" / "LOCK").touch()
    return tmp_path


def write_file(pulsar: Path, content: bytes, name: str = "1a2193e51ce") -> Path:
    file = pulsar / "bookkeeper" / "current" / f"{name}.txn"
    file.write_bytes(content)
    return file


ENTRIES = st.builds(
    entry,
    st.integers(0, 2**62),
    st.integers(0, 2**62),
    st.binary(max_size=300),
    digest=st.sampled_from(["crc32c", "crc32"]),
)
WRITES = st.lists(
    st.lists(
        st.one_of(ENTRIES.map(record), st.integers(0, 2**62).map(note).map(record)), min_size=1, max_size=4
    )
    .map(b"".join)
    .map(padded),
    max_size=5,
).map(b"".join)
"""Writes that were completed; each begins on a border."""


@given(WRITES, st.lists(ENTRIES.map(record), max_size=3).map(b"".join), st.sampled_from([5, 6]))
def test_nothing_is_found_where_all_is_whole(writes: bytes, written: bytes, version: int) -> None:
    assert journal.find(file_of(writes, version=version)) is None
    assert journal.find(file_of(writes, written, version=version)) is None


@given(WRITES, st.integers(0, 2**62), st.integers(0, 2**62), st.binary(min_size=1, max_size=900), st.data())
def test_the_record_that_was_cut_short_is_found(
    before: bytes, ledger: int, number: int, payload: bytes, data: st.DataObject
) -> None:
    # The last byte is not a zero: what is missing would not be seen, and would not be missing.
    last = record(entry(ledger, number, payload + b"\1"))
    at = data.draw(st.integers(4 + 32, len(last) - 1))
    offset = HEADER + len(before)
    expected = CutShort(offset, offset + len(last), ledger, number)
    assert journal.find(file_of(before, cut(last, at))) == expected


@given(WRITES, st.sampled_from([note(5), entry(5, 5, b"x" * 40)]).map(record), st.data())
def test_whatever_was_cut_short_the_bookie_reads_on_after_it_is_gone(
    before: bytes, last: bytes, data: st.DataObject
) -> None:
    at = data.draw(st.integers(1, len(last) - 1))
    content = file_of(before, cut(last, at))
    found = journal.find(content)
    if found is not None:
        assert found.offset == HEADER + len(before)
        content = content[: found.offset] + bytes(found.end - found.offset) + content[found.end :]
        assert journal.find(content) is None
        assert content[HEADER + len(before) :].strip(b"\0") == content[found.end :].strip(b"\0")


def test_what_has_padding_behind_it_was_acknowledged_and_stays() -> None:
    rotten = bytearray(record(entry(7, 3, b"hour" * 50)))
    rotten[60] ^= 1
    assert journal.find(file_of(bytes(rotten))) is not None
    assert journal.find(file_of(padded(bytes(rotten)))) is None


def test_a_length_that_was_cut_short_is_found() -> None:
    write = padded(record(entry(7, 1, b"hour")))
    found = journal.find(file_of(write, cut(struct.pack(">i", PADDING), 2)))
    assert found == CutShort(HEADER + len(write), HEADER + len(write) + 4)


def test_it_is_taken_out_and_all_before_it_stays(pulsar: Path) -> None:
    write = padded(b"".join(record(entry(7, number, b"hour" * 50)) for number in range(3)))
    last = record(entry(7, 3, b"hour" * 50))
    file = write_file(pulsar, file_of(write, cut(last, 60)))

    found = journal.mend(pulsar)
    assert found is not None
    assert (found.ledger, found.entry) == (7, 3)
    assert "entry 3 of ledger 7" in str(found)
    assert file.read_bytes() == file_of(write, bytes(len(last)))
    assert journal.mend(pulsar) is None


def test_only_the_newest_journal_is_looked_at_from_where_the_bookie_will_read_it(pulsar: Path) -> None:
    torn = cut(record(entry(1, 1, b"x" * 100)), 60)
    older = write_file(pulsar, file_of(torn), "fff")
    before = older.read_bytes()
    # What lies before the mark makes no sense from the beginning.
    newest = write_file(pulsar, file_of(b"\x7f" * 512, torn), "1000")
    (newest.parent / "lastMark").write_bytes(struct.pack(">qq", 0x1000, HEADER + 512))

    found = journal.mend(pulsar)
    assert found is not None
    assert found.offset == HEADER + 512
    assert older.read_bytes() == before


def test_a_journal_that_ends_within_a_record_is_left_to_the_bookie() -> None:
    content = file_of(record(entry(1, 1, b"x" * 100)))[: HEADER + 60]
    assert journal.find(content) is None


def test_a_folder_without_a_journal_has_nothing_to_mend(pulsar: Path, tmp_path: Path) -> None:
    assert journal.mend(pulsar) is None
    assert journal.mend(tmp_path / "none") is None


def test_the_journal_of_a_broker_that_runs_is_left_alone(pulsar: Path) -> None:
    file = write_file(pulsar, file_of(cut(record(entry(1, 1, b"x" * 100)), 60)))
    before = file.read_bytes()
    holding = (
        "import fcntl, sys; file = open(sys.argv[1], 'r+b'); fcntl.lockf(file, fcntl.LOCK_EX); "
        "print(flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", holding, pulsar / "metadata" / "LOCK"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as broker:
        assert broker.stdout is not None
        broker.stdout.readline()
        with pytest.raises(BlockingIOError):
            journal.mend(pulsar)
        broker.communicate()
    assert file.read_bytes() == before
    assert journal.mend(pulsar) is not None


def test_a_file_of_another_kind_is_left_alone() -> None:
    torn = cut(record(entry(1, 1, b"x" * 100)), 60)
    assert journal.find(file_of(torn, version=4)) is None
    assert journal.find(b"\0" * 2000) is None
