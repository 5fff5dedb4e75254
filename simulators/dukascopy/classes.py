"""How Dukascopy's ticks of a synthetic instrument look, by its class: spreads and sizes."""

from dataclasses import dataclass

from candlewick.instruments import AssetClass


@dataclass(frozen=True, slots=True)
class Character:
    """How an instrument is quoted.

    Attributes:
        spread: a typical spread as a share of the price.
        lot: the smallest step of a volume in units; sizes are a few usual multiples of `lots`.
        lots: the usual size in lots.
    """

    spread: float
    lot: int
    lots: int


_BY_CLASS = {
    AssetClass.FOREX: Character(1.5e-5, 10_000, 90),
    AssetClass.METAL: Character(1.5e-4, 10, 9),
    AssetClass.INDEX: Character(1e-4, 1, 5),
    AssetClass.COMMODITY: Character(4e-4, 10, 9),
    AssetClass.CRYPTO: Character(6e-4, 1, 2),
    AssetClass.EQUITY: Character(5e-4, 1, 100),
}


def character(asset_class: AssetClass) -> Character:
    """How instruments of a class are quoted."""
    return _BY_CLASS[asset_class]
