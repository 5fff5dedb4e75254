"""Which ids REST does not have."""

import numpy as np

from candlewick.hours import Gap, Trades
from candlewick.times import HOUR_US
from candlewick.venues.kraken_history import _gaps

H = 500_000 * HOUR_US


def trades(*rows: tuple[int, int]) -> Trades:
    us, ids = (np.array(column, dtype=np.int64) for column in zip(*rows, strict=True))
    ones = np.ones(len(us), dtype=np.int64)
    return Trades(us, ids, ones, ones, ones)


def test_skipped_ids_are_gaps_in_an_hour_and_across_its_borders() -> None:
    hour = trades((10, 5), (20, 6), (30, 9))
    assert _gaps(H, hour, (None, None)) == (Gap(H + 20, H + 30),)
    assert _gaps(H, hour, (4, 10)) == (Gap(H + 20, H + 30),)
    assert _gaps(H, hour, (2, 12)) == (Gap(H, H + 10), Gap(H + 20, H + 30), Gap(H + 30, H + HOUR_US))
