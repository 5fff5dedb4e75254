"""What a synthetic instrument is like: price level, volatility, spread and sizes, by its class and name.

Levels are round figures of recent years: a chart of any instrument should look like that instrument,
and no more is claimed.
"""

import hashlib
import math
from dataclasses import dataclass

from candlewick.instruments import AssetClass, Instrument

# US dollars for one unit.
_DOLLARS = {
    "AED": 0.2723,
    "AUD": 0.66,
    "CAD": 0.735,
    "CHF": 1.13,
    "CNH": 0.139,
    "CZK": 0.0435,
    "DKK": 0.146,
    "EUR": 1.09,
    "GBP": 1.27,
    "HKD": 0.128,
    "HUF": 0.00278,
    "ILS": 0.27,
    "JPY": 0.0068,
    "MXN": 0.054,
    "NOK": 0.094,
    "NZD": 0.61,
    "PLN": 0.25,
    "RON": 0.219,
    "SAR": 0.2667,
    "SEK": 0.095,
    "SGD": 0.745,
    "THB": 0.0284,
    "TRY": 0.031,
    "USD": 1.0,
    "ZAR": 0.0535,
    "USX": 0.01,
    "GBX": 0.0127,
    "XAG": 24.0,
    "XAU": 1950.0,
    "ADA": 0.45,
    "AVE": 95.0,
    "BAT": 0.22,
    "BCH": 260.0,
    "BTC": 31_000.0,
    "CMP": 55.0,
    "DSH": 35.0,
    "ENJ": 0.3,
    "EOS": 0.8,
    "ETH": 1_900.0,
    "EUC": 1.09,
    "LNK": 12.0,
    "LTC": 78.0,
    "MAT": 0.75,
    "MKR": 1_400.0,
    "TRX": 0.09,
    "UNI": 6.5,
    "USC": 1.0,
    "XLM": 0.11,
    "YFI": 7_500.0,
}

# In the quote currency.
_LEVELS = {
    "AUS.IDX": 7_500.0,
    "CHE.IDX": 11_400.0,
    "CHI.IDX": 12_500.0,
    "DEU.IDX": 16_200.0,
    "DOLLAR.IDX": 103.0,
    "ESP.IDX": 9_900.0,
    "EUS.IDX": 4_400.0,
    "FRA.IDX": 7_400.0,
    "GBR.IDX": 7_700.0,
    "HKG.IDX": 18_500.0,
    "ITA.IDX": 29_000.0,
    "JPN.IDX": 33_000.0,
    "NLD.IDX": 780.0,
    "USA30.IDX": 35_500.0,
    "USA500.IDX": 4_500.0,
    "USATECH.IDX": 15_500.0,
    "USSC2000.IDX": 1_950.0,
    "VOL.IDX": 18.0,
    "BRENT.CMD": 82.0,
    "COCOA.CMD": 3_300.0,
    "COFFEE.CMD": 165.0,
    "COPPER.CMD": 3.9,
    "COTTON.CMD": 83.0,
    "DIESEL.CMD": 780.0,
    "GAS.CMD": 2.7,
    "LIGHT.CMD": 78.0,
    "OJUICE.CMD": 290.0,
    "SOYBEAN.CMD": 1_350.0,
    "SUGAR.CMD": 570.0,
    "XPD.CMD": 1_250.0,
    "XPT.CMD": 960.0,
}
_INDEX_LEVEL = 5_000.0
# Where a currency has many small units, its shares cost more of them.
_SHARE_LEVEL = {"JPY": 2_500.0, "GBX": 900.0, "MXN": 120.0, "HKD": 60.0}
_MIN_POINTS, _MAX_POINTS = 500, 500_000_000


@dataclass(frozen=True, slots=True)
class Character:
    """How an instrument behaves.

    Attributes:
        level: a typical price.
        yearly: volatility of a year, of the logarithm of the price.
        spread: a typical spread as a share of the price.
        lot: the smallest step of a volume in units; sizes are a few usual multiples of `lots`.
        lots: the usual size in lots.
        round_the_clock: activity follows the world's day, otherwise that of its own session.
    """

    level: float
    yearly: float
    spread: float
    lot: int
    lots: int
    round_the_clock: bool


_BY_CLASS = {
    AssetClass.FOREX: Character(1.0, 0.08, 1.5e-5, 10_000, 90, round_the_clock=True),
    AssetClass.METAL: Character(1.0, 0.16, 1.5e-4, 10, 9, round_the_clock=True),
    AssetClass.INDEX: Character(1.0, 0.18, 1e-4, 1, 5, round_the_clock=True),
    AssetClass.COMMODITY: Character(1.0, 0.32, 4e-4, 10, 9, round_the_clock=True),
    AssetClass.CRYPTO: Character(1.0, 0.6, 6e-4, 1, 2, round_the_clock=True),
    AssetClass.EQUITY: Character(1.0, 0.28, 5e-4, 1, 100, round_the_clock=False),
}


def character(instrument: Instrument, scale: int) -> Character:
    """How a synthetic instrument behaves, with a level that its scale can hold.

    Args:
        scale: decimal digits of its prices.
    """
    usual = _BY_CLASS[instrument.asset_class]
    unit = math.pow(10, scale)
    points = min(max(_level(instrument) * unit, _MIN_POINTS), _MAX_POINTS)
    return Character(points / unit, usual.yearly, usual.spread, usual.lot, usual.lots, usual.round_the_clock)


def _level(instrument: Instrument) -> float:
    base, _, quote = instrument.name.partition("/")
    if base in _LEVELS:
        return _LEVELS[base]
    if base in _DOLLARS and quote in _DOLLARS:
        return _DOLLARS[base] / _DOLLARS[quote]
    spread_out = math.pow(4, _share(instrument.symbol) * 2 - 1)
    if instrument.asset_class is AssetClass.INDEX:
        return _INDEX_LEVEL * spread_out
    return _SHARE_LEVEL.get(quote, 70.0) * spread_out


def _share(symbol: str) -> float:
    """A number in [0, 1) that belongs to a symbol."""
    return int.from_bytes(hashlib.blake2b(symbol.encode(), digest_size=8).digest(), "big") / 2**64
