"""How the venue puts 24 hours into a day object; which of these it does is not known for all days."""

from collections.abc import Sequence
from enum import StrEnum

from simulators.dukascopy import formats
from simulators.dukascopy.formats import Records


class DayStyle(StrEnum):
    WHOLE = "whole"
    """One stream, times since the day began: what the venue documents."""
    STREAMS = "streams"
    """A stream for each hour that has ticks, times since the day began."""
    HOURS = "hours"
    """The hour files one after the other, times since each hour began."""


def day_object(hours: Sequence[Records], bodies: Sequence[bytes], style: DayStyle) -> bytes:
    """The day object of 24 hours, given both decoded and as files; a day without ticks is no bytes."""
    match style:
        case DayStyle.WHOLE:
            return formats.bi5(formats.day_records(hours))
        case DayStyle.STREAMS:
            return b"".join(
                formats.bi5(formats.since_midnight(hours, number)) for number in range(len(hours))
            )
        case DayStyle.HOURS:
            return b"".join(bodies)
