"""Where numbered events lie in time: a pure function of a key, of an instrument's trades or quotes.

Time is cut into blocks that hold a known count of events each (a thousand or more, for numpy's sake), so that
the number of an event gives its time and a time gives the number, without counting up from the beginning.
"""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from candlewick.times import SECOND_US
from simulators.common import noise
from simulators.common.noise import Integers

ORIGIN_US = 1_388_534_400 * SECOND_US
"""Event number 1 comes soon after this moment, 2014-01-01T00:00Z."""

_MILLION = 1_000_000
_KEPT_BLOCKS = 48
_EVENTS_PER_BLOCK = 1000
_MAX_BLOCK_US = 10_000 * SECOND_US
_STREAM_TIME, _STREAM_TOGETHER, _STREAM_NANOS = 1, 2, 3
_END_US = 1 << 62


@dataclass(frozen=True, slots=True, eq=False)
class Block:
    """Events that follow each other, by number.

    Attributes:
        first: the number of the first.
        times_ns: when each happened, ascending.
        leaders: the number of the first event of the same moment; ordinarily its own.
    """

    first: int
    times_ns: Integers
    leaders: Integers


@dataclass(frozen=True, slots=True)
class _Epoch:
    """A time of one rate. Numbers go on from the epoch before."""

    start_us: int
    first: int
    block_us: int
    per_block: int  # millionths of an event

    def before(self, block: int) -> int:
        """How many events the epoch has before a block of it."""
        return block * self.per_block // _MILLION

    def holding(self, offset: int) -> int:
        """The block in which the epoch's event number `offset`, from 0, lies."""
        return ((offset + 1) * _MILLION - 1) // self.per_block


class Grid:
    """Numbers and times of one kind of event.

    Args:
        per_second: how many there are, in the mean; 0 for none.
        together: the share that happens at the same moment as the one before.
    """

    def __init__(self, key: int, per_second: float, together: float = 0.0) -> None:
        self._key = key
        self._together = together
        self._epochs = [_epoch(ORIGIN_US, 1, per_second)]
        self._starts = [ORIGIN_US]
        self._block = lru_cache(maxsize=_KEPT_BLOCKS)(self._make_block)

    def set_rate(self, at_us: int, per_second: float) -> None:
        """Another rate from a moment on: what lies before keeps its numbers and times."""
        first = self.number_at(at_us)
        while self._starts and self._starts[-1] >= at_us:
            self._epochs.pop()
            self._starts.pop()
        self._epochs.append(_epoch(at_us, first, per_second))
        self._starts.append(at_us)
        self._block.cache_clear()

    def per_second(self) -> float:
        """The rate in force."""
        last = self._epochs[-1]
        return last.per_block / _MILLION / (last.block_us / SECOND_US)

    def number_at(self, at_us: int) -> int:
        """The number of the first event at or after a moment."""
        index = bisect_right(self._starts, at_us) - 1
        if index < 0:
            return 1
        epoch = self._epochs[index]
        number = (at_us - epoch.start_us) // epoch.block_us
        block = self._block(index, number)
        return block.first + int(np.searchsorted(block.times_ns, at_us * 1000))

    def blocks(self, first: int, last: int) -> Iterator[Block]:
        """The events of these numbers, both ends included, cut to them."""
        number = max(first, 1)
        for block in self.whole_blocks(number):
            if block.first > last:
                return
            yield _cut(block, number, last)
            if block.first + len(block.times_ns) > last:
                return

    def whole_blocks(self, number: int) -> Iterator[Block]:
        """The block that holds an event, and those that follow, as long as there will be events."""
        while True:
            index = self._epoch_of(number)
            epoch = self._epochs[index]
            if epoch.per_block == 0:
                return
            block = self._block(index, epoch.holding(number - epoch.first))
            yield block
            number = block.first + len(block.times_ns)

    def time_us(self, number: int) -> int:
        """When an event happens; far in the future where the rate is 0."""
        for block in self.blocks(number, number):
            return int(block.times_ns[0]) // 1000
        return _END_US

    def _epoch_of(self, number: int) -> int:
        # Of epochs with the same first number, all but the last are empty.
        return bisect_right(self._epochs, number, key=lambda epoch: epoch.first) - 1

    def _make_block(self, index: int, number: int) -> Block:
        epoch = self._epochs[index]
        first = epoch.first + epoch.before(number)
        count = epoch.before(number + 1) - epoch.before(number)
        numbers = np.arange(first, first + count, dtype=np.int64)
        offsets = np.sort(noise.uniform(self._key, _STREAM_TIME, numbers)) * epoch.block_us
        leaders = numbers
        if self._together and count:
            follows = noise.uniform(self._key, _STREAM_TOGETHER, numbers) < self._together
            follows[0] = False
            leaders = np.maximum.accumulate(np.where(follows, first, numbers))
            offsets = offsets[leaders - first]
        start_us = epoch.start_us + number * epoch.block_us
        nanos = (noise.uniform(self._key, _STREAM_NANOS, leaders) * 1000).astype(np.int64)
        times_ns = (start_us + offsets.astype(np.int64)) * 1000 + nanos
        # Two leaders of one microsecond may have their nanoseconds the wrong way round.
        times_ns = np.maximum.accumulate(times_ns)
        if index + 1 < len(self._epochs):
            kept = int(np.searchsorted(times_ns, self._starts[index + 1] * 1000))
            times_ns, leaders = times_ns[:kept], leaders[:kept]
        return Block(first, times_ns, leaders)


def _epoch(start_us: int, first: int, per_second: float) -> _Epoch:
    rate = round(per_second * _MILLION)
    block_us = SECOND_US
    while rate * block_us < _EVENTS_PER_BLOCK * _MILLION * SECOND_US and block_us < _MAX_BLOCK_US:
        block_us *= 10
    return _Epoch(start_us, first, block_us, rate * (block_us // SECOND_US))


def _cut(block: Block, first: int, last: int) -> Block:
    begin = max(first - block.first, 0)
    end = min(last - block.first + 1, len(block.times_ns))
    if begin == 0 and end == len(block.times_ns):
        return block
    return Block(block.first + begin, block.times_ns[begin:end], block.leaders[begin:end])
