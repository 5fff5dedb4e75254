"""REST calls, and what all requests must have: token, account, sane arguments."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from aiohttp import web

from candlewick.errors import CandlewickError
from candlewick.times import SECOND_US, parse_time
from simulators.common.faults import FaultName
from simulators.common.numbers import decimal
from simulators.oanda import candles, lines
from simulators.oanda.candles import Wanted
from simulators.oanda.instruments import Instrument
from simulators.oanda.lines import Format
from simulators.oanda.market import Market

MOST_CANDLES = 5000
_USUAL_CANDLES = 500


class Refusal(Exception):  # noqa: N818  (an answer, no failure)
    """What the venue says instead of an answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@dataclass(frozen=True, slots=True)
class Access:
    """Who may ask."""

    token: str
    account: str


def format_of(request: web.Request) -> Format:
    """How the client wants its times."""
    return lines.unix if request.headers.get("Accept-Datetime-Format") == "UNIX" else lines.rfc3339


def told(value: object, status: int = 200) -> web.Response:
    return web.Response(
        text=json.dumps(value, separators=(",", ":")), status=status, content_type="application/json"
    )


def refused(refusal: Refusal) -> web.Response:
    return told({"errorMessage": str(refusal)}, refusal.status)


class Rest:
    """`/v3/...` but for the stream."""

    def __init__(self, market: Market, access: Access) -> None:
        self._market = market
        self._access = access

    def check(self, request: web.Request) -> None:
        """Token and account.

        Raises:
            Refusal: not with these.
        """
        expired = self._market.faults.peek(FaultName.EXPIRE_TOKEN) is not None
        if expired or request.headers.get("Authorization", "") != f"Bearer {self._access.token}":
            if expired:
                self._market.faults.strikes(FaultName.EXPIRE_TOKEN)
            raise Refusal(401, "Insufficient authorization to perform request.")
        if request.match_info.get("account", self._access.account) != self._access.account:
            raise Refusal(403, "The provided request was forbidden.")

    def instruments_of(self, query: Mapping[str, str]) -> list[Instrument]:
        """Those that a request names.

        Raises:
            Refusal: it names none, or one that there is not.
        """
        text = query.get("instruments", "")
        if not text:
            raise Refusal(400, "The request was missing required data")
        return [self._instrument(name) for name in dict.fromkeys(text.split(","))]

    def _instrument(self, name: str) -> Instrument:
        tape = self._market.tapes.get(name)
        if tape is None:
            raise Refusal(400, "Invalid value specified for 'instruments'")
        return tape.instrument

    def accounts(self) -> web.Response:
        return told({"accounts": [{"id": self._access.account, "tags": []}]})

    def instruments(self, request: web.Request) -> web.Response:
        if "instruments" in request.query:
            chosen = self.instruments_of(request.query)
        else:
            chosen = [tape.instrument for tape in self._market.tapes.values()]
        return told({"instruments": [_facts(one) for one in chosen], "lastTransactionID": "6359"})

    def pricing(self, request: web.Request) -> web.Response:
        form, now_us = format_of(request), self._market.clock.now_us()
        since_us = _moment(request.query, "since") if "since" in request.query else None
        prices = []
        for instrument in self.instruments_of(request.query):
            price = self._market.last(instrument.name)
            if price is not None and (since_us is None or price.time_ns > since_us * 1000):
                tradeable = self._market.tapes[instrument.name].is_open(now_us)
                prices.append(lines.price_object(instrument, price, form, tradeable=tradeable))
        text = f'{{"prices":[{",".join(prices)}],"time":"{form(now_us * 1000)}"}}'
        return web.Response(text=text, content_type="application/json")

    async def candles(self, request: web.Request) -> web.Response:
        name, query, form = request.match_info["instrument"], request.query, format_of(request)
        if name not in self._market.tapes:
            raise Refusal(400, "Invalid value specified for 'instrument'")
        granularity, sides = query.get("granularity", "S5"), query.get("price", "M")
        if granularity not in candles.GRANULARITIES:
            raise Refusal(400, "Invalid value specified for 'granularity'")
        if not sides or set(sides) - set("MBA"):
            raise Refusal(400, "Invalid value specified for 'price'")
        step_us = candles.GRANULARITIES[granularity] * SECOND_US
        now_us = self._market.clock.now_us()
        span = _span(query, granularity, now_us)
        instrument = self._market.tapes[name].instrument
        # A long span is seconds of computing that streams must not wait for.
        wanted = Wanted(sides, step_us, now_us, form)
        found = await asyncio.to_thread(self._candles, instrument, wanted, span)
        return told({"instrument": name, "granularity": granularity, "candles": found})

    def _candles(self, instrument: Instrument, wanted: Wanted, span: "_Span") -> list[dict[str, object]]:
        end_us = min(span.to_us, wanted.now_us + 1)
        if span.count is None or not span.backwards:
            found: list[dict[str, object]] = []
            begin_us = span.from_us
            while begin_us < end_us and (span.count is None or len(found) < span.count):
                # In pieces: a count of candles may be found soon.
                piece_us = min(begin_us + MOST_CANDLES * wanted.step_us, end_us)
                found += self._piece(instrument, wanted, begin_us, piece_us)
                begin_us = piece_us
            return found[: span.count]
        behind: list[dict[str, object]] = []
        first = self._earliest(end_us, wanted.step_us)
        while end_us > first and len(behind) < span.count:
            begin_us = -(-end_us // wanted.step_us) * wanted.step_us - span.count * wanted.step_us
            behind = self._piece(instrument, wanted, begin_us, end_us) + behind
            end_us = begin_us
        return behind[-span.count :]

    @staticmethod
    def _earliest(end_us: int, step_us: int) -> int:
        """How far back a count of candles is looked for: over the longest weekend and then some."""
        return end_us - 10 * MOST_CANDLES * max(step_us, 60 * SECOND_US)

    def _piece(
        self, instrument: Instrument, wanted: Wanted, begin_us: int, end_us: int
    ) -> list[dict[str, object]]:
        prices = self._market.tapes[instrument.name].prices(begin_us - 1, end_us - 1)
        lost = self._market.lost[instrument.name].all()
        return candles.candles(instrument, prices.without(lost), wanted)


@dataclass(frozen=True, slots=True)
class _Span:
    """Which candles are wanted: those within [from, to), or a count of them on or before one of the two."""

    from_us: int
    to_us: int
    count: int | None
    backwards: bool


def _span(query: Mapping[str, str], granularity: str, now_us: int) -> _Span:
    count = _count(query)
    step_us = candles.GRANULARITIES[granularity] * SECOND_US
    if "from" in query and "to" in query:
        if count is not None:
            raise Refusal(400, "'count' cannot be specified when 'from' and 'to' are both set")
        from_us, to_us = _moment(query, "from"), _moment(query, "to")
        if from_us >= to_us:
            raise Refusal(400, "Invalid value specified for 'to'. Time is not after 'from'")
        if candles.slots_between(from_us, to_us, granularity) > MOST_CANDLES:
            raise Refusal(400, "Maximum value for 'count' exceeded")
        return _Span(from_us // step_us * step_us, to_us, None, backwards=False)
    if "from" in query:
        from_us = _moment(query, "from")
        if from_us > now_us:
            raise Refusal(400, "Invalid value specified for 'from'. Time is in the future")
        return _Span(from_us // step_us * step_us, now_us + 1, count or _USUAL_CANDLES, backwards=False)
    to_us = _moment(query, "to") if "to" in query else now_us + 1
    return _Span(0, to_us, count or _USUAL_CANDLES, backwards=True)


def _count(query: Mapping[str, str]) -> int | None:
    text = query.get("count")
    if text is None:
        return None
    if not text.isdecimal() or int(text) < 1:
        raise Refusal(400, "Invalid value specified for 'count'")
    if int(text) > MOST_CANDLES:
        raise Refusal(400, "Maximum value for 'count' exceeded")
    return int(text)


def _moment(query: Mapping[str, str], name: str) -> int:
    """RFC 3339, however many digits its fraction has, or seconds since 1970."""
    text = query[name]
    try:
        return int(Decimal(text) * SECOND_US)
    except InvalidOperation:
        pass
    try:
        head, _, tail = text.partition(".")
        digits = tail.rstrip("Z")
        if tail and digits.isdecimal():
            return parse_time(f"{head}.{digits:0<6.6}Z")
        return parse_time(text)
    except CandlewickError:
        raise Refusal(400, f"Invalid value specified for '{name}'") from None


def _facts(instrument: Instrument) -> dict[str, object]:
    point = decimal(1, instrument.decimals)
    return {
        "name": instrument.name,
        "type": instrument.kind,
        "displayName": instrument.display,
        "pipLocation": instrument.pip,
        "displayPrecision": instrument.decimals,
        "tradeUnitsPrecision": 0,
        "minimumTradeSize": "1",
        "maximumTrailingStopDistance": decimal(10**instrument.decimals, instrument.decimals),
        "minimumTrailingStopDistance": point,
        "maximumPositionSize": "0",
        "maximumOrderUnits": "100000000",
        "marginRate": "0.02",
        "tags": [{"type": "ASSET_CLASS", "name": instrument.kind}],
    }
