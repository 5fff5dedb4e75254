"""A folder laid out like the venue: files as they lie, the rest made from whole days only."""

import json
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from candlewick.times import DAY_US, HOUR_US, parse_time
from simulators.dukascopy import formats, paths
from simulators.dukascopy.answers import Absent, Content
from simulators.dukascopy.export import export
from simulators.dukascopy.faults import Faults, Rule
from simulators.dukascopy.folder import Folder
from simulators.dukascopy.market import Market
from simulators.dukascopy.paths import (
    CandleFile,
    DayFile,
    HourFile,
    Instruments,
    JsonCandles,
    JsonTicks,
    Resolution,
    Resource,
    Side,
)

DAY = parse_time("2024-03-05")
TEN = DAY + 10 * HOUR_US
NOW = parse_time("2024-04-01")


@pytest.fixture
def venue(tmp_path: Path) -> Path:
    """A small day of EUR/USD."""
    export(tmp_path, "EURUSD", date(2024, 3, 5), date(2024, 3, 6), Market(ticks_a_day=500))
    return tmp_path


def answer(folder: Path, resource: Resource, now_us: int = NOW) -> Content | Absent:
    return Folder(folder).answer(resource, now_us)


def body(folder: Path, resource: Resource, now_us: int = NOW) -> bytes:
    found = answer(folder, resource, now_us)
    assert isinstance(found, Content), f"{resource}: {found}"
    return found.body


def hour_file(folder: Path, hour_us: int = TEN) -> Path:
    return folder / paths.hour_path("EURUSD", hour_us)


def test_files_are_served_as_they_lie(venue: Path) -> None:
    assert body(venue, HourFile("EURUSD", TEN)) == hour_file(venue).read_bytes()
    hour_file(venue).write_bytes(b"<html>")
    assert body(venue, HourFile("EURUSD", TEN)) == b"<html>"
    hour_file(venue).write_bytes(b"")
    assert body(venue, HourFile("EURUSD", TEN)) == b""
    assert answer(venue, HourFile("EURUSD", TEN + DAY_US)) is Absent.NOT_FOUND
    candles = CandleFile("EURUSD", Side.ASK, Resolution.MINUTE, DAY)
    assert body(venue, candles) == (venue / paths.candle_path(candles)).read_bytes()


def test_a_day_is_there_only_when_its_24_files_are_there_and_valid(venue: Path) -> None:
    served = Folder(venue)
    resources: list[Resource] = [DayFile("EURUSD", DAY), JsonTicks("EUR-USD", TEN), JsonTicks("EUR-USD", DAY)]
    whole = [body(venue, resource) for resource in resources]
    sound = hour_file(venue).read_bytes()
    for damaged in (None, sound[:-4], b"<html></html>", sound[:13]):
        hour_file(venue).unlink()
        if damaged is not None:
            hour_file(venue).write_bytes(damaged)
        assert {served.answer(resource, NOW) for resource in resources} == {Absent.NOT_FOUND}
        hour_file(venue).write_bytes(sound)
        assert [body(venue, resource) for resource in resources] == whole


