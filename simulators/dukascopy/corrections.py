"""What a correction by the venue does to an hour: the same URL, other content."""

import numpy as np

from simulators.dukascopy.formats import Records


def corrected(records: Records, revision: int) -> Records:
    """The hour as the venue publishes it after its `revision`-th correction; 0 leaves it alone.

    A tenth of the quotes, in the middle, move up by one point for each revision, and the last
    quote is taken back: prices, counts and closes all change, and the hour stays valid.
    """
    if revision == 0 or not len(records):
        return records
    changed = records[:-1].copy() if len(records) > 1 else records.copy()
    count = len(changed)
    begin = count * 9 // 20
    middle = np.s_[begin : begin + max(count // 10, 1)]
    changed["bid"][middle] += revision
    changed["ask"][middle] += revision
    return changed
