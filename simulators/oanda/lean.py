"""Recorded ticks as Lean keeps them: a zip for each day, `milliseconds,bid,ask` a line, times UTC."""

import zipfile
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

from candlewick.errors import CandlewickError
from candlewick.times import DAY_US, day_us
from simulators.oanda.instruments import Instrument, by_plain_name
from simulators.oanda.tape import Prices


@dataclass(frozen=True, slots=True)
class Recording:
    """The recorded days of one instrument."""

    instrument: Instrument
    files: dict[int, Path]

    def load(self, day: int) -> Prices:
        """The quotes of the day that starts then.

        Raises:
            CandlewickError: the file does not hold what it should.
        """
        path = self.files[day]
        try:
            with zipfile.ZipFile(path) as archive:
                text = archive.read(archive.namelist()[0]).decode("ascii")
            rows = [line.split(",") for line in text.split()]
            unit = 10**self.instrument.decimals
            columns = [
                np.array([int(row[0]) for row in rows], dtype=np.int64),
                *(
                    np.array([_scaled(row[column], unit) for row in rows], dtype=np.int64)
                    for column in (1, 2)
                ),
            ]
        except (OSError, ValueError, IndexError, zipfile.BadZipFile) as error:
            raise CandlewickError(f"{path} holds no ticks: {error!r}", "give tick files of Lean") from None
        return Prices((day + columns[0] * 1000) * 1000, columns[1], columns[2])


def _scaled(text: str, unit: int) -> int:
    whole, _, part = text.partition(".")
    digits = len(str(unit)) - 1
    if len(part) > digits:
        raise ValueError(f"{text} has more than {digits} decimals")
    return int(whole) * unit + int(f"{part:0<{digits}}" or 0)


def recordings(folder: Path) -> list[Recording]:
    """Those in a folder that holds `eurusd/20140501_quote.zip`, or `tick/eurusd/...`.

    Raises:
        CandlewickError: there are none.
    """
    root = folder / "tick" if (folder / "tick").is_dir() else folder
    found = []
    for path in sorted(root.iterdir()) if root.is_dir() else []:
        instrument = by_plain_name(path.name)
        if instrument is not None and path.is_dir():
            files = {
                day_us(date.fromisoformat(file.name[:8])): file for file in sorted(path.glob("*_quote.zip"))
            }
            if files:
                found.append(Recording(instrument, files))
    if not found:
        raise CandlewickError(
            f"there are no ticks in {folder}", "give a folder that holds eurusd/20140501_quote.zip"
        )
    return found


def span(chosen: list[Recording]) -> tuple[int, int]:
    """From the first recorded day's start to the last one's end."""
    days = [day for recording in chosen for day in recording.files]
    return min(days), max(days) + DAY_US
