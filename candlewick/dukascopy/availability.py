"""Which hours Dukascopy has published, which it has not yet, and which its calendar closes; with evidence.

One function, `check`, run by the AWS Lambda and by the sensor alike. HTTP is passed in. An hour is `not-yet`
only where the venue itself says so: whatever is no proper answer (throttled, timed out, malformed, never
asked) is `unknown`. What each answer means: `docs/dukascopy.md`. Standard library only.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import Protocol

from candlewick.calendars import calendar
from candlewick.errors import CandlewickError
from candlewick.instruments import Instrument, UnknownInstrumentError, find
from candlewick.times import HOUR_US, floor_hour, from_us, hours_between, iso, parse_time

VERSION = 1
"""Of the JSON that requests and responses are written in."""

MAX_HOURS = 10_000
"""Instruments times hours of one event; its answer then stays well under the 6 MB of a Lambda."""

MAX_CONCURRENCY = 10
MAX_DEADLINE_S = 840.0
DEFAULT_CONCURRENCY = 4
DEFAULT_DEADLINE_S = 45.0

BI5 = "bi5-hour"
JSON = "json-feed"

_REQUEST_TIMEOUT_S = 20.0
_GIVE_UP_AFTER = 3
"""Requests in a row without a proper answer after which a host is left alone until the next check."""

_GRACE_S = 0.25
_EARLIEST_US = parse_time("1970-01-01")
_LATEST_US = parse_time("2200-01-01")
_BI5_HEADER_BYTES = 13
_THROTTLED = frozenset({202, 403, 429, 503})
_HEAD_REFUSED = frozenset({405, 501})

# The JSON host answers 202 without a body to clients that do not look like a browser.
HEADERS = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "Referer": "https://freeserv.dukascopy.com/",
    "Accept": "*/*",
    "Accept-Encoding": "identity",
}


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


class NoAnswerError(Exception):
    """A request got no HTTP answer: timed out, refused, reset, not HTTP."""


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """An HTTP answer as far as it matters here.

    Attributes:
        headers: by lower-case name.
        body_bytes: how many bytes of the body were read; a client reads a few thousand at most.
    """

    status: int
    headers: Mapping[str, str]
    body_bytes: int


class Http(Protocol):
    """One HTTP request, made from several threads at once."""

    def __call__(self, method: str, url: str, headers: Mapping[str, str], timeout_s: float) -> HttpAnswer:
        """Ask, and give up after about `timeout_s` seconds.

        Raises:
            NoAnswerError: there was no HTTP answer.
        """


@dataclass(frozen=True, slots=True)
class Feeds:
    """Where the venue is: base addresses without a trailing slash; an empty JSON address leaves it out."""

    bi5_url: str
    json_url: str = ""

    @classmethod
    def from_settings(cls, bi5_url: str, json_url: str) -> "Feeds":
        """Addresses as settings spell them: the JSON feed's may be `none`."""
        json_url = "" if json_url.strip().casefold() == "none" else json_url
        return cls(bi5_url.rstrip("/"), json_url.rstrip("/"))


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


def bi5_url(base: str, instrument: Instrument, hour_us: int) -> str:
    """The hour's file on the bi5 host: months count from zero."""
    at = from_us(hour_us)
    folder = f"{base}/{instrument.bi5_symbol}/{at.year}/{at.month - 1:02}/{at.day:02}"
    return f"{folder}/{at.hour:02}h_ticks.bi5"


def json_url(base: str, code: str, hour_us: int) -> str:
    """The hour in the JSON feed: months count from one, nothing is padded."""
    at = from_us(hour_us)
    return f"{base}/ticks/{code}/{at.year}/{at.month}/{at.day}/{at.hour}"


class Paced:
    """HTTP with at least `interval_s` seconds from the start of one request to that of the next."""

    def __init__(self, http: Http, interval_s: float) -> None:
        self._http = http
        self._interval_s = interval_s
        self._lock = Lock()
        self._next = 0.0

    def __call__(self, method: str, url: str, headers: Mapping[str, str], timeout_s: float) -> HttpAnswer:
        with self._lock:
            now = time.monotonic()
            turn = max(now, self._next)
            if turn - now >= timeout_s:
                raise NoAnswerError("its turn does not come before the deadline")
            self._next = turn + self._interval_s
        time.sleep(turn - now)
        return self._http(method, url, headers, timeout_s - (turn - now))


