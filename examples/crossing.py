"""A toy strategy on live series: buy when a fast moving average crosses above a slow one, sell below.

    .venv/bin/python -m examples.crossing kraken:btcusd:trades --from 2026-11-25T12:00

An orchestrator runs one strategy for each series in a thread of its own. History warms the averages up, and
from `Live` on signals are acted on. What may be missing is told by the stream itself: a strategy here stands
aside until both of its averages have been made anew of what came behind the hole.
"""

import argparse
import threading
import time
from collections import deque
from collections.abc import Iterable

from candlewick.client import Client
from candlewick.consume import Filled, Item, Live, Missing, Quoted, Traded
from candlewick.errors import CandlewickError
from candlewick.instruments import Series
from candlewick.times import iso, parse_time


class Average:
    """The mean of the last prices, exact: a sum of integers."""

    def __init__(self, length: int) -> None:
        self._prices: deque[int] = deque(maxlen=length)
        self._sum = 0

    def add(self, price: int) -> None:
        if len(self._prices) == self._prices.maxlen:
            self._sum -= self._prices[0]
        self._prices.append(price)
        self._sum += price

    @property
    def value(self) -> float | None:
        """None until as many prices have come as are wanted."""
        return self._sum / len(self._prices) if len(self._prices) == self._prices.maxlen else None


class Crossing:
    """One series' strategy: ticks in, signals out; where the ticks come from is not its business."""

    def __init__(self, fast: int, slow: int) -> None:
        self._lengths = fast, slow
        self._forget()
        self.last_us = 0

    def _forget(self) -> None:
        self._fast, self._slow = (Average(length) for length in self._lengths)
        self._above: bool | None = None

    def take(self, item: Item) -> str | None:
        """`buy` or `sell` where the averages cross."""
        match item:
            case Missing():
                self._forget()
            case Traded() | Quoted():
                if item.us < self.last_us:
                    # It fills a gap: too late to be acted upon.
                    return None
                self.last_us = item.us
                return self._price(item.price if isinstance(item, Traded) else item.bid)
            case Live() | Filled():
                pass
        return None

    def _price(self, price: int) -> str | None:
        self._fast.add(price)
        self._slow.add(price)
        fast, slow = self._fast.value, self._slow.value
        if fast is None or slow is None or fast == slow:
            return None
        before, self._above = self._above, fast > slow
        if before is None or before == self._above:
            return None
        return "buy" if self._above else "sell"


class Orchestrator:
    """Keeps a strategy on each of some series, whatever happens to the broker or the database."""

    def __init__(self, client: Client, names: Iterable[str], start: int, *, fast: int, slow: int) -> None:
        self._client = client
        self._start = start
        self._series = [client.series(name) for name in names]
        self._lengths = fast, slow

    def run(self, patience_s: float | None = None) -> None:
        """Returns once every series has been silent for so long; None: never."""
        threads = [
            threading.Thread(target=self._keep, args=(series, patience_s), name=series.name)
            for series in self._series
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def _keep(self, series: Series, patience_s: float | None) -> None:
        strategy = Crossing(*self._lengths)
        start = self._start
        while True:
            try:
                self._follow(series, strategy, start, patience_s)
            except CandlewickError as error:
                print(f"{series.name}: {error}")
                # What came up to here is known, but for the last microsecond, which may not be whole.
                start = strategy.last_us or start
                time.sleep(1)
            else:
                return

    def _follow(self, series: Series, strategy: Crossing, start: int, patience_s: float | None) -> None:
        live = False
        for item in self._client.follow(series.name, start, patience_s=patience_s):
            signal = strategy.take(item)
            if isinstance(item, Live):
                live = True
                print(f"{series.name}: live")
            elif isinstance(item, Missing):
                print(f"{series.name}: {iso(item.from_us)} to {iso(item.to_us)} is missing: {item.reason}")
            if signal and live and isinstance(item, Traded | Quoted):
                price = item.price if isinstance(item, Traded) else item.ask if signal == "buy" else item.bid
                print(f"{series.name}: {iso(item.us)} {signal} at {price / 10**series.price_scale}")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m examples.crossing", description=__doc__)
    parser.add_argument("series", nargs="+", help="kraken:btcusd:trades")
    parser.add_argument("--from", dest="start", required=True, help="where the averages begin")
    parser.add_argument("--fast", type=int, default=50)
    parser.add_argument("--slow", type=int, default=200)
    parser.add_argument("--patience", type=float, help="end after so many seconds of silence")
    given = parser.parse_args()
    try:
        with Client() as client:
            start = parse_time(given.start)
            Orchestrator(client, given.series, start, fast=given.fast, slow=given.slow).run(given.patience)
    except CandlewickError as error:
        parser.exit(2, f"{error}\n")


if __name__ == "__main__":
    main()
