import json
from datetime import date
from pathlib import Path

import pandas as pd
import pytest
import typer
from typer.testing import CliRunner

from candlewick.commands import decode
from candlewick.dukascopy.files import FileKind, FileName, recognise
from candlewick.dukascopy.venue_candles import Level
from candlewick.errors import CandlewickError
from candlewick.times import parse_time
from tests.dukascopy_encoders import HOUR_MS, Tick, bi5, json_ticks, minute_candles

TICKS = [Tick(80, 108_410, 108_412, 2_250_000, 1_500_000), Tick(3_599_999, 108_411, 108_410)]
CSV = (
    "time,bid,ask,bid_volume,ask_volume\n"
    "2019-02-04T10:00:00.080000Z,1.08410,1.08412,2.250000,1.500000\n"
    "2019-02-04T10:59:59.999000Z,1.08411,1.08410,1.000000,1.000000\n"
)


def run(*arguments: str | Path) -> str:
    app = typer.Typer()
    decode.register(app)
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.stdout


def put(folder: Path, name: str, body: bytes) -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(body)
    return file


def test_an_hour_file(tmp_path: Path) -> None:
    assert run(put(tmp_path, "EURUSD/2019/01/04/10h_ticks.bi5", bi5(TICKS))) == CSV


def test_an_archived_hour_file(tmp_path: Path) -> None:
    name = "dukascopy/eurusd/quotes/2019/02/04/0123456789abcdef-10h_ticks.bi5"
    assert run(put(tmp_path, name, bi5(TICKS))) == CSV


def test_a_day_object(tmp_path: Path) -> None:
    later = [tick._replace(ms=tick.ms + 10 * HOUR_MS) for tick in TICKS]
    assert run(put(tmp_path, "EURUSD/2019/01/04_ticks.bi5", bi5(later))) == CSV
    assert run(put(tmp_path, "anything", bi5(later)), "--series", "eurusd", "--day", "2019-02-04") == CSV


def test_an_answer_of_the_json_feed(tmp_path: Path) -> None:
    body = json_ticks(TICKS, parse_time("2019-02-04T10:00Z"))
    assert run(put(tmp_path, "anything.json", body)) == CSV


def test_json_and_parquet(tmp_path: Path) -> None:
    file = put(tmp_path, "EURUSD/2019/01/04/10h_ticks.bi5", bi5(TICKS))
    rows = json.loads(run(file, "--format", "json"))
    assert rows[0] == {
        "time": "2019-02-04T10:00:00.080000Z",
        "bid": 1.0841,
        "ask": 1.08412,
        "bid_volume": 2.25,
        "ask_volume": 1.5,
    }
    run(file, "--format", "parquet", "--output", tmp_path / "out.parquet")
    frame = pd.read_parquet(tmp_path / "out.parquet")
    assert frame["ask"].tolist() == [1.08412, 1.0841]
    assert str(frame["time"].dtype) == "datetime64[us, UTC]"


def test_several_files_follow_one_another(tmp_path: Path) -> None:
    first = put(tmp_path, "EURUSD/2019/01/04/10h_ticks.bi5", bi5(TICKS))
    second = put(tmp_path, "EURUSD/2019/01/04/11h_ticks.bi5", bi5(TICKS))
    assert run(first, second) == CSV + CSV.partition("\n")[2].replace("T10", "T11")


def test_an_empty_hour(tmp_path: Path) -> None:
    assert run(put(tmp_path, "EURUSD/2019/01/04/10h_ticks.bi5", b"")) == CSV.partition("\n")[0] + "\n"


def test_candles(tmp_path: Path) -> None:
    file = put(tmp_path, "EURUSD/2019/01/04/BID_candles_min_1.bi5", minute_candles({0: 293.76}))
    lines = run(file).splitlines()
    assert lines[:2] == [
        "time,open,high,low,close,volume",
        "2019-02-04T00:00:00Z,1.08410,1.08410,1.08410,1.08410,293.76",
    ]
    assert len(lines) == 1441


@pytest.mark.parametrize(
    ("name", "body", "options", "problem"),
    [
        ("EURUSD/2019/01/04/10h_ticks.bi5", bi5(TICKS)[:40], [], "truncated"),
        ("anything", b"<html></html>", [], "not-lzma"),
        ("anything", bi5(TICKS[::-1]), [], "times-fall"),
        ("anything.json", b'{"error": "Too Many Requests"}', [], "fields-missing"),
        ("anything", bi5(TICKS), [], "which hour"),
        ("anything", bi5(TICKS), ["--hour", "2019-02-04T10"], "does not tell the instrument"),
        ("anything", bi5(TICKS), ["--hour", "2019-02-04T10", "--series", "nonsense"], "nonsense"),
        ("BID_candles_min_1.bi5", minute_candles({}), ["--series", "eurusd"], "which day, month or year"),
    ],
)
def test_what_is_wrong_is_one_clear_error(
    tmp_path: Path, name: str, body: bytes, options: list[str], problem: str
) -> None:
    with pytest.raises(CandlewickError, match=problem) as refused:
        run(put(tmp_path, name, body), *options)
    assert refused.value.remedy


def test_ticks_and_candles_do_not_mix(tmp_path: Path) -> None:
    ticks = put(tmp_path, "EURUSD/2019/01/04/10h_ticks.bi5", bi5(TICKS))
    candles = put(tmp_path, "EURUSD/2019/01/04/ASK_candles_min_1.bi5", minute_candles({}))
    with pytest.raises(CandlewickError, match="different columns"):
        run(ticks, candles)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(CandlewickError, match="cannot be read"):
        run(tmp_path / "nothing")


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/x/EURUSD/2019/00/31/23h_ticks.bi5", FileName(FileKind.HOUR, "eurusd", date(2019, 1, 31), 23)),
        ("/x/EURUSD/2019/11/31_ticks.bi5", FileName(FileKind.DAY, "eurusd", date(2019, 12, 31))),
        (
            "/x/EURUSD/2019/01/ASK_candles_hour_1.bi5",
            FileName(FileKind.CANDLES, "eurusd", date(2019, 2, 1), None, Level.HOUR),
        ),
        (
            "/x/EURUSD/2019/BID_candles_day_1.bi5",
            FileName(FileKind.CANDLES, "eurusd", date(2019, 1, 1), None, Level.DAY),
        ),
        (
            "/a/dukascopy/btcusd/quotes/2023/02/20/00ff-day_ticks.bi5",
            FileName(FileKind.DAY, "btcusd", date(2023, 2, 20)),
        ),
        ("/x/EURUSD/2019/01/31/10h_ticks.bi5", FileName(FileKind.HOUR, "eurusd", None, 10)),
        ("/x/truncated_half.bi5", FileName()),
    ],
)
def test_names(path: str, expected: FileName) -> None:
    assert recognise(path) == expected
