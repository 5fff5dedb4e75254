"""OANDA v20: how many decimals its prices have.

Sources: OANDA's v20 documentation (`instruments`: `displayPrecision`) and recorded price lines: five
decimals, three where the quote currency is the yen.
"""

from itertools import permutations

import httpx
from pydantic import SecretStr

from candlewick.errors import CandlewickError
from candlewick.instruments import AssetClass, Kind, Series
from candlewick.venues.symbols import OANDA, oanda_spelling

NAME = OANDA

_MAJORS = ("eur", "gbp", "aud", "nzd", "usd", "cad", "chf", "jpy")
_CLASSES = {"CURRENCY": AssetClass.FOREX, "METAL": AssetClass.METAL, "CFD": AssetClass.INDEX}
_CALENDARS = {AssetClass.FOREX: "forex", AssetClass.METAL: "metals", AssetClass.INDEX: "unknown"}
_TIMEOUT_S = 10.0


class OandaError(CandlewickError):
    """OANDA refuses, does not answer, or is not configured."""


class UnknownInstrumentError(OandaError):
    """The account cannot trade it."""


def is_major(symbol: str) -> bool:
    """Whether it is a pair of the eight major currencies in the order in which they are quoted."""
    # Currencies stand in the order of _MAJORS: EUR/USD, never USD/EUR.
    pairs = {base + quote for base, quote in permutations(_MAJORS, 2)}
    return symbol in pairs and _MAJORS.index(symbol[:3]) < _MAJORS.index(symbol[3:])


def series(symbol: str, rest_url: str, token: SecretStr | None, account: SecretStr | None) -> Series:
    """The quotes of a symbol. Volumes are units; prices have the venue's `displayPrecision`.

    Raises:
        OandaError: it is no pair of major currencies and the venue does not know it, or cannot be asked.
    """
    if is_major(symbol):
        return _series(symbol, AssetClass.FOREX, 3 if symbol.endswith("jpy") else 5)
    if token is None or account is None:
        raise OandaError(
            f"how OANDA prices {oanda_spelling(symbol)} is not known without an account there",
            "set CANDLEWICK_OANDA_TOKEN and CANDLEWICK_OANDA_ACCOUNT",
        )
    name = oanda_spelling(symbol)
    try:
        with httpx.Client(base_url=rest_url, timeout=_TIMEOUT_S) as client:
            answer = client.get(
                f"/v3/accounts/{account.get_secret_value()}/instruments",
                params={"instruments": name},
                headers={"Authorization": f"Bearer {token.get_secret_value()}"},
            )
            found = answer.json().get("instruments", []) if answer.is_success else []
    except (httpx.HTTPError, ValueError) as error:
        raise OandaError(
            f"OANDA does not answer: {type(error).__name__}", "try again when it can be reached"
        ) from None
    for one in found:
        if one["name"] == name:
            return _series(symbol, _CLASSES.get(one["type"], AssetClass.INDEX), int(one["displayPrecision"]))
    raise UnknownInstrumentError(
        f"OANDA has no {name} for this account ({answer.status_code})",
        "which instruments an account has depends on its division",
    )


def _series(symbol: str, asset_class: AssetClass, price_scale: int) -> Series:
    return Series(NAME, symbol, Kind.QUOTES, asset_class, price_scale, 0, _CALENDARS[asset_class])
