"""The bookie's journal: what a kill has cut short goes, all else stays."""

import struct
import zlib
from pathlib import Path

import google_crc32c
import pytest
from hypothesis import given
from hypothesis import strategies as st

from candlewick.local import journal
from candlewick.local.journal import HEADER, PADDING, CutShort

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


def padding(count: int) -> bytes:
    return struct.pack(">ii", PADDING, count) + bytes(count)


def file_of(*records: bytes, version: int = 6) -> bytes:
    head = (b"BKLG" + struct.pack(">i", version)).ljust(HEADER, b"\0")
    return head + b"".join(records) + bytes(PREALLOCATED)


@pytest.fixture
def pulsar(tmp_path: Path) -> Path:
    (tmp_path / "bookkeeper" / "current").mkdir(parents=True)
    (tmp_path / "metadata").mkdir()
    (tmp_path / "metadata" / "LOCK").touch()
    return tmp_path


def write(pulsar: Path, content: bytes, name: str = "1a2193e51ce") -> Path:
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
WHOLE = st.lists(
    st.one_of(
        ENTRIES.map(record),
        st.integers(0, 2**62).map(note).map(record),
        st.integers(0, 600).map(padding),
    ),
    max_size=12,
).map(b"".join)


@given(WHOLE, st.sampled_from([5, 6]))
def test_nothing_is_found_in_a_journal_that_is_whole(records: bytes, version: int) -> None:
    assert journal.find(file_of(records, version=version)) is None


@given(WHOLE, st.integers(0, 2**62), st.integers(0, 2**62), st.binary(min_size=1, max_size=900), st.data())
def test_the_record_that_was_cut_short_is_found(
    before: bytes, ledger: int, number: int, payload: bytes, data: st.DataObject
) -> None:
    # The last byte is not a zero: what is missing would not be seen, and would not be missing.
    last = record(entry(ledger, number, payload + b"\1"))
    cut = data.draw(st.integers(4 + 32, len(last) - 1))
    content = file_of(before, last[:cut].ljust(len(last), b"\0"))
    assert journal.find(content) == CutShort(HEADER + len(before), len(last) - 4, ledger, number)


def test_it_is_taken_out_and_all_before_it_stays(pulsar: Path) -> None:
    whole = [record(entry(7, number, b"hour" * 50)) for number in range(3)]
    last = record(entry(7, 3, b"hour" * 50))
    file = write(pulsar, file_of(*whole, padding(100), last[:60].ljust(len(last), b"\0")))

    found = journal.mend(pulsar)
    assert found is not None
    assert (found.ledger, found.entry) == (7, 3)
    left = file.read_bytes()
    kept = HEADER + sum(map(len, whole)) + 8 + 100
    assert left[:kept] == file_of(*whole, padding(100))[:kept]
    assert left[kept : kept + 4] == bytes(4)
    assert journal.mend(pulsar) is None


def test_only_the_newest_journal_is_looked_at_from_where_the_bookie_will_read_it(pulsar: Path) -> None:
    torn = record(entry(1, 1, b"x" * 100))[:60].ljust(140, b"\0")
    older = write(pulsar, file_of(torn), "fff")
    newest = write(pulsar, file_of(record(entry(1, 2, b"y")), torn), "1000")
    before = older.read_bytes()
    first = HEADER + len(record(entry(1, 2, b"y")))
    # A mark that lies within the newest: what is before it would make no sense from there.
    (newest.parent / "lastMark").write_bytes(struct.pack(">qq", 0x1000, first))

    found = journal.mend(pulsar)
    assert found is not None
    assert found.offset == first
    assert older.read_bytes() == before


def test_a_journal_that_ends_within_a_record_is_left_to_the_bookie() -> None:
    content = file_of(record(entry(1, 1, b"x" * 100)))[: HEADER + 60]
    assert journal.find(content) is None


def test_a_broker_that_runs_and_a_folder_without_a_journal_are_left_alone(
    pulsar: Path, tmp_path: Path
) -> None:
    assert journal.mend(pulsar) is None
    assert journal.mend(tmp_path / "none") is None
    assert journal.mend(pulsar) is None


def test_a_file_of_another_kind_is_left_alone() -> None:
    torn = record(entry(1, 1, b"x" * 100))[:60].ljust(140, b"\0")
    assert journal.find(file_of(torn, version=4)) is None
    assert journal.find(b"\0" * 2000) is None
