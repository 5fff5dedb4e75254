"""What is traded at simulated venues, whichever of them trades it: one price for all."""

import math
from dataclasses import dataclass
from functools import lru_cache

from candlewick.instruments import AssetClass, Instrument, all_instruments
from simulators.common.levels import level

USUAL_SCALE = 3
"""Decimal digits of Dukascopy's prices where no list states them."""

_YEARLY = {
    AssetClass.FOREX: 0.08,
    AssetClass.METAL: 0.16,
    AssetClass.INDEX: 0.18,
    AssetClass.COMMODITY: 0.32,
    AssetClass.CRYPTO: 0.6,
    AssetClass.EQUITY: 0.28,
}
_PEGGED = {"USDT", "USDC", "USC", "EUC"}
_PEGGED_YEARLY = 0.01
_MIN_POINTS, _MAX_POINTS = 500, 500_000_000


@dataclass(frozen=True, slots=True)
class Underlying:
    """Something that has a price.

    Attributes:
        symbol: as in the table of instruments, `eurusd`.
        calendar: name of the trading week in which its price moves.
        level: a typical price in the quote currency.
        yearly: volatility of a year, of the logarithm of the price.
    """

    symbol: str
    asset_class: AssetClass
    calendar: str
    level: float
    yearly: float


@lru_cache
def underlying(symbol: str, name: str) -> Underlying:
    """As the table of instruments has it; what is not in there is a crypto-currency.

    Its level is one that the venue's scale can hold.

    Args:
        name: `EUR/USD`; counts where the table has no such symbol.
    """
    known = _by_symbol().get(symbol)
    if known is None:
        asset_class, calendar, typical = AssetClass.CRYPTO, "crypto", level(name, symbol, AssetClass.CRYPTO)
    else:
        name, asset_class, calendar = known.name, known.asset_class, known.calendar
        unit = math.pow(10, USUAL_SCALE if known.price_scale is None else known.price_scale)
        points = level(name, symbol, asset_class) * unit
        typical = min(max(points, _MIN_POINTS), _MAX_POINTS) / unit
    yearly = _PEGGED_YEARLY if name.partition("/")[0] in _PEGGED else _YEARLY[asset_class]
    return Underlying(symbol, asset_class, calendar, typical, yearly)


@lru_cache(maxsize=1)
def _by_symbol() -> dict[str, Instrument]:
    return {instrument.symbol: instrument for instrument in all_instruments()}
