"""WebSocket v2 messages as the venue writes them: key order, fixed decimals, microseconds."""

import json
import re
import struct
from collections.abc import Sequence
from dataclasses import dataclass

from simulators.common.numbers import decimal, micros
from simulators.kraken.pairs import Pair
from simulators.kraken.tape import Best, Day, Trade

TRADE, TICKER = "trade", "ticker"
HEARTBEAT = b'{"channel":"heartbeat"}'
RUMOUR = b'{"channel":"announcement","type":"update","data":[{"notice":"scheduled","affects":["trade"]}]}'
"""Of a channel that nobody knows."""

CLOSE = b"\x88\x02\x03\xe8"
"""The whole close frame of code 1000, as it goes over the wire."""

_VERSION = "2.0.10"
_SHORT, _MIDDLE = 126, 1 << 16


@dataclass(frozen=True, slots=True)
class Frame:
    """A data message: its text, and the same framed for the wire.

    Attributes:
        trades: what it tells of; empty for a ticker.
    """

    symbol: str
    channel: str
    text: bytes
    framed: bytes
    trades: Sequence[Trade]


def framed(text: bytes) -> bytes:
    """An unmasked, final text frame (RFC 6455)."""
    size = len(text)
    if size < _SHORT:
        return b"\x81" + bytes((size,)) + text
    if size < _MIDDLE:
        return struct.pack("!BBH", 0x81, 126, size) + text
    return struct.pack("!BBQ", 0x81, 127, size) + text


def status(system: str, connection_id: int) -> bytes:
    return (
        f'{{"channel":"status","type":"update","data":[{{"version":"{_VERSION}","system":"{system}",'
        f'"api_version":"v2","connection_id":{connection_id},"upcoming_maintenance":[],"emergency":[]}}]}}'
    ).encode()


def _request_id(req_id: object) -> str:
    return "" if req_id is None else f'"req_id":{json.dumps(req_id)},'


def ack(method: str, req_id: object, result: dict[str, object], in_us: int, out_us: int) -> bytes:
    told = json.dumps(dict(sorted(result.items())), separators=(",", ":"))
    return (
        f'{{"method":"{method}",{_request_id(req_id)}"result":{told},"success":true,'
        f'"time_in":"{micros(in_us)}","time_out":"{micros(out_us)}"}}'
    ).encode()


def refusal(
    method: object, req_id: object, error: str, *, in_us: int, out_us: int, symbol: str | None = None
) -> bytes:
    where = "" if symbol is None else f'"symbol":{json.dumps(symbol)},'
    what = "" if method is None else f'"method":{json.dumps(method)},'
    return (
        f'{{"error":{json.dumps(error)},{what}{_request_id(req_id)}"success":false,{where}'
        f'"time_in":"{micros(in_us)}","time_out":"{micros(out_us)}"}}'
    ).encode()


def pong(req_id: object, in_us: int, out_us: int) -> bytes:
    return (
        f'{{"method":"pong",{_request_id(req_id)}"time_in":"{micros(in_us)}","time_out":"{micros(out_us)}"}}'
    ).encode()


def _trade(pair: Pair, trade: Trade, shift_us: int) -> str:
    return (
        f'{{"symbol":"{pair.symbol}","side":"{"buy" if trade.buy else "sell"}",'
        f'"price":{decimal(trade.price, pair.price_decimals)},"qty":{decimal(trade.qty, pair.qty_decimals)},'
        f'"ord_type":"{"market" if trade.market else "limit"}","trade_id":{trade.trade_id},'
        f'"timestamp":"{micros(trade.time_ns // 1000 + shift_us)}"}}'
    )


def trades(pair: Pair, kind: str, rows: Sequence[Trade], shift_us: int = 0) -> Frame:
    """A `snapshot` or an `update` of the trade channel."""
    told = ",".join([_trade(pair, row, shift_us) for row in rows])
    text = f'{{"channel":"trade","type":"{kind}","data":[{told}]}}'.encode()
    return Frame(pair.symbol, TRADE, text, framed(text), rows)


def ticker(pair: Pair, kind: str, best: Best, *, last: int, day: Day, at_us: int) -> Frame:
    """A `snapshot` or an `update` of the ticker channel; `last` is the last trade's price."""
    price, qty = pair.price_decimals, pair.qty_decimals
    change = last - day.first
    percent = round(change * 10_000 / day.first)
    text = (
        f'{{"channel":"ticker","type":"{kind}","data":[{{"symbol":"{pair.symbol}",'
        f'"bid":{decimal(best.bid, price)},"bid_qty":{decimal(best.bid_qty, qty)},'
        f'"ask":{decimal(best.ask, price)},"ask_qty":{decimal(best.ask_qty, qty)},'
        f'"last":{decimal(last, price)},"volume":{decimal(day.volume, qty)},'
        f'"vwap":{decimal(day.vwap, price)},'
        f'"low":{decimal(day.low, price)},"high":{decimal(day.high, price)},'
        f'"change":{decimal(change, price)},'
        f'"change_pct":{decimal(percent, 2)},"trades":{day.trades},"timestamp":"{micros(at_us)}"}}]}}'
    ).encode()
    return Frame(pair.symbol, TICKER, text, framed(text), ())


def wrongly_typed(text: bytes) -> bytes:
    """The message with ids as text and prices as nothing: JSON still, but not what it should be."""
    text = re.sub(rb'"trade_id":(\d+)', rb'"trade_id":"number \1"', text)
    return re.sub(rb'"(price|bid|ask)":[\d.]+', rb'"\1":null', text)
