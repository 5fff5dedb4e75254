"""Health records: as a file of the home, and as bytes."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from candlewick import health
from candlewick.health import Condition, Health

RECORDS = st.builds(
    Health,
    worker=st.from_regex(r"[a-z]{1,9}", fullmatch=True),
    at_us=st.integers(0, 2**62),
    condition=st.sampled_from(list(Condition)),
    summary=st.text(),
    facts=st.dictionaries(st.text(), st.text()),
)


@given(RECORDS)
def test_a_record_comes_back_as_it_was_encoded(record: Health) -> None:
    assert Health.decode(record.encode()) == record


def test_the_last_record_of_each_worker_is_read_back(tmp_path: Path) -> None:
    assert health.read_all(tmp_path) == []
    old = Health("guard", 1, Condition.WAITING, "old")
    new, other = Health("guard", 2, Condition.OK, "new"), Health("recorder", 1, Condition.OK, "well")
    for record in (old, other, new):
        health.write(tmp_path, record)
    assert health.read_all(tmp_path) == [new, other]
    assert sorted(file.name for file in health.folder(tmp_path).iterdir()) == ["guard.json", "recorder.json"]


@pytest.mark.parametrize("content", [b"", b"{}", b"[1]", b'{"worker": "x", "condition": "splendid"}'])
def test_a_file_that_is_no_record_is_left_out(tmp_path: Path, content: bytes) -> None:
    health.write(tmp_path, Health("guard", 1, Condition.OK, "well"))
    (health.folder(tmp_path) / "junk.json").write_bytes(content)
    assert [record.worker for record in health.read_all(tmp_path)] == ["guard"]


def test_the_schema_names_every_field() -> None:
    assert {field["name"] for field in health.DEFINITION["fields"]} == set(Health.__slots__)
