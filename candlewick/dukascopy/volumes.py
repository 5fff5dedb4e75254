"""Volumes as whole units, the same integer whatever the transport.

bi5 files hold millions of units as float32, the JSON feed holds units. A float32 stands for the
shortest decimal that rounds to it: below 16 million units that is one whole number at most, above
it several whole numbers share one float32 and the one with the most trailing zeros is meant
(16.54 is 16,540,000). The JSON feed's units take the same way, so that an hour has one content
hash by all transports.

For coins the JSON feed has fractions of a unit (1.48), which the venue rounds half to even when it
writes bi5: so are they here. Source: BTC/USD 2023-02-20 12:00 by both transports, where that gives
all 17,046 volumes of the bi5 file, and rounding half up or down does not.
"""

import numpy as np
import numpy.typing as npt

from candlewick.dukascopy.faults import Fault, InvalidAnswerError
from candlewick.hours import Column

VOLUME_SCALE = 6
"""Digits of a volume in millions that are kept: whole units."""

_UNIT = 10.0**VOLUME_SCALE
_AMBIGUOUS = np.float32(16.0)
_LARGEST = np.float32(2**53 / _UNIT)


def from_millions(millions: npt.NDArray[np.float32]) -> Column:
    """Whole units from float32 millions of units, any shape.

    Raises:
        InvalidAnswerError: volume-invalid, volume-inexact.
    """
    if not millions.size:
        return np.empty(millions.shape, dtype=np.int64)
    low, high = millions.min(), millions.max()
    if not (low >= 0 and high < _LARGEST):  # written so that NaN fails
        raise InvalidAnswerError(Fault.VOLUME_INVALID, f"volumes from {low} to {high} million")
    scratch = millions.astype(np.float64)
    units = np.multiply(scratch, _UNIT)
    if high >= _AMBIGUOUS:
        large = millions >= _AMBIGUOUS
        units[large] = _roundest(millions[large], units[large])
    np.rint(units, out=units)
    wrong = np.divide(units, _UNIT, out=scratch).astype(np.float32) != millions
    if wrong.any():
        first = millions[wrong].flat[0]
        raise InvalidAnswerError(
            Fault.VOLUME_INEXACT,
            f"{np.count_nonzero(wrong)} volumes are no whole units, the first is {first!s} million",
        )
    return units.astype(np.int64)


def from_units(units: npt.NDArray[np.float64]) -> Column:
    """Whole units from decimal units, one dimension; fractions as the venue's bi5 files round them.

    Raises:
        InvalidAnswerError: volume-invalid.
    """
    if not units.size:
        return np.empty(0, dtype=np.int64)
    if not (units.min() >= 0 and units.max() < 2.0**53):
        raise InvalidAnswerError(Fault.VOLUME_INVALID, f"volumes from {units.min()} to {units.max()} units")
    return from_millions((np.rint(units) / _UNIT).astype(np.float32))


def _roundest(millions: npt.NDArray[np.float32], units: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Of the whole units that round to each float32 the one that the largest power of ten divides."""
    steps = 10.0 ** np.arange(1 + int(np.log10(units.max())))[:, np.newaxis]
    candidates = np.rint(units / steps) * steps
    # What holds for a step holds for all smaller ones.
    holds = (candidates / _UNIT).astype(np.float32) == millions
    return np.asarray(candidates[np.maximum(holds.sum(axis=0) - 1, 0), np.arange(len(units))])
