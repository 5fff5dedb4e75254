"""Validated bi5 decoding against bare `lzma` and one `numpy.frombuffer`.

Input: EUR/USD 2019-02-04, 24 recorded hour files, where the recordings lie beside the checkout;
otherwise a day of the simulated venue.
"""

import lzma
from collections.abc import Iterator

import numpy as np

from benchmarks.figure import Figure, best_pair
from benchmarks.inputs import hour_files
from candlewick.dukascopy.bi5 import decode_hour


def run() -> Iterator[Figure]:
    source, files = hour_files()
    ticks = sum(len(decode_hour(body)) for body in files)

    def validated() -> None:
        for body in files:
            decode_hour(body)

    def bare() -> None:
        for body in files:
            np.frombuffer(lzma.decompress(body), dtype=">i4")

    ours, limit = best_pair(validated, bare, repeat=15)
    yield Figure("decode", ticks / ours, "ticks/s", ticks / limit, detail={"input": source, "ticks": ticks})
