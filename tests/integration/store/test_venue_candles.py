"""Candles made from the venue's ticks equal the venue's own: EUR/USD, 2019-02-04."""

import lzma
from pathlib import Path

import numpy as np
import pytest

from candlewick.candles import Candles, Timeframe
from candlewick.dukascopy.bi5 import decode_hour
from candlewick.times import DAY_US, HOUR_US, parse_time

from .landing import EURUSD, Landing

DAY = parse_time("2019-02-04")
CANDLE = np.dtype(
    [(name, ">i4") for name in ("second", "open", "close", "low", "high")] + [("volume", ">f4")]
)


def venue_candles(file: Path) -> np.ndarray:
    """The venue's candles that hold ticks: it fills what is empty with flat ones of no volume."""
    made = np.frombuffer(lzma.decompress(file.read_bytes()), dtype=CANDLE)
    return made[made["volume"] > 0]


@pytest.fixture
def day(landing: Landing, fixtures: Path) -> Landing:
    for hour in range(24):
        file = fixtures / f"dukascopy/dukascopy-node/EURUSD/2019/01/04/{hour:02}h_ticks.bi5"
        landing.land(landing.hour(EURUSD, DAY + hour * HOUR_US, decode_hour(file.read_bytes())))
    landing.refresh(EURUSD)
    return landing


def assert_equal(stored: Candles, venue: np.ndarray, side: str, starts: np.ndarray) -> None:
    assert stored.ts.tolist() == starts.tolist()
    for name in ("open", "high", "low", "close"):
        assert stored.columns[f"{side}_{name}"].tolist() == venue[name].tolist()
    volumes = (stored.columns[f"{side}_volume"] / 1e6).astype(np.float32)
    assert volumes.tolist() == venue["volume"].tolist()


@pytest.mark.parametrize(
    ("side", "file"),
    [
        ("bid", "dukascopy-node/EURUSD/2019/01/04/BID_candles_min_1.bi5"),
        ("ask", "theorycraft/EURUSD/2019/01/04/ASK_candles_min_1.bi5"),
    ],
)
def test_minutes_equal_the_venues(day: Landing, fixtures: Path, side: str, file: str) -> None:
    venue = venue_candles(fixtures / "dukascopy" / file)
    [stored] = day.store.read_candles(EURUSD, Timeframe.M1, DAY, DAY + DAY_US)
    assert stored.columns["ticks"].sum() == 136_741
    assert_equal(stored, venue, side, DAY + venue["second"].astype(np.int64) * 1_000_000)


@pytest.mark.parametrize("side", ["bid", "ask"])
def test_hours_equal_the_venues(day: Landing, fixtures: Path, side: str) -> None:
    [file] = fixtures.glob(f"dukascopy/theorycraft/EURUSD/2019/01/**/{side.upper()}_candles_hour_1.bi5")
    venue = venue_candles(file)
    starts = parse_time("2019-02-01") + venue["second"].astype(np.int64) * 1_000_000
    of_the_day = (starts >= DAY) & (starts < DAY + DAY_US)
    [stored] = day.store.read_candles(EURUSD, Timeframe.H1, DAY, DAY + DAY_US)
    assert_equal(stored, venue[of_the_day], side, starts[of_the_day])
