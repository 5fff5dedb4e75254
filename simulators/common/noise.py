"""Chance as a pure function: of a key and a number, so of nothing that was asked before.

Numbers are hashed, never drawn in turn: two processes, or one that starts again, see the same market.
"""

import hashlib

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]
_Words = npt.NDArray[np.uint64]

_STEP = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)


def key(*parts: object) -> int:
    """64 bits that belong to some names and numbers."""
    text = "/".join(map(str, parts))
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big")


def _mixed(words: _Words) -> _Words:
    """The finaliser of splitmix64."""
    words = (words ^ (words >> np.uint64(30))) * _FIRST
    words = (words ^ (words >> np.uint64(27))) * _SECOND
    return words ^ (words >> np.uint64(31))


def bits(of: int, stream: int, numbers: Integers) -> _Words:
    """64 random bits for each number, others for each stream."""
    start = np.uint64((of + stream * 0xD1342543DE82EF95) & 0xFFFFFFFFFFFFFFFF)
    return _mixed(_mixed(numbers.astype(np.uint64) * _STEP + start) + start)


def uniform(of: int, stream: int, numbers: Integers) -> Floats:
    """A number in [0, 1) for each number."""
    share: Floats = (bits(of, stream, numbers) >> np.uint64(11)).astype(np.float64) * 2.0**-53
    return share


def bell(of: int, stream: int, numbers: Integers) -> Floats:
    """About a standard normal number for each number: three summed uniform ones, within (-3, 3)."""
    words = bits(of, stream, numbers)
    low = np.uint64((1 << 21) - 1)
    thirds = (words & low) + ((words >> np.uint64(21)) & low) + ((words >> np.uint64(42)) & low)
    normal: Floats = (thirds.astype(np.float64) / 2.0**21 - 1.5) * 2.0
    return normal
