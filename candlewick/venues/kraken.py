"""Kraken Spot: how many decimals its numbers have.

Sources: Kraken's REST documentation (`AssetPairs`, `Trades`).
"""

from typing import Any

import httpx

from candlewick.errors import CandlewickError
from candlewick.instruments import AssetClass, Kind, Series
from candlewick.venues.symbols import KRAKEN, kraken_pair

NAME = KRAKEN
CALENDAR = "crypto"

_KNOWN_SCALES = {"btcusd": (5, 8)}
"""What a new installation collects must not wait for the venue. REST prints prices of XBT/USD with five
decimals, and its trades of 2013 have as many; `AssetPairs` says eight of quantities."""

_TIMEOUT_S = 10.0
_UNKNOWN_PAIR = "Unknown asset pair"


class KrakenError(CandlewickError):
    """Kraken's REST side refuses, or does not answer."""


class UnknownPairError(KrakenError):
    """Kraken does not trade it."""


def series(symbol: str, kind: Kind, rest_url: str) -> Series:
    """The series of a symbol, with scales that hold every number the venue has printed of it.

    Raises:
        KrakenError: the venue has no such pair, or cannot be asked.
    """
    price_scale, volume_scale = _KNOWN_SCALES.get(symbol) or confirm_scales(symbol, rest_url)
    return Series(NAME, symbol, kind, AssetClass.CRYPTO, price_scale, volume_scale, CALENDAR)


def confirm_scales(symbol: str, rest_url: str) -> tuple[int, int]:
    """Decimals of prices and of quantities, by the venue.

    `pair_decimals` is what prices have today; older trades have more, and REST prints all trades with as
    many as any may have.

    Raises:
        KrakenError: the venue has no such pair, or cannot be asked.
    """
    try:
        pair = kraken_pair(symbol)
    except ValueError as error:
        raise UnknownPairError(f"Kraken has no {symbol}", str(error)) from None
    with httpx.Client(base_url=rest_url, timeout=_TIMEOUT_S) as client:
        pairs = ask(client, "/0/public/AssetPairs", {"pair": pair})
        trades = ask(client, "/0/public/Trades", {"pair": pair, "count": "1"})
    (facts,) = pairs.values()
    rows: list[Any] = next((rows for key, rows in trades.items() if key != "last"), [])
    printed = [len(str(row[0]).partition(".")[2]) for row in rows]
    return max([int(facts["pair_decimals"]), *printed]), int(facts["lot_decimals"])


def ask(client: httpx.Client, path: str, parameters: dict[str, str]) -> dict[str, Any]:
    """The `result` of a REST call.

    Raises:
        KrakenError: an error, no answer, or none of the API; `retryable` ones say so.
    """
    what = path.rpartition("/")[2]
    try:
        answer = client.get(path, params=parameters)
        body = answer.json()
    except httpx.HTTPError as error:
        raise KrakenError(
            f"Kraken does not answer ({what}): {type(error).__name__}", "try again when it can be reached"
        ) from error
    except ValueError:
        raise KrakenError(
            f"Kraken answers {answer.status_code} to {what}, not as its API does", "try again later"
        ) from None
    errors = body.get("error") or []
    if errors or not isinstance(body.get("result"), dict):
        is_unknown = any(_UNKNOWN_PAIR in error for error in errors)
        raise (UnknownPairError if is_unknown else KrakenError)(
            f"Kraken refuses {what}: {', '.join(errors) or 'no result'}", _remedy(errors)
        )
    result: dict[str, Any] = body["result"]
    return result


def _remedy(errors: list[str]) -> str:
    if any(_UNKNOWN_PAIR in error for error in errors):
        return "`BTC/USD` and `kraken:btcusd:trades` are ways to name a pair"
    return "try again later: the venue allows a call a second"
