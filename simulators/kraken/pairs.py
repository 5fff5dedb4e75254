"""The pairs that the simulated venue trades, as its three spellings have them.

Decimals are the venue's; price levels and shares of the trade are round figures.
"""

from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class Pair:
    """A traded pair.

    Attributes:
        symbol: as in WebSocket v2, `BTC/USD`.
        key: as in REST results, `XXBTZUSD`.
        wsname: as in WebSocket v1 and REST, `XBT/USD`.
        price_decimals, qty_decimals: fixed digits of its numbers in WebSocket v2.
        level: a typical price.
        share: its part in all trades, as a weight.
        yearly: volatility of a year, of the logarithm of the price.
    """

    symbol: str
    key: str
    wsname: str
    price_decimals: int
    level: str
    share: int
    yearly: float
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
    def level_ticks(self) -> int:
        return int(Fraction(self.level) * 10**self.price_decimals)


PAIRS = (
    Pair("BTC/USD", "XXBTZUSD", "XBT/USD", 1, "62300", 36, 0.6),
    Pair("ETH/USD", "XETHZUSD", "ETH/USD", 2, "2640", 18, 0.75),
    Pair("SOL/USD", "SOLUSD", "SOL/USD", 2, "148", 9, 0.95),
    Pair("XRP/USD", "XXRPZUSD", "XRP/USD", 5, "0.59", 8, 0.9),
    Pair("BTC/EUR", "XXBTZEUR", "XBT/EUR", 1, "57100", 7, 0.6),
    Pair("ETH/EUR", "XETHZEUR", "ETH/EUR", 2, "2420", 4, 0.75),
    Pair("BTC/USDT", "XBTUSDT", "XBT/USDT", 1, "62310", 5, 0.6),
    Pair("ETH/USDT", "ETHUSDT", "ETH/USDT", 2, "2641", 3, 0.75),
    Pair("USDT/USD", "USDTZUSD", "USDT/USD", 5, "0.9995", 5, 0.01),
    Pair("USDC/USD", "USDCUSD", "USDC/USD", 4, "0.9999", 2, 0.01),
    Pair("DOGE/USD", "XDGUSD", "XDG/USD", 7, "0.1034567", 4, 1.0),
    Pair("ADA/USD", "ADAUSD", "ADA/USD", 6, "0.354", 3, 0.9),
    Pair("LTC/USD", "XLTCZUSD", "LTC/USD", 2, "66", 2, 0.8),
    Pair("DOT/USD", "DOTUSD", "DOT/USD", 4, "4.31", 2, 0.9),
    Pair("LINK/USD", "LINKUSD", "LINK/USD", 5, "11.2", 2, 0.9),
    Pair("AVAX/USD", "AVAXUSD", "AVAX/USD", 2, "23.4", 2, 1.0),
    Pair("XLM/USD", "XXLMZUSD", "XLM/USD", 6, "0.0978", 1, 0.85),
    Pair("BCH/USD", "BCHUSD", "BCH/USD", 2, "322", 1, 0.85),
    Pair("ETH/BTC", "XETHXXBT", "ETH/XBT", 5, "0.0424", 2, 0.5),
    Pair("EUR/USD", "ZEURZUSD", "EUR/USD", 5, "1.0912", 1, 0.08),
)

BY_SYMBOL = {pair.symbol: pair for pair in PAIRS}


def by_rest_name(name: str) -> Pair | None:
    """The pair that REST means by its key, its altname or its wsname."""
    return next((pair for pair in PAIRS if name.upper() in {pair.key, pair.altname, pair.wsname}), None)
