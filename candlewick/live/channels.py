"""Which live topics a series has."""

from candlewick.instruments import Kind, Series
from candlewick.live.events import Channel


def channels(series: Series) -> tuple[Channel, ...]:
    """The channel that is recorded, then those that only pass by.

    Kraken's `ticker` gives quotes and the figures of the last 24 hours in one message.
    """
    own = Channel(series.kind.value)
    if series.venue == "kraken" and series.kind is Kind.QUOTES:
        return own, Channel.TICKER
    return (own,)
