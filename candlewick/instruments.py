"""Series, symbols and scales; the packaged instrument table. Standard library only."""

from dataclasses import dataclass
from enum import StrEnum


class AssetClass(StrEnum):
    CRYPTO = "crypto"
    FOREX = "forex"
    METAL = "metal"
    INDEX = "index"
    COMMODITY = "commodity"
    EQUITY = "equity"


class Kind(StrEnum):
    QUOTES = "quotes"
    TRADES = "trades"


@dataclass(frozen=True, slots=True)
class Series:
    """One venue's record of one instrument in one kind.

    Attributes:
        symbol: lower case, no punctuation (`eurusd`).
        price_scale, volume_scale: decimal digits (5 means that 108412 is 1.08412).
        calendar: name of its trading week in `calendars.py`.
    """

    venue: str
    symbol: str
    kind: Kind
    asset_class: AssetClass
    price_scale: int
    volume_scale: int
    calendar: str

    @property
    def name(self) -> str:
        return f"{self.venue}:{self.symbol}:{self.kind}"
