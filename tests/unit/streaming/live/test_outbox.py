"""What an outbox counts: a producer that answers as the test says. With the real one: tests/integration."""

from collections.abc import Callable
from typing import Any, cast

import _pulsar  # type: ignore[import-not-found]
import pytest

from candlewick.live.continuity import Continuity, Saying
from streaming.live.outbox import LostProducerError, Outbox
from tests.event_loop import eventually, in_a_loop


class Producer:
    def __init__(self) -> None:
        self.done: list[Callable[..., None]] = []

    def send_async(self, _payload: bytes, done: Callable[..., None]) -> None:
        self.done.append(done)


@in_a_loop
async def test_what_is_acknowledged_after_a_loss_does_not_stand_for_what_was_lost() -> None:
    producer = Producer()
    outbox = Outbox("topic", cast("Any", producer))
    for number in range(3):
        await outbox.send(Continuity(Saying.COMPLETE, number, number + 1))
        await eventually("it is handed over", lambda number=number: len(producer.done) > number)
    for entry, result in enumerate(["Ok", "ChecksumError", "Ok"]):
        producer.done[entry](getattr(_pulsar.Result, result), _pulsar.MessageId(-1, 1, entry, -1))
    assert (outbox.sent, outbox.acknowledged, str(outbox.last)) == (3, 1, "1:0")
    with pytest.raises(LostProducerError, match="ChecksumError"):
        await outbox.settled()
