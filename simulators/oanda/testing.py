"""Starts the simulated OANDA as a process of its own for the length of a `with` block, and talks to it.

with running("--instruments", "EUR_USD", "--always-open") as venue:
    settings = Settings(oanda_stream_url=venue.url, oanda_rest_url=venue.url, oanda_token=venue.token)
    venue.set_faults("close")
    ...
    assert landed == venue.written("EUR_USD").times_ns
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import Any

import httpx

from simulators.common.live_process import LiveVenue
from simulators.common.process import started

_TOKEN, _ACCOUNT = "simulated-token", "101-001-0000001-001"


@dataclass(frozen=True)
class Written:
    """Price lines that went to sockets, in the order of writing: columns of the last 200,000."""

    connections: list[int]
    symbols: list[str]
    times_ns: list[int]
    bids: list[str]
    asks: list[str]
    written_us: list[int]


@dataclass(frozen=True)
class Truth:
    """All prices of an instrument that there were at the venue, ascending by time."""

    times_ns: list[int]
    bids: list[str]
    asks: list[str]


@dataclass(frozen=True)
class RunningOanda(LiveVenue):
    """A running simulator; its URL is for `CANDLEWICK_OANDA_STREAM_URL` and `CANDLEWICK_OANDA_REST_URL`."""

    token: str = _TOKEN
    account: str = _ACCOUNT

    @property
    def stream_url(self) -> str:
        """The pricing stream; `instruments` is the query."""
        return f"{self.url}/v3/accounts/{self.account}/pricing/stream"

    @property
    def headers(self) -> dict[str, str]:
        """What a request must have."""
        return {"Authorization": f"Bearer {self.token}"}

    def written(self, symbol: str | None = None, connection: int | None = None) -> Written:
        """The price lines of one instrument or connection, or all."""
        told = self._sent(symbol=symbol, connection=connection)
        return Written(**{field.name: told[field.name] for field in fields(Written)})

    def truth(self, symbol: str, from_us: int, to_us: int | None = None) -> Truth:
        """What happened within [from, to) of the venue's time, told or not."""
        return Truth(**self._sent(symbol=symbol, from_us=from_us, to_us=to_us)["prices"])

    def withheld_ns(self, symbol: str) -> list[int]:
        """Times of the prices that candles contain but no stream."""
        times: list[int] = self._sent(symbol=symbol)["withheld_ns"]
        return times

    def _sent(self, **wanted: object) -> dict[str, Any]:
        query = {name: str(value) for name, value in wanted.items() if value is not None}
        answer: dict[str, Any] = self.control("GET", f"_sent?{httpx.QueryParams(query)}")
        return answer


@contextmanager
def running(*options: str) -> Iterator[RunningOanda]:
    """A simulator on a free port of loopback; it is gone when the block ends.

    Args:
        options: of `python -m simulators.oanda`; with another token or account than the usual ones,
            give these to the result with `dataclasses.replace`.

    Raises:
        RuntimeError: it did not become ready; the message holds what it said.
    """
    with started("simulators.oanda", *options) as (url, pid):
        yield RunningOanda(url, pid)
