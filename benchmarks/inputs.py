"""What the benchmarks run on: recorded ticks where the recordings lie beside the checkout, else simulated.

A benchmark's days are copies of one busy day under other dates, so that a month is as dense as that day.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date, timedelta
from functools import cache
from pathlib import Path

from candlewick.dukascopy.bi5 import decode_hour
from candlewick.hours import Hour, HourState
from candlewick.instruments import Series, dukascopy_series, find
from candlewick.times import DAY_US, HOUR_US, day_us
from simulators.dukascopy import formats
from simulators.dukascopy.tape import Tape

RECORDED_DAY = Path(__file__).parents[2] / "shared/fixtures/dukascopy/dukascopy-node/EURUSD/2019/01/04"
SIMULATED_TICKS_A_DAY = 137_000
EURUSD = dukascopy_series(find("EUR/USD"))
MONDAY = date(2019, 2, 4)
"""Not near a clock change; a trading day of 24 hours."""


@cache
def hour_files() -> tuple[str, tuple[bytes, ...]]:
    """A name for the input and the bytes of a day's 24 bi5 hour files."""
    recorded = sorted(RECORDED_DAY.glob("*h_ticks.bi5"))
    if recorded:
        return "EUR/USD 2019-02-04, recorded", tuple(file.read_bytes() for file in recorded)
    tape = Tape(find("EUR/USD"), seed=0, ticks_a_day=SIMULATED_TICKS_A_DAY)
    hours = range(day_us(MONDAY), day_us(MONDAY) + DAY_US, HOUR_US)
    return "EUR/USD, simulated", tuple(formats.bi5(tape.hour(hour)) for hour in hours)


def weekdays(count: int) -> list[date]:
    """The first `count` days from the benchmark's Monday on that are no Friday, Saturday or Sunday.

    On those every UTC hour is in the FX session, so that each is as dense as the recorded day.
    """
    days = (MONDAY + timedelta(days=n) for n in range(10 * count))
    return [day for day in days if day.weekday() < 4][:count]


def hours_of(series: Series, days: list[date]) -> Iterator[Hour]:
    """The input's ticks under other days, ready to publish."""
    ticks = [decode_hour(body) for body in hour_files()[1]]
    for day in days:
        for number, quotes in enumerate(ticks):
            yield Hour(
                series=series.name,
                hour_us=day_us(day) + number * HOUR_US,
                revision=1,
                state=HourState.DATA,
                source="benchmark",
                price_scale=series.price_scale,
                volume_scale=series.volume_scale,
                ticks=quotes,
            )


def another(symbol: str) -> Series:
    """A series with EUR/USD's scales under another symbol, so that benchmarks do not meet."""
    return replace(EURUSD, symbol=symbol)


def lay_out(folder: Path, symbol: str, days: list[date]) -> None:
    """The input as the venue's files of a symbol, for a simulated venue to serve."""
    for day in days:
        target = folder / f"{symbol}/{day.year:04d}/{day.month - 1:02d}/{day.day:02d}"
        target.mkdir(parents=True)
        for number, body in enumerate(hour_files()[1]):
            (target / f"{number:02d}h_ticks.bi5").write_bytes(body)
