"""The instruments of the simulated venue."""

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
        spread: a typical spread in units of the last digit.
        share: its part in all prices, as a weight.
        underlying: the symbol of what is traded in the table of instruments, where it is not its own name.
    """

    name: str
    kind: str
    decimals: int
    pip: int
    spread: int
    share: int
    underlying: str = ""

    @property
    def display(self) -> str:
        return self.name.replace("_", "/")

    @property
    def plain_name(self) -> str:
        return self.name.replace("_", "").lower()


def _fx(name: str, spread: int, share: int) -> Instrument:
    yen = name.endswith(("_JPY", "_HUF", "_THB"))
    return Instrument(name, "CURRENCY", 3 if yen else 5, -2 if yen else -4, spread, share)


INSTRUMENTS = (
    _fx("EUR_USD", 13, 12),
    _fx("GBP_USD", 17, 10),
    _fx("USD_JPY", 14, 11),
    _fx("AUD_USD", 13, 8),
    _fx("NZD_USD", 16, 5),
    _fx("USD_CAD", 18, 6),
    _fx("USD_CHF", 15, 5),
    _fx("EUR_GBP", 14, 4),
    _fx("EUR_JPY", 19, 6),
    _fx("EUR_CHF", 19, 3),
    _fx("EUR_AUD", 24, 3),
    _fx("EUR_CAD", 23, 3),
    _fx("EUR_NZD", 32, 2),
    _fx("GBP_JPY", 29, 6),
    _fx("GBP_CHF", 29, 2),
    _fx("GBP_AUD", 34, 3),
    _fx("GBP_CAD", 34, 2),
    _fx("GBP_NZD", 46, 2),
    _fx("AUD_JPY", 19, 4),
    _fx("AUD_CAD", 22, 2),
    _fx("AUD_CHF", 21, 1),
    _fx("AUD_NZD", 25, 2),
    _fx("NZD_JPY", 21, 2),
    _fx("NZD_CAD", 24, 1),
    _fx("NZD_CHF", 22, 1),
    _fx("CAD_JPY", 21, 2),
    _fx("CAD_CHF", 22, 1),
    _fx("CHF_JPY", 26, 2),
    _fx("USD_SGD", 24, 1),
    _fx("USD_SEK", 420, 1),
    _fx("USD_NOK", 460, 1),
    _fx("USD_MXN", 900, 1),
    Instrument("XAU_USD", "METAL", 3, -2, 380, 6),
    Instrument("XAG_USD", "METAL", 5, -4, 2100, 3),
    Instrument("SPX500_USD", "CFD", 1, 0, 6, 3, "usa500idxusd"),
    Instrument("DE30_EUR", "CFD", 1, 0, 14, 2, "deuidxeur"),
)

BY_NAME = {instrument.name: instrument for instrument in INSTRUMENTS}


def by_plain_name(plain: str) -> Instrument | None:
    """`eurusd` as EUR_USD."""
    return next((i for i in INSTRUMENTS if i.plain_name == plain.lower()), None)


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
