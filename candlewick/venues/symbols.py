"""How live venues spell the symbols of series. Small: live workers load it.

Sources: Kraken's WebSocket v2 and REST documentation, OANDA's v20 documentation.
"""

KRAKEN = "kraken"
OANDA = "oanda"

_QUOTE_CURRENCIES: tuple[str, ...] = (
    *("usdt", "usdc", "usdg", "usdq", "pyusd", "eurc", "eurq"),
    *("usd", "eur", "gbp", "jpy", "chf", "cad", "aud", "aed", "try", "brl", "mxn", "ars"),
    *("dai", "btc", "eth", "dot", "sol"),
)
_REST_NAMES = {"BTC": "XBT", "DOGE": "XDG"}
"""REST spells these assets in its older way."""


def kraken_spelling(symbol: str) -> str:
    """The venue's spelling of a symbol: `btcusd` is `BTC/USD`.

    Raises:
        ValueError: its quote currency is none of the venue's.
    """
    for quote in sorted(_QUOTE_CURRENCIES, key=len, reverse=True):
        base = symbol.removesuffix(quote)
        if base and base != symbol:
            return f"{base}/{quote}".upper()
    raise ValueError(f"{symbol!r} ends with no quote currency of Kraken")


def kraken_pair(symbol: str) -> str:
    """The same as REST's `pair`: `XBTUSD`."""
    return "".join(_REST_NAMES.get(asset, asset) for asset in kraken_spelling(symbol).split("/"))


def oanda_spelling(symbol: str) -> str:
    """`eurusd` is `EUR_USD`, `spx500usd` is `SPX500_USD`."""
    return f"{symbol[:-3]}_{symbol[-3:]}".upper()