def check(
    request: Request,
    feeds: Feeds,
    http: Http,
    *,
    now_us: int,
    clock: Callable[[], float] = time.monotonic,
) -> Response:
    """Answer for every hour of a request, within its deadline.

    Only hours of the weekly session that are over are asked for, the youngest first, from the bi5 host and,
    where that has none, from the JSON feed. A host that three times in a row gives no proper answer is left
    alone for the rest of the check; nothing is asked twice, since the next check asks again.
    """
    started = clock()
    asking = _Asking(feeds, http, started + request.deadline_s, clock)
    answers: dict[tuple[str, int], HourAnswer] = {}
    chains: list[_Chain] = []
    for instrument in request.found():
        trading = set(calendar(instrument.calendar).open_hours(*_whole_hours(request)))
        to_ask: list[int] = []
        for hour_us in hours_between(request.start_us, request.end_us):
            key = (instrument.symbol, hour_us)
            if hour_us not in trading:
                reason = f"outside the weekly session ({calendar(instrument.calendar).name})"
                answers[key] = HourAnswer(*key, State.CLOSED, reason)
            elif hour_us + HOUR_US > now_us:
                answers[key] = HourAnswer(*key, State.NOT_YET, "the hour is not over")
            else:
                to_ask.append(hour_us)
        to_ask.reverse()
        chains += [(instrument, to_ask)] if request.in_order else [(instrument, [hour]) for hour in to_ask]
    chains.sort(key=lambda chain: chain[1][0] if chain[1] else 0, reverse=True)
    asking.run([chain for chain in chains if chain[1]], request.concurrency)
    answers |= asking.answers()
    hours = tuple(
        answers.get((instrument.symbol, hour))
        or HourAnswer(instrument.symbol, hour, State.UNKNOWN, "no answer before the deadline")
        for instrument in request.found()
        for hour in hours_between(request.start_us, request.end_us)
    )
    return Response(hours, now_us, asking.requests, clock() - started)


_Chain = tuple[Instrument, list[int]]


