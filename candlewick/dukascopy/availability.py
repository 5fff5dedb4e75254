"""Which hours Dukascopy has published, which it has not yet, and which its calendar closes; with evidence.

One function, `check`, run by the AWS Lambda and by the sensor alike. HTTP is passed in. An hour is `not-yet`
only where the venue itself says so: whatever is no proper answer (throttled, timed out, malformed, never
asked) is `unknown`. What each answer means: `docs/dukascopy.md`; what is asked and answered:
`availability_messages`. Standard library only.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import Protocol

from candlewick.calendars import calendar
from candlewick.dukascopy.availability_messages import Evidence, HourAnswer, Request, Response, State
from candlewick.instruments import Instrument
from candlewick.times import HOUR_US, floor_hour, from_us, hours_between, iso

BI5 = "bi5-hour"
JSON = "json-feed"

_REQUEST_TIMEOUT_S = 20.0
_GIVE_UP_AFTER = 3
"""Requests in a row without a proper answer after which a host is left alone until the next check."""

_GRACE_S = 0.25
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
