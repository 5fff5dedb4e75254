"""Real recordings through the whole path: venue, fetch, archive, Pulsar, sink, database, candles, CLI.

Each test has series or dates of its own on the shared platform.
"""

import json
import shutil
from decimal import Decimal
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from candlewick.candles import Timeframe
from candlewick.dukascopy.transports import DAY_OBJECT, JSON_FEED
from tests.integration.end_to_end.recordings import lay_out, swap_hour, venue_candles
from tests.platform import Platform, Venue

EURUSD = "dukascopy:eurusd:quotes"
GBPJPY = "dukascopy:gbpjpy:quotes"
BTCUSD = "dukascopy:btcusd:quotes"


@pytest.fixture
def eurusd_day(fixtures: Path) -> Path:
    return fixtures / "dukascopy/dukascopy-node/EURUSD/2019/01/04"


def test_every_minute_of_a_day_equals_the_venues_own(
    platform: Platform, venue: Venue, fixtures: Path, eurusd_day: Path
) -> None:
    lay_out(eurusd_day, venue.folder / "EURUSD/2019/01/04")
    platform.run("add", "EUR/USD")
    platform.backfill(EURUSD, "2019-02-04", "2019-02-05")

    platform.coverage(EURUSD, "2019-02-04", "2019-02-05", code=0)
    assert len(platform.ticks(EURUSD, "2019-02-04", "2019-02-05")) == 136_741
    rows = platform.candles(EURUSD, "1m", "2019-02-04", "2019-02-05")
    other = fixtures / "dukascopy/theorycraft/EURUSD/2019"
    for side, file in (
        ("bid", eurusd_day / "BID_candles_min_1.bi5"),
        ("ask", other / "01/04/ASK_candles_min_1.bi5"),
    ):
        assert_equal_candles(rows, side, venue_candles(file), "2019-02-04T00:00:00Z", digits=5)
    hours = platform.candles(EURUSD, "1h", "2019-02-04", "2019-02-05")
    for side in ("bid", "ask"):
        month = venue_candles(other / f"01/{side.upper()}_candles_hour_1.bi5")
        first = 3 * 24 * 3600
        day = month[(month["second"] >= first) & (month["second"] < first + 24 * 3600)].copy()
        day["second"] -= first
        assert_equal_candles(hours, side, day, "2019-02-04T00:00:00Z", digits=5)

    span = ("--from", "2019-02-04", "--to", "2019-02-05")
    assert "24 hours made anew" in platform.run("rebuild", EURUSD, *span, "--from-archive").out
    assert platform.run("verify", EURUSD, *span, "--offline").out.splitlines()[1:] == [
        "content hashes: 1 equal",
        "candles 1m to 1h: 1 equal",
        "candles 4h to 1w: 1 equal",
    ]
    assert platform.candles(EURUSD, "1m", "2019-02-04", "2019-02-05") == rows


def assert_equal_candles(
    rows: list[dict[str, str]], side: str, expected: np.ndarray, start: str, *, digits: int
) -> None:
    """Prices exactly, volumes to float32, and not a candle more or less."""
    origin = np.datetime64(start.removesuffix("Z"), "s")
    times = np.array([row["time"].removesuffix("Z") for row in rows], dtype="datetime64[s]")
    np.testing.assert_array_equal((times - origin).astype(int), expected["second"].astype(int))
    for name in ("open", "high", "low", "close"):
        ours = [int(Decimal(row[f"{side}_{name}"]).scaleb(digits)) for row in rows]
        np.testing.assert_array_equal(ours, expected[name].astype(int), err_msg=f"{side} {name}")
    volumes = np.array([row[f"{side}_volume"] for row in rows], dtype=np.float64)
    np.testing.assert_allclose(volumes, expected["volume"].astype(np.float64), rtol=2e-6)


