"""Trades out of a recorded answer of `/0/public/Trades`."""

import json
from decimal import Decimal, InvalidOperation
from itertools import pairwise
from pathlib import Path

from candlewick.errors import CandlewickError
from simulators.kraken.pairs import Pair, by_rest_name
from simulators.kraken.tape import Trade


def load(path: Path) -> tuple[Pair, list[Trade]]:
    """The pair and its trades, ascending.

    Raises:
        CandlewickError: the file holds no such answer, or its ids are not contiguous.
    """
    try:
        # Decimals, so that no digit of a time is lost on the way to nanoseconds.
        result = json.loads(path.read_bytes(), parse_float=Decimal)["result"]
        key = next(key for key in result if key != "last")
        pair = by_rest_name(key)
        if pair is None:
            raise CandlewickError(
                f"{path}: there is no pair {key!r}", "simulators/kraken/pairs.py lists them"
            )
        trades = [
            Trade(
                trade_id=int(row[6]),
                time_ns=int(Decimal(row[2]) * 10**9),
                price=_scaled(row[0], pair.price_decimals),
                qty=_scaled(row[1], pair.qty_decimals),
                buy=row[3] == "b",
                market=row[4] == "m",
            )
            for row in result[key]
        ]
    except (OSError, ValueError, KeyError, IndexError, TypeError, StopIteration, InvalidOperation) as error:
        raise CandlewickError(
            f"{path} holds no trades: {error!r}", "give an answer of /0/public/Trades as it was recorded"
        ) from None
    if not trades or any(later.trade_id != earlier.trade_id + 1 for earlier, later in pairwise(trades)):
        raise CandlewickError(f"{path}: the ids of its trades do not follow each other", "record it anew")
    return pair, trades


def _scaled(text: str, decimals: int) -> int:
    value = Decimal(text).scaleb(decimals)
    if value != int(value):
        raise ValueError(f"{text} has more than {decimals} decimals")
    return int(value)
