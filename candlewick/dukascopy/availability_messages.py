"""What an availability check is asked and what it answers, and both as JSON.

The JSON is the event and the answer of the AWS Lambda: `docs/aws.md` shows both. Standard library only.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from candlewick.errors import CandlewickError
from candlewick.instruments import Instrument, UnknownInstrumentError, find
from candlewick.times import HOUR_US, floor_hour, hours_between, iso, parse_time

VERSION = 1
"""Of the JSON that requests and responses are written in."""

MAX_HOURS = 10_000
"""Instruments times hours of one event; its answer then stays well under the 6 MB of a Lambda."""

MAX_CONCURRENCY = 10
MAX_DEADLINE_S = 840.0
DEFAULT_CONCURRENCY = 4
DEFAULT_DEADLINE_S = 45.0

_EARLIEST_US = parse_time("1970-01-01")
_LATEST_US = parse_time("2200-01-01")


class State(StrEnum):
    """What is known of an hour: `docs/aws.md` has the table."""

    OUT = "out"
    EMPTY = "empty"
    NOT_YET = "not-yet"
    CLOSED = "closed"
    UNKNOWN = "unknown"


class RequestError(CandlewickError):
    """A request that cannot be answered; `field` names what is wrong with it."""

    def __init__(self, field: str, problem: str, remedy: str = "") -> None:
        super().__init__(f"{field}: {problem}", remedy)
        self.field = field


class MalformedResponseError(CandlewickError):
    """What came back is not a response, or not to this request."""


@dataclass(frozen=True, slots=True)
class Request:
    """Which hours are out, for these instruments (any usual spelling), in [start, end)?

    Attributes:
        in_order: ask the youngest hour first and take those before one that is out to be out too: one or
            two requests for each instrument. Otherwise every hour is asked for itself.
        deadline_s: seconds until there is a response, whatever the venue does.
        concurrency: requests at a time.
    """

    instruments: tuple[str, ...]
    start_us: int
    end_us: int
    in_order: bool = False
    deadline_s: float = DEFAULT_DEADLINE_S
    concurrency: int = DEFAULT_CONCURRENCY

    def __post_init__(self) -> None:
        self.found()
        if self.start_us >= self.end_us:
            raise RequestError("to", f"{iso(self.end_us)} is not after {iso(self.start_us)}")
        if not 0 < self.deadline_s <= MAX_DEADLINE_S:
            raise RequestError("deadline_seconds", f"must be more than 0 and at most {MAX_DEADLINE_S:g}")
        if not 1 <= self.concurrency <= MAX_CONCURRENCY:
            raise RequestError("concurrency", f"must be from 1 to {MAX_CONCURRENCY}")

    def found(self) -> tuple[Instrument, ...]:
        """The instruments, each once, in the order of the request."""
        if not self.instruments:
            raise RequestError("instruments", "none is given", 'give at least one: ["EUR/USD"]')
        try:
            return tuple(dict.fromkeys(find(spelling) for spelling in self.instruments))
        except UnknownInstrumentError as error:
            raise RequestError("instruments", error.problem, error.remedy) from None

    def to_json(self) -> dict[str, object]:
        return {
            "instruments": list(self.instruments),
            "from": iso(self.start_us, micros=True),
            "to": iso(self.end_us, micros=True),
            "in_order": self.in_order,
            "deadline_seconds": self.deadline_s,
            "concurrency": self.concurrency,
        }

    @classmethod
    def from_json(cls, event: object, now_us: int) -> "Request":
        """A request from JSON: `instruments`, and `from` and `to` (ISO 8601, UTC) or `last_hours`.

        Raises:
            RequestError: something is missing, unknown, or of the wrong kind.
        """
        if not isinstance(event, dict):
            raise RequestError("event", "must be an object")
        known = {"instruments", "from", "to", "last_hours", "in_order", "deadline_seconds", "concurrency"}
        for name in event:
            if name not in known:
                raise RequestError(str(name), "is not known", f"known are {', '.join(sorted(known))}")
        instruments = event.get("instruments")
        if not isinstance(instruments, list) or not all(isinstance(each, str) for each in instruments):
            raise RequestError("instruments", 'must be a list of names such as ["EUR/USD"]')
        start_us, end_us = _span(event, now_us)
        in_order = event.get("in_order", False)
        if not isinstance(in_order, bool):
            raise RequestError("in_order", "must be true or false")
        deadline = event.get("deadline_seconds", DEFAULT_DEADLINE_S)
        if isinstance(deadline, bool) or not isinstance(deadline, int | float):
            raise RequestError("deadline_seconds", "must be a number")
        concurrency = event.get("concurrency", DEFAULT_CONCURRENCY)
        if isinstance(concurrency, bool) or not isinstance(concurrency, int):
            raise RequestError("concurrency", "must be a whole number")
        request = cls(tuple(instruments), start_us, end_us, in_order, float(deadline), concurrency)
        hours = len(hours_between(start_us, end_us)) * len(request.found())
        if hours > MAX_HOURS:
            raise RequestError(
                "to", f"{hours} hours are asked for", f"ask for at most {MAX_HOURS}, instruments times hours"
            )
        return request


def _span(event: Mapping[str, object], now_us: int) -> tuple[int, int]:
    if "last_hours" in event:
        last = event["last_hours"]
        if "from" in event or "to" in event:
            raise RequestError("last_hours", "cannot be given together with from or to")
        if isinstance(last, bool) or not isinstance(last, int) or not 1 <= last <= MAX_HOURS:
            raise RequestError("last_hours", f"must be a whole number from 1 to {MAX_HOURS}")
        return floor_hour(now_us) - last * HOUR_US, floor_hour(now_us)
    return _moment(event, "from"), _moment(event, "to")


def _moment(event: Mapping[str, object], field: str) -> int:
    text = event.get(field)
    if not isinstance(text, str):
        raise RequestError(field, "must be a time such as 2019-02-04T10:00:00Z")
    try:
        moment = parse_time(text)
    except CandlewickError as error:
        raise RequestError(field, error.problem, error.remedy) from None
    if not _EARLIEST_US <= moment < _LATEST_US:
        raise RequestError(field, f"must be from {iso(_EARLIEST_US)} to {iso(_LATEST_US)}")
    return moment


@dataclass(frozen=True, slots=True)
class Evidence:
    """What one host said to one request.

    Attributes:
        size: bytes of the whole file; None where the answer does not tell.
        date, last_modified: these headers as they came, else None.
        problem: why this is no proper answer; None where it is one.
    """

    feed: str
    method: str
    url: str
    status: int | None = None
    size: int | None = None
    date: str | None = None
    last_modified: str | None = None
    problem: str | None = None


@dataclass(frozen=True, slots=True)
class HourAnswer:
    """What is known of one hour of one instrument; `reason` is for people."""

    symbol: str
    hour_us: int
    state: State
    reason: str
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class Response:
    """Every hour of a request, by instrument in its order, then by time.

    Attributes:
        asked_us: when, microseconds since 1970, UTC.
        requests: how many HTTP requests it took.
        checker: who answered: `lambda` or `local`.
        notes: what a person should know of how it was answered.
    """

    hours: tuple[HourAnswer, ...]
    asked_us: int
    requests: int
    seconds: float
    checker: str = "local"
    notes: tuple[str, ...] = ()

    def hours_in(self, symbol: str, *states: State) -> list[int]:
        """Starts of the hours of an instrument that are in one of these states."""
        return [each.hour_us for each in self.hours if each.symbol == symbol and each.state in states]

    def counts(self) -> dict[str, int]:
        """How many hours are in each state."""
        return {state.value: sum(each.state is state for each in self.hours) for state in State}

    def to_json(self) -> dict[str, object]:
        return {
            "version": VERSION,
            "asked_at": iso(self.asked_us, micros=True),
            "requests": self.requests,
            "seconds": round(self.seconds, 3),
            "counts": self.counts(),
            "notes": list(self.notes),
            "hours": [
                {
                    "instrument": each.symbol,
                    "hour": iso(each.hour_us),
                    "state": each.state.value,
                    "reason": each.reason,
                    "evidence": [
                        {name: getattr(said, name) for name in Evidence.__dataclass_fields__}
                        for said in each.evidence
                    ],
                }
                for each in self.hours
            ],
        }

    @classmethod
    def from_json(cls, data: object, request: Request) -> "Response":
        """The response to this request, from JSON.

        Raises:
            MalformedResponseError: it is none, or an hour of the request is missing from it.
        """
        try:
            response = cls._read(data)
        except (KeyError, TypeError, ValueError, OverflowError, CandlewickError) as error:
            raise MalformedResponseError(f"not a response: {type(error).__name__} {error}") from None
        expected = [
            (instrument.symbol, hour)
            for instrument in request.found()
            for hour in hours_between(request.start_us, request.end_us)
        ]
        if [(each.symbol, each.hour_us) for each in response.hours] != expected:
            raise MalformedResponseError(
                f"it tells of {len(response.hours)} hours that are not the {len(expected)} asked for"
            )
        return response

    @classmethod
    def _read(cls, data: object) -> "Response":
        body = _object(data)
        if body["version"] != VERSION:
            raise ValueError(f"version {body['version']!r}, not {VERSION}")
        return cls(
            hours=tuple(_hour(_object(each)) for each in _list(body["hours"])),
            asked_us=parse_time(_text(body["asked_at"])),
            requests=int(_number(body["requests"])),
            seconds=_number(body["seconds"]),
            notes=tuple(_text(each) for each in _list(body["notes"])),
        )


def _hour(body: Mapping[str, object]) -> HourAnswer:
    return HourAnswer(
        symbol=_text(body["instrument"]),
        hour_us=parse_time(_text(body["hour"])),
        state=State(_text(body["state"])),
        reason=_text(body["reason"]),
        evidence=tuple(_evidence(_object(each)) for each in _list(body["evidence"])),
    )


def _evidence(body: Mapping[str, object]) -> Evidence:
    def optional(name: str) -> str | None:
        return None if body[name] is None else _text(body[name])

    def whole(name: str) -> int | None:
        return None if body[name] is None else int(_number(body[name]))

    return Evidence(
        feed=_text(body["feed"]),
        method=_text(body["method"]),
        url=_text(body["url"]),
        status=whole("status"),
        size=whole("size"),
        date=optional("date"),
        last_modified=optional("last_modified"),
        problem=optional("problem"),
    )


def _object(value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise TypeError(f"{value!r:.60} is not an object")
    return value


def _list(value: object) -> list[object]:
    if not isinstance(value, list):
        raise TypeError(f"{value!r:.60} is not a list")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r:.60} is not text")
    return value


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"{value!r:.60} is not a number")
    return value
