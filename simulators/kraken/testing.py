"""Starts the simulated Kraken as a process of its own for the length of a `with` block, and talks to it.

with running("--pairs", "BTC/USD", "--rate", "100") as venue:
    settings = Settings(kraken_ws_url=venue.ws_url, kraken_rest_url=venue.rest_url)
    venue.set_faults("skip:count=5")
    ...
    assert landed == venue.truth("BTC/USD", from_id=first).ids
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from simulators.common.live_process import LiveVenue
from simulators.common.process import started


@dataclass(frozen=True)
class Truth:
    """What there is at the venue in one pair: columns of the trades from `first_id` to `last_id`.

    Attributes:
        next_id: of the first trade that did not exist yet.
        times_ns, prices, qtys, sides: one entry for each of `ids`; decimals as text, sides `b` and `s`.
        lost: runs of ids that nobody has.
        withheld: runs of ids that only REST has.
        sent: runs of ids by connection, in the order of writing.
    """

    symbol: str
    next_id: int
    first_id: int
    last_id: int
    ids: list[int]
    times_ns: list[int]
    prices: list[str]
    qtys: list[str]
    sides: str
    lost: list[tuple[int, int]]
    withheld: list[tuple[int, int]]
    sent: dict[int, list[tuple[int, int]]]


@dataclass(frozen=True)
class RunningKraken(LiveVenue):
    """A running simulator."""

    @property
    def ws_url(self) -> str:
        """For `CANDLEWICK_KRAKEN_WS_URL`."""
        return f"ws{self.url.removeprefix('http')}/v2"

    @property
    def rest_url(self) -> str:
        """For `CANDLEWICK_KRAKEN_REST_URL`; the calls are below `/0/public/`."""
        return self.url

    def truth(
        self, symbol: str = "BTC/USD", *, from_id: int | None = None, to_id: int | None = None
    ) -> Truth:
        """All trades that exist now within these ids, however many; without ids, the last 100,000."""
        told = self._truth(symbol, from_id, to_id)
        last = told["next_id"] - 1 if to_id is None else min(to_id, told["next_id"] - 1)
        while told["last_id"] < last:
            more = self._truth(symbol, told["last_id"] + 1, last)
            for column in ("ids", "times_ns", "prices", "qtys", "sides", "lost", "withheld"):
                told[column] += more[column]
            told["last_id"] = more["last_id"]
        told["lost"] = [(first, last) for first, last in told["lost"]]
        told["withheld"] = [(first, last) for first, last in told["withheld"]]
        told["sent"] = {
            line["connection"]: [(first, last) for first, last in line["runs"]] for line in told["sent"]
        }
        return Truth(**told)

    def _truth(self, symbol: str, from_id: int | None, to_id: int | None) -> dict[str, Any]:
        wanted = {"symbol": symbol, "from_id": from_id, "to_id": to_id}
        query = httpx.QueryParams({name: value for name, value in wanted.items() if value is not None})
        answer: dict[str, Any] = self.control("GET", f"_sent?{query}")
        return answer


@contextmanager
def running(*options: str) -> Iterator[RunningKraken]:
    """A simulator on a free port of loopback; it is gone when the block ends.

    Args:
        options: of `python -m simulators.kraken`.

    Raises:
        RuntimeError: it did not become ready; the message holds what it said.
    """
    with started("simulators.kraken", *options) as (url, pid):
        yield RunningKraken(url, pid)
