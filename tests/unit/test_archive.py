from datetime import date
from pathlib import Path

import pytest

from candlewick.archive import Archive, ArchiveDamagedError, ArchivedDay, ArchivedHour
from candlewick.errors import CandlewickError
from candlewick.hours import HourState
from candlewick.instruments import AssetClass, Kind, Series
from candlewick.times import HOUR_US, day_us

SERIES = Series("dukascopy", "eurusd", Kind.QUOTES, AssetClass.FOREX, 5, 6, "forex")
DAY = date(2019, 2, 4)


def write(archive: Archive, day: date = DAY, body: bytes = b"vendor bytes") -> ArchivedDay:
    hour_us = day_us(day)
    entry = archive.write_object(
        SERIES, day, "00h_ticks.bi5", body, transport="bi5-hour", received_us=17, hours=[hour_us]
    )
    hour = ArchivedHour(hour_us, HourState.DATA, "", 17, "bi5-hour", (entry.name,), "00ff", 3)
    archived = ArchivedDay(SERIES.name, day, 5, 6, {hour_us: hour}, {entry.name: entry})
    archive.write_day(SERIES, archived)
    return archived


def only(folder: Path, pattern: str) -> Path:
    (found,) = folder.rglob(pattern)
    return found


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(str(tmp_path / "a folder" / "archive"))


def test_what_was_written_is_read(archive: Archive) -> None:
    archived = write(archive)
    assert archive.read_day(SERIES, DAY) == archived
    (entry,) = archived.objects.values()
    assert archive.read_object(SERIES, DAY, entry) == b"vendor bytes"
    assert archive.read_day(SERIES, date(2019, 2, 5)) is None


def test_layout(archive: Archive, tmp_path: Path) -> None:
    write(archive)
    assert (
        only(tmp_path, "manifest.json").parent
        == tmp_path / "a folder/archive/dukascopy/eurusd/quotes/2019/02/04"
    )
    assert only(tmp_path, "*-00h_ticks.bi5").read_bytes() == b"vendor bytes"


def test_new_bytes_leave_the_old_ones(archive: Archive, tmp_path: Path) -> None:
    write(archive)
    write(archive, body=b"corrected")
    write(archive, body=b"corrected")
    assert sorted(file.read_bytes() for file in tmp_path.rglob("*.bi5")) == [b"corrected", b"vendor bytes"]


def test_days_in_order(archive: Archive) -> None:
    days = [date(2019, 12, 31), date(2019, 2, 4), date(2020, 1, 1)]
    for day in days:
        write(archive, day)
    assert list(archive.days(SERIES)) == sorted(days)


def test_damage_is_named(archive: Archive, tmp_path: Path) -> None:
    (entry,) = write(archive).objects.values()
    file = only(tmp_path, "*.bi5")
    file.write_bytes(b"vendor bytez")
    with pytest.raises(ArchiveDamagedError, match=entry.name):
        archive.read_object(SERIES, DAY, entry)
    file.unlink()
    with pytest.raises(ArchiveDamagedError, match="is missing"):
        archive.read_object(SERIES, DAY, entry)


@pytest.mark.parametrize("content", ["", "{", "{}", "[]", '{"format": 99}', "null"])
def test_a_broken_manifest_is_named(archive: Archive, tmp_path: Path, content: str) -> None:
    write(archive)
    only(tmp_path, "manifest.json").write_text(content)
    with pytest.raises(ArchiveDamagedError, match="manifest"):
        archive.read_day(SERIES, DAY)


def test_a_manifest_of_another_day_is_refused(archive: Archive, tmp_path: Path) -> None:
    write(archive)
    write(archive, date(2019, 2, 5))
    first, second = sorted(tmp_path.rglob("manifest.json"))
    second.write_bytes(first.read_bytes())
    with pytest.raises(ArchiveDamagedError, match="is about"):
        archive.read_day(SERIES, date(2019, 2, 5))


def test_demo_and_real_do_not_mix(archive: Archive) -> None:
    archive.stamp("demo")
    archive.stamp("demo")
    with pytest.raises(CandlewickError, match="holds demo data"):
        archive.stamp("real")


def test_hours_are_integers_in_the_manifest(archive: Archive) -> None:
    archived = archive.read_day(SERIES, write(archive).day)
    assert archived is not None
    assert list(archived.hours) == [day_us(DAY)]
    assert day_us(DAY) % HOUR_US == 0


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(CandlewickError, match="archive"):
        write(Archive(str(tmp_path / "file" / "archive")))