def test_what_is_made_follows_its_files(venue: Path) -> None:
    served = Folder(venue)
    before = served.answer(DayFile("EURUSD", DAY), NOW)
    hour_file(venue).write_bytes(b"")
    after = served.answer(DayFile("EURUSD", DAY), NOW)
    assert isinstance(before, Content)
    assert isinstance(after, Content)
    ten_oclock = [tick for tick in day_ticks(before.body) if tick[0] // 3_600_000 == 10]
    assert ten_oclock
    assert day_ticks(after.body) == [tick for tick in day_ticks(before.body) if tick not in ten_oclock]


def day_ticks(content: bytes) -> list[tuple[float, ...]]:
    rows = formats._read(content, formats.TICK)
    assert rows is not None
    return [row.tolist() for row in rows]


def test_a_day_object_that_lies_there_goes_before_one_made(venue: Path) -> None:
    lying = venue / paths.day_path("EURUSD", DAY)
    lying.write_bytes(b"as it lies")
    assert body(venue, DayFile("EURUSD", DAY)) == b"as it lies"


def test_a_shut_day_is_no_bytes(tmp_path: Path) -> None:
    for hour in range(DAY, DAY + DAY_US, HOUR_US):
        hour_file(tmp_path, hour).parent.mkdir(parents=True, exist_ok=True)
        hour_file(tmp_path, hour).write_bytes(b"")
    assert body(tmp_path, DayFile("EURUSD", DAY)) == b""
    assert json.loads(body(tmp_path, JsonTicks("EUR-USD", TEN)))["times"] == []


def test_periods_that_run_are_not_finished(venue: Path) -> None:
    now = TEN + HOUR_US // 2
    assert answer(venue, JsonTicks("EUR-USD", TEN), now) is Absent.NOT_FINISHED
    assert answer(venue, JsonTicks("EUR-USD", TEN - HOUR_US), now) is not Absent.NOT_FINISHED
    minutes = JsonCandles("EUR-USD", Side.BID, Resolution.MINUTE, DAY)
    assert answer(venue, minutes, now) is Absent.NOT_FINISHED
    running = json.loads(body(venue, JsonTicks("EUR-USD", None, DAY), now))
    read = formats.read_hour(hour_file(venue).read_bytes())
    assert read is not None
    assert np.cumsum(running["times"]).tolist() == [ms for ms in read["ms"].tolist() if ms <= 1_800_000]
    candles = json.loads(body(venue, JsonCandles("EUR-USD", Side.BID, Resolution.MINUTE, None, DAY), now))
    assert np.cumsum(candles["times"])[-1] <= 630


def test_candle_payloads_are_made_from_candle_files(venue: Path) -> None:
    feed = json.loads(body(venue, JsonCandles("EUR-USD", Side.BID, Resolution.MINUTE, DAY)))
    read = formats.read_candles(body(venue, CandleFile("EURUSD", Side.BID, Resolution.MINUTE, DAY)))
    assert read is not None
    assert len(feed["times"]) == int((read["volume"] > 0).sum()) < len(read)
    month = JsonCandles("EUR-USD", Side.BID, Resolution.HOUR, parse_time("2024-02-01"))
    assert answer(venue, month) is Absent.NOT_FOUND


def test_recordings_of_the_json_feed_are_served_as_they_are(tmp_path: Path) -> None:
    inner = tmp_path / "recordings"
    inner.mkdir()
    written: dict[str, Resource] = {
        "ticks-EUR-USD-2024-3-5-10.json": JsonTicks("EUR-USD", TEN),
        "candles-minute-AAPL.US-USD-ASK-2024-3-5.json": JsonCandles(
            "AAPL.US-USD", Side.ASK, Resolution.MINUTE, DAY
        ),
        "candles-hour-EUR-USD-BID-2024-3-empty.json": JsonCandles(
            "EUR-USD", Side.BID, Resolution.HOUR, parse_time("2024-03-01")
        ),
        "candles-day-EUR-USD-BID-2024.json": JsonCandles(
            "EUR-USD", Side.BID, Resolution.DAY, parse_time("2024-01-01")
        ),
        "instrument-EUR-USD.json": Instruments("EUR-USD"),
        "instruments.json": Instruments(None),
    }
    for number, (name, resource) in enumerate(written.items()):
        ((inner, tmp_path)[number % 2] / name).write_text(f'"{name}"')
        assert json.loads(body(tmp_path, resource)) == name


def test_instruments_of_the_folder_are_listed(venue: Path) -> None:
    (listed,) = json.loads(body(venue, Instruments(None)))
    assert (listed["code"], listed["priceScale"]) == ("EUR-USD", 5)
    assert json.loads(body(venue, Instruments("EUR-USD")))["name"] == "EUR/USD"
    assert answer(venue, Instruments("NO-SUCH")) is Absent.NOT_FOUND


def test_a_symbol_of_no_table_is_served_as_files_only(tmp_path: Path) -> None:
    file = tmp_path / paths.hour_path("NOSUCH", TEN)
    file.parent.mkdir(parents=True)
    file.write_bytes(b"x")
    assert body(tmp_path, HourFile("NOSUCH", TEN)) == b"x"


def test_a_corrected_hour_is_other_content_at_the_same_place(venue: Path) -> None:
    faults = Faults(now_us=lambda: NOW)
    served = Folder(venue, faults)
    resources: list[Resource] = [HourFile("EURUSD", TEN), DayFile("EURUSD", DAY), JsonTicks("EUR-USD", TEN)]
    before = [served.answer(resource, NOW) for resource in resources]
    faults.add(Rule.parse("correct:path=EURUSD/2024/02/05/10h*"))
    after = [served.answer(resource, NOW) for resource in resources]
    for old, new in zip(before, after, strict=True):
        assert isinstance(old, Content)
        assert isinstance(new, Content)
        assert old.body != new.body
    faults.replace([])
    assert [served.answer(resource, NOW) for resource in resources] == before


class TestRecordings:
    """The real day of EUR/USD."""

    def test_the_day_object_has_all_ticks_of_its_hours(self, fixtures: Path) -> None:
        folder = fixtures / "dukascopy" / "dukascopy-node"
        day = parse_time("2019-02-04")
        content = body(folder, DayFile("EURUSD", day))
        ticks = formats._read(content, formats.TICK)
        assert ticks is not None
        assert len(ticks) == 136_741
        at = 0
        for number, hour in enumerate(range(day, day + DAY_US, HOUR_US)):
            read = formats.read_hour(body(folder, HourFile("EURUSD", hour)))
            assert read is not None
            part = ticks[at : at + len(read)]
            assert (part["ms"] - number * 3_600_000).tolist() == read["ms"].tolist()
            for name in ("ask", "bid", "ask_volume", "bid_volume"):
                assert part[name].tobytes() == read[name].tobytes()
            at += len(read)

    def test_a_fortnight_has_its_weekend(self, fixtures: Path) -> None:
        folder = fixtures / "dukascopy" / "ninety47"
        assert body(folder, DayFile("GBPJPY", parse_time("2012-12-08"))) == b""
        assert len(body(folder, DayFile("GBPJPY", parse_time("2012-12-07")))) > 100_000
        assert answer(folder, DayFile("GBPJPY", parse_time("2012-12-02"))) is Absent.NOT_FOUND

    def test_single_hours_make_no_day(self, fixtures: Path) -> None:
        folder = fixtures / "dukascopy" / "dukascopy-node"
        noon = parse_time("2023-02-20T12:00:00Z")
        assert body(folder, HourFile("BTCUSD", noon))
        assert answer(folder, DayFile("BTCUSD", parse_time("2023-02-20"))) is Absent.NOT_FOUND
        assert answer(folder, JsonTicks("BTC-USD", noon)) is Absent.NOT_FOUND

    def test_json_recordings_lie_in_a_folder_beside(self, fixtures: Path) -> None:
        folder = fixtures / "dukascopy" / "dukascopy-node"
        later = parse_time("2027-01-01")
        ticks = json.loads(body(folder, JsonTicks("EUR-USD", parse_time("2026-07-13T12:00:00Z")), later))
        assert len(ticks["times"]) == 3_551
        empty = JsonCandles("EUR-USD", Side.BID, Resolution.MINUTE, parse_time("2026-07-11"))
        assert json.loads(body(folder, empty, later))["open"] is None

    def test_our_payloads_read_like_the_recorded_ones(self, fixtures: Path) -> None:
        folder = fixtures / "dukascopy" / "dukascopy-node"
        recorded = json.loads((folder / "json-feed-2026" / "ticks-EUR-USD-2026-7-13-12.json").read_bytes())
        ms = np.cumsum(recorded["times"])
        rows = np.zeros(len(ms), dtype=formats.TICK)
        rows["ms"] = ms
        for side in ("ask", "bid"):
            rows[side] = round(recorded[side] * 100_000) + np.cumsum(recorded[f"{side}s"])
            rows[f"{side}_volume"] = np.array(recorded[f"{side}Volumes"]) / 1_000_000
        assert json.loads(formats.ticks_json(rows, recorded["timestamp"], 5)) == recorded