def test_a_fortnight_with_its_weekend_is_complete_until_a_file_is_missing(
    platform: Platform, venue: Venue, fixtures: Path
) -> None:
    shutil.copytree(fixtures / "dukascopy/ninety47/GBPJPY/2012", venue.folder / "GBPJPY/2012")
    for file in (venue.folder / "GBPJPY").rglob("*"):
        file.chmod(0o755)
    missing = venue.folder / "GBPJPY/2012/11/12/09h_ticks.bi5"
    body = missing.read_bytes()
    missing.unlink()
    platform.run("add", "GBP/JPY")

    platform.backfill(GBPJPY, "2012-12-03", "2012-12-15", code=1)
    hole = platform.run("coverage", GBPJPY, "--from", "2012-12-03", "--to", "2012-12-15", code=1)
    assert "2012-12-12T09:00:00Z" in hole.out
    missing.write_bytes(body)
    platform.backfill(GBPJPY, "2012-12-12", "2012-12-13")
    platform.coverage(GBPJPY, "2012-12-03", "2012-12-15", code=0)


def test_an_instrument_with_another_scale(platform: Platform, venue: Venue, fixtures: Path) -> None:
    recorded = fixtures / "dukascopy/dukascopy-node/BTCUSD/2023/01/20"
    lay_out(recorded, venue.folder / "BTCUSD/2023/01/20")
    platform.run("add", "BTC/USD")
    platform.backfill(BTCUSD, "2023-02-20", "2023-02-21", code=1)

    rows = platform.ticks(BTCUSD, "2023-02-20T12:00", "2023-02-20T13:00")
    assert len(rows) == 8_523
    assert (rows[0]["time"], rows[0]["ask"], rows[0]["bid"]) == (
        "2023-02-20T12:00:00.084000Z",
        "24921.5",
        "24849.4",
    )


def test_a_recorded_hour_of_the_json_feed(platform: Platform, venue: Venue, fixtures: Path) -> None:
    recorded = fixtures / "dukascopy/dukascopy-node/json-feed-2026/ticks-EUR-USD-2026-7-13-12.json"
    (venue.folder / "json").mkdir(exist_ok=True)
    shutil.copyfile(recorded, venue.folder / "json" / recorded.name)
    platform.run("add", "EUR/USD")
    platform.backfill(EURUSD, "2026-07-13", "2026-07-14", code=1)

    payload = json.loads(recorded.read_bytes())
    start = np.datetime64(payload["timestamp"], "ms")
    rows = platform.ticks(EURUSD, "2026-07-13T12:00", "2026-07-13T13:00")
    times = np.array([row["time"].removesuffix("Z") for row in rows], dtype="datetime64[ms]")
    np.testing.assert_array_equal((times - start).astype(int), np.cumsum(payload["times"]))
    for side in ("bid", "ask"):
        points = round(payload[side] * 100_000) + np.cumsum(payload[f"{side}s"])
        assert [int(Decimal(row[side]).scaleb(5)) for row in rows] == points.tolist()
        units = [int(Decimal(row[f"{side}_volume"]).scaleb(6)) for row in rows]
        assert units == payload[f"{side}Volumes"]
    platform.coverage(EURUSD, "2026-07-13T12:00", "2026-07-13T13:00", code=0)
    assert sources(platform, EURUSD, "2026-07-13T12:00", "2026-07-13T13:00") == {JSON_FEED}


def sources(platform: Platform, series: str, first: str, end: str) -> set[str]:
    """The transports by which the hours of a span came."""
    with platform.client() as client:
        return set(client.coverage(series, first, end)["source"].to_pylist())


def stored(platform: Platform, series: str, first: str, end: str) -> dict[str, pa.Table]:
    """Every tick of a span and every candle that begins in it."""
    with platform.client() as client:
        tables = {name.value: client.candles(series, name, first, end) for name in Timeframe}
        return tables | {"ticks": client.ticks(series, first, end)}


