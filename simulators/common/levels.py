"""What a unit of each thing is worth in a simulated market: round figures of recent years.

A chart of any instrument should look like that instrument, and no more is claimed.
"""

import hashlib
import math

from candlewick.instruments import AssetClass

# US dollars for one unit.
DOLLARS = {
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
    "ADA": 0.354,
    "AVAX": 23.4,
    "AVE": 95.0,
    "BAT": 0.22,
    "BCH": 322.0,
    "BTC": 62_300.0,
    "CMP": 55.0,
    "DOGE": 0.1034567,
    "DOT": 4.31,
    "DSH": 35.0,
    "ENJ": 0.3,
    "EOS": 0.8,
    "ETH": 2_640.0,
    "EUC": 1.09,
    "LINK": 11.2,
    "LNK": 11.2,
    "LTC": 66.0,
    "MAT": 0.75,
    "MKR": 1_400.0,
    "SOL": 148.0,
    "TRX": 0.09,
    "UNI": 6.5,
    "USC": 1.0,
    "USDC": 0.9999,
    "USDT": 0.9995,
    "XLM": 0.0978,
    "XRP": 0.59,
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


def level(name: str, symbol: str, asset_class: AssetClass) -> float:
    """A typical price in the quote currency.

    Args:
        name: `EUR/USD`, `AAPL.US/USD`.
    """
    base, _, quote = name.partition("/")
    if base in _LEVELS:
        return _LEVELS[base]
    if base in DOLLARS and quote in DOLLARS:
        return DOLLARS[base] / DOLLARS[quote]
    spread_out = math.pow(4, _share(symbol) * 2 - 1)
    if asset_class is AssetClass.INDEX:
        return _INDEX_LEVEL * spread_out
    return _SHARE_LEVEL.get(quote, 70.0) * spread_out


def _share(symbol: str) -> float:
    """A number in [0, 1) that belongs to a symbol."""
    return int.from_bytes(hashlib.blake2b(symbol.encode(), digest_size=8).digest(), "big") / 2**64
