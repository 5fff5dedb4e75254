"""The public REST calls: HTTP 200 whatever happens, and an `error` list."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC
from email.utils import format_datetime

from aiohttp import web

from candlewick.times import SECOND_US, from_us, iso
from simulators.common.budget import Budget
from simulators.common.faults import FaultName
from simulators.common.journal import Journal
from simulators.common.numbers import decimal
from simulators.common.pages import page
from simulators.kraken.market import Market
from simulators.kraken.pairs import Pair, by_rest_name
from simulators.kraken.tape import Trade

_MOST = 1000
_REST_DECIMALS = 5
_SECONDS_DIGITS = 11
_NANOSECONDS = 1_000_000_000


class Refusal(Exception):  # noqa: N818  (an answer, no failure)
    """What the venue says instead of a result."""


class Rest:
    """`/0/public/...`.

    Args:
        inclusive: whether a trade exactly at `since` is among the answer.
        system: the venue's status.
    """

    def __init__(
        self,
        market: Market,
        journal: Journal,
        budget: Budget,
        system: Callable[[], str],
        *,
        inclusive: bool = False,
    ) -> None:
        self._market = market
        self._clock = market.clock
        self._faults = market.faults
        self._journal = journal
        self._budget = budget
        self._system = system
        self._inclusive = inclusive
        self._calls: Mapping[str, Callable[[Mapping[str, str]], object]] = {
            "Trades": self._trades,
            "Ticker": self._ticker,
            "AssetPairs": self._asset_pairs,
            "Time": self._time,
            "SystemStatus": self._status,
        }

    async def handle(self, request: web.Request) -> web.Response:
        call = request.match_info["call"]
        fault, answer = self._answer(call, request.query)
        body = answer.body if isinstance(answer.body, bytes) else b""
        self._journal.note(
            at_us=self._clock.now_us(),
            method=request.method,
            path=request.path_qs,
            family=call if call in self._calls else "unknown",
            status=answer.status,
            size=len(body),
            fault=None if fault is None else str(fault),
        )
        return answer

    def _answer(self, call: str, query: Mapping[str, str]) -> tuple[FaultName | None, web.Response]:
        if (down := self._faults.strikes(FaultName.REST_DOWN, path=call)) is not None:
            return FaultName.REST_DOWN, page(down.status or 502, down.retry_after)
        if self._faults.strikes(FaultName.REST_THROTTLE, path=call) is not None:
            return FaultName.REST_THROTTLE, _told(error="EGeneral:Too many requests")
        # Of what concerns a pair, the venue counts calls by pair; all else together.
        counted = (call, query.get("pair", "")) if call == "Trades" else ("", "")
        if not self._budget.allows(counted):
            return None, _told(error="EGeneral:Too many requests")
        if call not in self._calls:
            return None, _told(error="EGeneral:Unknown method")
        try:
            return None, _told(result=self._calls[call](query))
        except Refusal as refusal:
            return None, _told(error=str(refusal))

    def _pair(self, name: str) -> Pair:
        pair = by_rest_name(name)
        if pair is None or pair.symbol not in self._market.tapes:
            raise Refusal("EQuery:Unknown asset pair")
        return pair

    def _trades(self, query: Mapping[str, str]) -> object:
        pair = self._pair(query.get("pair", ""))
        text = query.get("count", str(_MOST))
        if not text.isdecimal() or not 1 <= int(text) <= _MOST:
            raise Refusal("EGeneral:Invalid arguments:count")
        count = int(text)
        end = self._market.next_id(pair.symbol)
        if "since" in query:
            since_ns = _since_ns(query["since"])
            first = self._market.tapes[pair.symbol].next_id(since_ns // 1000)
            last = first + count + _MOST
        else:
            since_ns, first, last = 0, end - count, end
        found = [
            trade
            for trade in self._market.history(pair.symbol, first, last)
            if trade.time_ns > since_ns or (self._inclusive and trade.time_ns == since_ns)
        ][:count]
        last_ns = found[-1].time_ns if found else since_ns
        return {pair.key: [_row(pair, trade) for trade in found], "last": str(last_ns)}

    def _ticker(self, query: Mapping[str, str]) -> object:
        pair = self._pair(query.get("pair", ""))
        now_us = self._clock.now_us()
        tape = self._market.tapes[pair.symbol]
        best, day = tape.best(now_us), tape.day(now_us)
        end = self._market.next_id(pair.symbol)
        last = self._market.history(pair.symbol, end - 1, end)
        closed = last[0] if last else Trade(0, 0, best.bid, best.bid_qty, buy=True, market=True)

        def price(value: int) -> str:
            return _price(pair, value)

        return {
            pair.key: {
                "a": [price(best.ask), "1", "1.000"],
                "b": [price(best.bid), "1", "1.000"],
                "c": [price(closed.price), decimal(closed.qty, pair.qty_decimals)],
                "v": [decimal(day.volume, pair.qty_decimals)] * 2,
                "p": [price(day.vwap)] * 2,
                "t": [day.trades] * 2,
                "l": [price(day.low)] * 2,
                "h": [price(day.high)] * 2,
                "o": price(day.first),
            }
        }

    def _asset_pairs(self, query: Mapping[str, str]) -> object:
        if "pair" in query:
            pairs = [self._pair(name) for name in query["pair"].split(",")]
        else:
            pairs = [tape.pair for tape in self._market.tapes.values()]
        return {pair.key: _facts(pair) for pair in pairs}

    def _time(self, query: Mapping[str, str]) -> object:
        del query
        now_us = self._clock.now_us()
        moment = format_datetime(from_us(now_us).astimezone(UTC)).replace(" 20", " ", 1)
        return {"unixtime": now_us // SECOND_US, "rfc1123": moment}

    def _status(self, query: Mapping[str, str]) -> object:
        del query
        return {"status": self._system(), "timestamp": iso(self._clock.now_us())}


def _since_ns(text: str) -> int:
    """Nanoseconds, or seconds where the number is too small for them."""
    whole, _, part = text.partition(".")
    if not whole.isdecimal() or (part and not part.isdecimal()):
        raise Refusal("EGeneral:Invalid arguments:since")
    if len(whole) <= _SECONDS_DIGITS:
        return int(whole) * _NANOSECONDS + int(f"{part:0<9}"[:9])
    return int(whole)


def _price(pair: Pair, value: int) -> str:
    extra = max(_REST_DECIMALS - pair.price_decimals, 0)
    return decimal(value, pair.price_decimals) + "0" * extra


def _row(pair: Pair, trade: Trade) -> list[object]:
    return [
        _price(pair, trade.price),
        decimal(trade.qty, pair.qty_decimals),
        # The venue prints binary floats here, noise included.
        trade.time_ns / 1e9,
        "b" if trade.buy else "s",
        "m" if trade.market else "l",
        "",
        trade.trade_id,
    ]


def _facts(pair: Pair) -> dict[str, object]:
    return {
        "altname": pair.altname,
        "wsname": pair.wsname,
        "aclass_base": "currency",
        "base": pair.base,
        "aclass_quote": "currency",
        "quote": pair.quote,
        "lot": "unit",
        "cost_decimals": 5,
        "pair_decimals": pair.price_decimals,
        "lot_decimals": pair.qty_decimals,
        "lot_multiplier": 1,
        "leverage_buy": [2, 3],
        "leverage_sell": [2, 3],
        "fees": [[0, 0.4], [10_000, 0.35]],
        "fees_maker": [[0, 0.25], [10_000, 0.2]],
        "fee_volume_currency": "ZUSD",
        "margin_call": 80,
        "margin_stop": 40,
        "ordermin": "0.00005",
        "costmin": "0.5",
        "tick_size": decimal(1, pair.price_decimals),
        "status": "online",
    }


def _told(result: object = None, error: str | None = None) -> web.Response:
    answer: dict[str, object] = {"error": [] if error is None else [error]}
    if error is None:
        answer["result"] = result
    return web.Response(text=json.dumps(answer, separators=(",", ":")), content_type="application/json")
