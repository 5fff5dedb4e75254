"""Recorded ticks as fast as the clients read them: the venue's clock goes from tick to tick."""

import asyncio
from collections.abc import Mapping

from candlewick.times import MINUTE_US
from simulators.common.clock import Clock
from simulators.common.faults import LiveFaults
from simulators.oanda.app import Limits, Manner, Venue
from simulators.oanda.instruments import Instrument
from simulators.oanda.rest import Access
from simulators.oanda.tape import Price, Tape

_MOST_WAITING = 1 << 18
_STEP_US = MINUTE_US
_PAUSE = 0.001


class HurryingVenue(Venue):
    """A venue whose time passes only as its clients take what happened in it.

    Args:
        end_us: where the recording ends; from then on time passes as it always does.
    """

    def __init__(
        self,
        tapes: Mapping[str, Tape],
        clock: Clock,
        faults: LiveFaults,
        access: Access,
        *,
        limits: Limits,
        manner: Manner,
        end_us: int,
    ) -> None:
        super().__init__(tapes, clock, faults, access, limits=limits, manner=manner)
        self._end_us = end_us
        self._step: list[tuple[Instrument, Price]] = []

    async def pump(self) -> None:
        while self.clock.now_us() < self._end_us:
            if not self.streams or any(
                stream.wire.backlog > _MOST_WAITING for stream in self.streams.values()
            ):
                await asyncio.sleep(_PAUSE)
                continue
            self.clock.place(min(self._next_us() + _STEP_US, self._end_us))
            self.tell()
            # So that others have their turn, and sockets take what was written.
            await asyncio.sleep(0)
        self.clock.go_on()
        await super().pump()

    def tell(self) -> int:
        due_us = super().tell()
        step, self._step = self._step, []
        if step:
            # A step is long: instruments must not come one after the other.
            step.sort(key=lambda entry: entry[1].time_ns)
            for stream in list(self.streams.values()):
                stream.mixed(step)
        return due_us

    def told(self, instrument: Instrument, prices: list[Price]) -> None:
        self._step += [(instrument, price) for price in prices]

    def _next_us(self) -> int:
        """When the next tick of an instrument that is followed is due: closed hours are passed over."""
        names = {name for stream in self.streams.values() for name in stream.symbols()}
        now_us = self.clock.now_us()
        due_us = min((self.market.tapes[name].next_us(now_us) for name in names), default=now_us)
        return max(due_us, now_us)
