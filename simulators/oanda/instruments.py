"""The instruments of the simulated venue. Price levels are round figures of recent years."""

from dataclasses import dataclass
from functools import lru_cache

from candlewick.calendars import Calendar

_DAY = 24 * 60
_CLOSE = 16 * 60 + 58
_FX_OPEN, _METAL_OPEN = 17 * 60 + 3, 18 * 60 + 3


@dataclass(frozen=True, slots=True)
class Instrument:
    """What the venue trades.

    Attributes:
        name: as the venue spells it, `EUR_USD`.
        kind: `CURRENCY`, `METAL` or `CFD`.
        decimals: digits of its prices, the venue's displayPrecision.
        pip: exponent of a pip.
        level: a typical price in units of the last digit.
        spread: a typical spread in the same.
        share: its part in all prices, as a weight.
        yearly: volatility of a year, of the logarithm of the price.
    """

    name: str
    kind: str
    decimals: int
    pip: int
    level: int
    spread: int
    share: int
    yearly: float = 0.08

    @property
    def display(self) -> str:
        return self.name.replace("_", "/")


def _fx(name: str, level: int, spread: int, share: int) -> Instrument:
    yen = name.endswith(("_JPY", "_HUF", "_THB"))
    return Instrument(name, "CURRENCY", 3 if yen else 5, -2 if yen else -4, level, spread, share)


INSTRUMENTS = (
    _fx("EUR_USD", 108_500, 13, 12),
    _fx("GBP_USD", 127_000, 17, 10),
    _fx("USD_JPY", 148_000, 14, 11),
    _fx("AUD_USD", 66_000, 13, 8),
    _fx("NZD_USD", 61_000, 16, 5),
    _fx("USD_CAD", 136_000, 18, 6),
    _fx("USD_CHF", 88_500, 15, 5),
    _fx("EUR_GBP", 85_400, 14, 4),
    _fx("EUR_JPY", 160_600, 19, 6),
    _fx("EUR_CHF", 96_000, 19, 3),
    _fx("EUR_AUD", 164_400, 24, 3),
    _fx("EUR_CAD", 147_600, 23, 3),
    _fx("EUR_NZD", 177_900, 32, 2),
    _fx("GBP_JPY", 188_000, 29, 6),
    _fx("GBP_CHF", 112_400, 29, 2),
    _fx("GBP_AUD", 192_400, 34, 3),
    _fx("GBP_CAD", 172_700, 34, 2),
    _fx("GBP_NZD", 208_200, 46, 2),
    _fx("AUD_JPY", 97_700, 19, 4),
    _fx("AUD_CAD", 89_800, 22, 2),
    _fx("AUD_CHF", 58_400, 21, 1),
    _fx("AUD_NZD", 108_200, 25, 2),
    _fx("NZD_JPY", 90_300, 21, 2),
    _fx("NZD_CAD", 83_000, 24, 1),
    _fx("NZD_CHF", 54_000, 22, 1),
    _fx("CAD_JPY", 108_800, 21, 2),
    _fx("CAD_CHF", 65_100, 22, 1),
    _fx("CHF_JPY", 167_200, 26, 2),
    _fx("USD_SGD", 134_200, 24, 1),
    _fx("USD_SEK", 1_052_000, 420, 1),
    _fx("USD_NOK", 1_064_000, 460, 1),
    _fx("USD_MXN", 1_852_000, 900, 1),
    Instrument("XAU_USD", "METAL", 3, -2, 1_950_000, 380, 6, 0.16),
    Instrument("XAG_USD", "METAL", 5, -4, 2_400_000, 2100, 3, 0.28),
    Instrument("SPX500_USD", "CFD", 1, 0, 45_000, 6, 3, 0.18),
    Instrument("DE30_EUR", "CFD", 1, 0, 162_000, 14, 2, 0.2),
)

BY_NAME = {instrument.name: instrument for instrument in INSTRUMENTS}


def by_plain_name(plain: str) -> Instrument | None:
    """`eurusd` as EUR_USD."""
    return next((i for i in INSTRUMENTS if i.name.replace("_", "").lower() == plain.lower()), None)


@lru_cache
def sessions_of(kind: str) -> Calendar:
    """The trading week: Sunday to Friday in New York, with a pause of some minutes or an hour each day."""
    opens = _FX_OPEN if kind == "CURRENCY" else _METAL_OPEN
    # From Sunday evening on; the week's minutes are counted from Monday 00:00.
    spans = [(max(day * _DAY + opens, 0), day * _DAY + _DAY + _CLOSE) for day in range(-1, 4)]
    spans[0] = (0, spans[0][1])
    sunday = (6 * _DAY + opens, 7 * _DAY)
    return Calendar(f"oanda-{kind.lower()}", "America/New_York", "", (*spans, sunday))


@lru_cache
def always() -> Calendar:
    """A week without a close, for whoever must not wait for Monday."""
    return Calendar("oanda-always", "UTC", "", ((0, 7 * _DAY),))
