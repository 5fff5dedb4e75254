"""The pairs that the simulated venue trades, as its three spellings have them.

Decimals are the venue's; shares of the trade are round figures.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Pair:
    """A traded pair.

    Attributes:
        symbol: as in WebSocket v2, `BTC/USD`.
        key: as in REST results, `XXBTZUSD`.
        wsname: as in WebSocket v1 and REST, `XBT/USD`.
        price_decimals, qty_decimals: fixed digits of its numbers in WebSocket v2.
        share: its part in all trades, as a weight.
    """

    symbol: str
    key: str
    wsname: str
    price_decimals: int
    share: int
    qty_decimals: int = 8

    @property
    def altname(self) -> str:
        return self.wsname.replace("/", "")

    @property
    def base(self) -> str:
        return self.symbol.partition("/")[0]

    @property
    def quote(self) -> str:
        return self.symbol.partition("/")[2]

    @property
    def plain_name(self) -> str:
        return self.symbol.replace("/", "").lower()


PAIRS = (
    Pair("BTC/USD", "XXBTZUSD", "XBT/USD", 1, 36),
    Pair("ETH/USD", "XETHZUSD", "ETH/USD", 2, 18),
    Pair("SOL/USD", "SOLUSD", "SOL/USD", 2, 9),
    Pair("XRP/USD", "XXRPZUSD", "XRP/USD", 5, 8),
    Pair("BTC/EUR", "XXBTZEUR", "XBT/EUR", 1, 7),
    Pair("ETH/EUR", "XETHZEUR", "ETH/EUR", 2, 4),
    Pair("BTC/USDT", "XBTUSDT", "XBT/USDT", 1, 5),
    Pair("ETH/USDT", "ETHUSDT", "ETH/USDT", 2, 3),
    Pair("USDT/USD", "USDTZUSD", "USDT/USD", 5, 5),
    Pair("USDC/USD", "USDCUSD", "USDC/USD", 4, 2),
    Pair("DOGE/USD", "XDGUSD", "XDG/USD", 7, 4),
    Pair("ADA/USD", "ADAUSD", "ADA/USD", 6, 3),
    Pair("LTC/USD", "XLTCZUSD", "LTC/USD", 2, 2),
    Pair("DOT/USD", "DOTUSD", "DOT/USD", 4, 2),
    Pair("LINK/USD", "LINKUSD", "LINK/USD", 5, 2),
    Pair("AVAX/USD", "AVAXUSD", "AVAX/USD", 2, 2),
    Pair("XLM/USD", "XXLMZUSD", "XLM/USD", 6, 1),
    Pair("BCH/USD", "BCHUSD", "BCH/USD", 2, 1),
    Pair("ETH/BTC", "XETHXXBT", "ETH/XBT", 5, 2),
    Pair("EUR/USD", "ZEURZUSD", "EUR/USD", 5, 1),
)

BY_SYMBOL = {pair.symbol: pair for pair in PAIRS}


def by_rest_name(name: str) -> Pair | None:
    """The pair that REST means by its key, its altname or its wsname."""
    return next((pair for pair in PAIRS if name.upper() in {pair.key, pair.altname, pair.wsname}), None)
