"""Tells the venues' workers what to stream: the live series of the database, whenever they change.

The recorder does it: it looks at the same table every second, and so what is streamed is recorded too.
"""

import time
from collections.abc import Sequence

from candlewick import topics
from candlewick.broker import Sender, json_schema
from candlewick.instruments import Series
from candlewick.live import wanted
from candlewick.live.wanted import DEFINITION, WantedSeries
from candlewick.times import now_us

AGAIN_S = 600.0
"""Said again after this long: messages are not kept for ever."""

_KEY = "wanted"


class Announcer:
    """Belongs to one thread."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self._said: tuple[WantedSeries, ...] | None = None
        self._said_at = 0.0

    def tell(self, series: Sequence[Series]) -> bool:
        """Says what of these is to be streamed, if that is new or was said long ago; whether it was said.

        Raises:
            BusError: the broker refused or did not answer; it is told again at the next call.
        """
        message = wanted.of(series, now_us())
        if message.series == self._said and time.monotonic() - self._said_at < AGAIN_S:
            return False
        self._sender.send(topics.WANTED_TOPIC, json_schema(DEFINITION), wanted.encode(message), _KEY)
        self._said, self._said_at = message.series, time.monotonic()
        return True