def _whole_hours(request: Request) -> tuple[int, int]:
    return floor_hour(request.start_us), -(-request.end_us // HOUR_US) * HOUR_US


class _Asking:
    """The threads of one check and what they have found so far."""

    def __init__(self, feeds: Feeds, http: Http, deadline: float, clock: Callable[[], float]) -> None:
        self.requests = 0
        self._feeds = feeds
        self._http = http
        self._deadline = deadline
        self._clock = clock
        self._lock = Lock()
        self._answers: dict[tuple[str, int], HourAnswer] = {}
        self._failures_in_a_row: dict[str, int] = {BI5: 0, JSON: 0}

    def answers(self) -> dict[tuple[str, int], HourAnswer]:
        with self._lock:
            return dict(self._answers)

    def run(self, chains: list[_Chain], concurrency: int) -> None:
        """Returns when all is asked, or soon after the deadline: a request that hangs is left behind."""
        waiting = iter(chains)
        finished: SimpleQueue[BaseException | None] = SimpleQueue()

        def work() -> None:
            try:
                while self._left() > 0:
                    with self._lock:
                        chain = next(waiting, None)
                    if chain is None:
                        break
                    self._walk(*chain)
            except BaseException as error:  # noqa: BLE001  (raised again by the thread that waits)
                finished.put(error)
            else:
                finished.put(None)

        # Daemons: a host that hangs must not hold up the end of the process either.
        threads = [Thread(target=work, daemon=True) for _ in range(min(concurrency, len(chains)))]
        for thread in threads:
            thread.start()
        for _ in threads:
            try:
                error = finished.get(timeout=max(0.0, self._left()) + _GRACE_S)
            except Empty:
                return
            if error is not None:
                raise error

    def _left(self) -> float:
        return self._deadline - self._clock()

    def _walk(self, instrument: Instrument, youngest_first: list[int]) -> None:
        hours = iter(youngest_first)
        for hour_us in hours:
            if self._left() <= 0:
                return
            answer = self._ask(instrument, hour_us)
            self._found([answer])
            if answer.state in (State.OUT, State.EMPTY):
                reason = f"taken to be out, since the later hour {iso(hour_us)} is"
                self._found(HourAnswer(instrument.symbol, hour, State.OUT, reason) for hour in hours)

    def _found(self, answers: Iterable[HourAnswer]) -> None:
        with self._lock:
            self._answers |= {(answer.symbol, answer.hour_us): answer for answer in answers}

    def _ask(self, instrument: Instrument, hour_us: int) -> HourAnswer:
        said: list[Evidence] = []
        for feed, url in self._places(instrument, hour_us):
            evidence = self._ask_feed(feed, url)
            said.append(evidence)
            if evidence.problem is None and evidence.status == 200:
                empty = evidence.size == 0
                return HourAnswer(
                    instrument.symbol,
                    hour_us,
                    State.EMPTY if empty else State.OUT,
                    "published without a byte" if empty else "published",
                    tuple(said),
                )
        problems = [f"{each.feed}: {each.problem}" for each in said if each.problem is not None]
        if problems:
            state, reason = State.UNKNOWN, "; ".join(problems)
        else:
            state, reason = State.NOT_YET, f"not published{_before_first_tick(instrument, hour_us)}"
        return HourAnswer(instrument.symbol, hour_us, state, reason, tuple(said))

    def _places(self, instrument: Instrument, hour_us: int) -> list[tuple[str, str]]:
        places = [(BI5, bi5_url(self._feeds.bi5_url, instrument, hour_us))]
        if self._feeds.json_url and instrument.jetta_code:
            places.append((JSON, json_url(self._feeds.json_url, instrument.jetta_code, hour_us)))
        return places

    def _ask_feed(self, feed: str, url: str) -> Evidence:
        with self._lock:
            given_up = self._failures_in_a_row[feed] >= _GIVE_UP_AFTER
        if given_up:
            return Evidence(feed, "", url, problem=f"not asked after {_GIVE_UP_AFTER} failures in a row")
        evidence = self._request(feed, "HEAD", url)
        if evidence.status in _HEAD_REFUSED or _size_in_doubt(evidence):
            evidence = self._request(feed, "GET", url)
        with self._lock:
            failures = self._failures_in_a_row
            failures[feed] = 0 if evidence.problem is None else failures[feed] + 1
        return evidence

    def _request(self, feed: str, method: str, url: str) -> Evidence:
        timeout_s = min(_REQUEST_TIMEOUT_S, self._left())
        if timeout_s <= 0:
            return Evidence(feed, method, url, problem="the deadline came first")
        headers = {**HEADERS, "Range": "bytes=0-0"} if method == "GET" else HEADERS
        with self._lock:
            self.requests += 1
        try:
            answer = self._http(method, url, headers, timeout_s)
        except NoAnswerError as error:
            return Evidence(feed, method, url, problem=f"no answer: {error}")
        return _judged(feed, method, url, answer)


def _before_first_tick(instrument: Instrument, hour_us: int) -> str:
    first = instrument.first_tick_us
    return (
        "" if first is None or hour_us >= floor_hour(first) else f"; its first known tick is of {iso(first)}"
    )


def _judged(feed: str, method: str, url: str, answer: HttpAnswer) -> Evidence:
    """The answer as evidence: its status 200, 404 or 400 where it is a proper one, else with a problem."""
    status, size = answer.status, _size(method, answer)
    problem: str | None = None
    if status in {206, 416}:
        # Our range of one byte: there is one, or the file has none.
        status = 200
        problem = None if size is not None else f"answered {answer.status} without the file's size"
    if status == 200:
        problem = problem or _body_problem(feed, size, answer.headers.get("content-type", ""))
    elif status in _THROTTLED:
        problem = f"throttled, answered {status}"
    elif status != 404 and not (status == 400 and feed == JSON):
        problem = f"answered {status}"
    return Evidence(
        feed,
        method,
        url,
        status=status,
        size=size,
        date=answer.headers.get("date"),
        last_modified=answer.headers.get("last-modified"),
        problem=problem,
    )


def _size_in_doubt(evidence: Evidence) -> bool:
    """Whether a HEAD leaves open if there is a byte: no size, or none at all, which is not always true."""
    return evidence.status == 200 and (evidence.size == 0 or (evidence.size is None and evidence.feed == BI5))


def _body_problem(feed: str, size: int | None, content_type: str) -> str | None:
    if "html" in content_type.casefold():
        return "answered with a web page"
    if feed == JSON and size == 0:
        return "answered without a body"
    if feed == BI5 and size is not None and 0 < size < _BI5_HEADER_BYTES:
        return f"answered with {size} bytes, too few for a file"
    return None


def _size(method: str, answer: HttpAnswer) -> int | None:
    """Bytes of the whole file, from whichever header tells."""
    total = answer.headers.get("content-range", "").rpartition("/")[2]
    if answer.status in {206, 416}:
        return int(total) if total.isdigit() else None
    length = answer.headers.get("content-length", "")
    if length.isdigit():
        return int(length)
    if method == "GET" and answer.body_bytes == 0:
        return 0
    return None
