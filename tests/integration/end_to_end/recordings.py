"""What the venue itself says of its recorded days, read with an own small decoder."""

import lzma
from pathlib import Path

import numpy as np
import numpy.typing as npt

CANDLE = np.dtype(
    [("second", ">i4"), ("open", ">i4"), ("close", ">i4"), ("low", ">i4"), ("high", ">i4"), ("volume", ">f4")]
)
"""A record of a candle file: the order is open, close, low, high."""


def venue_candles(file: Path) -> npt.NDArray[np.void]:
    """The venue's candles of one side that saw trading; it fills quiet intervals flat with volume 0."""
    records = np.frombuffer(lzma.decompress(file.read_bytes()), dtype=CANDLE)
    return records[records["volume"] > 0]


def swap_hour(folder: Path, hour: int, replacement: Path) -> None:
    """Put another file in the place of one hour of a day's folder."""
    target = folder / f"{hour:02d}h_ticks.bi5"
    target.unlink(missing_ok=True)
    target.write_bytes(replacement.read_bytes())


def lay_out(source: Path, target: Path) -> Path:
    """Copy a recorded day's hour files to `target`, so that a test can change them."""
    target.mkdir(parents=True)
    for file in source.glob("*h_ticks.bi5"):
        (target / file.name).write_bytes(file.read_bytes())
    return target
