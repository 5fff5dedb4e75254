"""Which instruments the venue lists, by the two spellings of its URLs, and what it says of each."""

from collections.abc import Iterable
from functools import cache
from typing import Any

import orjson

from candlewick.instruments import Instrument, all_instruments
from candlewick.times import parse_time
from simulators.common.underlying import USUAL_SCALE
from simulators.dukascopy.formats import price

_UNKNOWN_START_US = parse_time("2010-01-01")


@cache
def _by_symbol() -> dict[str, Instrument]:
    return {instrument.bi5_symbol: instrument for instrument in all_instruments()}


@cache
def _by_code() -> dict[str, Instrument]:
    return {instrument.jetta_code: instrument for instrument in all_instruments() if instrument.jetta_code}


def by_symbol(symbol: str) -> Instrument | None:
    """The instrument with this name in bi5 URLs (`EURUSD`)."""
    return _by_symbol().get(symbol)


def by_code(code: str) -> Instrument | None:
    """The instrument with this name in JSON URLs (`EUR-USD`)."""
    return _by_code().get(code)


def scale(instrument: Instrument) -> int:
    """Decimal digits of the prices that this venue sends.

    The venue always has one; where no list tells which, it is that of most instruments.
    """
    return USUAL_SCALE if instrument.price_scale is None else instrument.price_scale


def history_start_us(instrument: Instrument) -> int:
    """Where the venue's ticks begin; 2010 where the table does not know."""
    return _UNKNOWN_START_US if instrument.first_tick_us is None else instrument.first_tick_us


def list_json(instruments: Iterable[Instrument]) -> bytes:
    """The answer of `/instruments`."""
    return orjson.dumps([_summary(instrument) for instrument in instruments])


def instrument_json(instrument: Instrument, holidays: Iterable[tuple[int, int]] = ()) -> bytes:
    """The answer of `/instruments/{CODE}`.

    Args:
        holidays: closed spans beyond the weekly ones, microseconds since 1970, UTC.
    """
    closed = [{"from": start // 1000, "till": end // 1000} for start, end in holidays]
    return orjson.dumps(_summary(instrument) | {"holidays": closed})


def _summary(instrument: Instrument) -> dict[str, Any]:
    start_ms = history_start_us(instrument) // 1000
    digits = scale(instrument)
    return {
        "name": instrument.name,
        "code": instrument.jetta_code,
        "pipValue": price(10, digits),
        "priceScale": instrument.price_scale,
        "description": instrument.description,
        "groupCode": instrument.group,
        "histories": [{"period": period, "from": start_ms} for period in ("TICK", "MINUTE", "HOUR", "DAY")],
    }