def test_a_day_of_the_json_feed_is_the_day_of_the_hour_files(
    platform: Platform, venue: Venue, eurusd_day: Path
) -> None:
    by_day, by_json = "dukascopy:audnzd:quotes", "dukascopy:nzdcad:quotes"
    for symbol in ("AUDNZD", "NZDCAD"):
        lay_out(eurusd_day, venue.folder / f"{symbol}/2019/01/04")
    platform.run("add", "AUDNZD", "NZDCAD")
    span = ("2019-02-04", "2019-02-05")
    with venue.faults({"fault": "not-found", "family": "bi5", "path": "NZDCAD/*"}):
        platform.backfill_together(*span, by_day, by_json)

    assert sources(platform, by_day, *span) == {DAY_OBJECT}
    assert sources(platform, by_json, *span) == {JSON_FEED}
    assert stored(platform, by_json, *span) == stored(platform, by_day, *span)


def test_bars_of_another_collector(platform: Platform, venue: Venue, fixtures: Path) -> None:
    recorded = fixtures / "dukascopy/limemojito/EURUSD/2018/06/05"
    lay_out(recorded, venue.folder / "EURUSD/2018/06/05")
    platform.run("add", "EUR/USD")
    platform.backfill(EURUSD, "2018-07-05", "2018-07-06", code=1)

    for timeframe, name in (("5m", "M5"), ("15m", "M15"), ("1h", "H1")):
        rows = platform.candles(EURUSD, timeframe, "2018-07-05T05:00", "2018-07-05T06:00")
        lines = (recorded / f"05h_{name}_bars.csv").read_text().splitlines()[1:]
        expected = [line.split(",")[-4:] for line in lines if line]
        ours = [
            [row[f"bid_{part}"].replace(".", "") for part in ("open", "high", "low", "close")] for row in rows
        ]
        assert ours == expected, timeframe


def test_damaged_hours_are_refused_by_name_and_the_rest_of_the_day_is_in_place(
    platform: Platform, venue: Venue, fixtures: Path, eurusd_day: Path
) -> None:
    faults = {
        "truncated_half": "truncated",
        "not_lzma_html_error_page": "not-lzma",
        "header_only_13bytes": "truncated",
        "out_of_order_ticks_100_101": "times-fall",
    }
    series, span = "dukascopy:usdcad:quotes", ("2019-02-04", "2019-02-05")
    folder = lay_out(eurusd_day, venue.folder / "USDCAD/2019/01/04")
    for hour, damaged in enumerate(faults, start=9):
        swap_hour(folder, hour, fixtures / f"dukascopy/derived-corrupt/{damaged}.bi5")
    platform.run("add", "USD/CAD")
    platform.backfill(series, *span, code=1)

    holes = platform.coverage(series, *span, code=1)["holes"]
    assert [(hole["from"], hole["state"], hole["reason"].partition(":")[0]) for hole in holes] == [
        (f"2019-02-04T{hour:02d}:00:00Z", "failed", fault)
        for hour, fault in enumerate(faults.values(), start=9)
    ]
    times = {row["time"] for row in platform.candles(series, "1h", *span)}
    assert times == {f"2019-02-04T{hour:02d}:00:00Z" for hour in range(24) if hour not in range(9, 13)}


def test_a_corrected_hour_replaces_the_old_one_up_to_the_week(
    platform: Platform, venue: Venue, eurusd_day: Path
) -> None:
    series = "dukascopy:eurchf:quotes"
    folder = lay_out(eurusd_day, venue.folder / "EURCHF/2019/01/04")
    swap_hour(folder, 11, eurusd_day / "03h_ticks.bi5")
    platform.run("add", "EUR/CHF")
    platform.backfill(series, "2019-02-04", "2019-02-05")
    week = ("2019-02-01", "2019-02-08")
    before = stored(platform, series, *week)
    swap_hour(folder, 11, eurusd_day / "11h_ticks.bi5")
    platform.backfill(series, "2019-02-04", "2019-02-05")

    after = stored(platform, series, *week)
    assert after["ticks"].num_rows == 136_741 != before["ticks"].num_rows
    for timeframe in Timeframe:
        assert sum(after[timeframe.value]["ticks"].to_pylist()) == 136_741, timeframe
    # A re-check that fails leaves good data alone, and the same again leaves every candle as it was.
    swap_hour(folder, 11, Path(__file__))
    platform.backfill(series, "2019-02-04", "2019-02-05")
    assert stored(platform, series, *week) == after
