"""The checker's two ways: through AWS's Invoke API (spoken by a local endpoint), and from here."""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from candlewick.dukascopy.availability_messages import Request, State
from candlewick.dukascopy.checker import Checker, check
from candlewick.dukascopy.limiter import HostClosedError, Outcome
from candlewick.settings import Settings
from candlewick.times import HOUR_US, parse_time
from tests.integration.availability.lambda_support import VenueHost, run
from tests.waiting import until

FUNCTION = "stack-checker"
REQUEST = Request(("EUR/USD",), parse_time("2019-02-04T08:00"), parse_time("2019-02-04T12:00"), deadline_s=10)
FILES = "/datafeed/EURUSD/2019/01/04"
STATES = [State.OUT, State.OUT, State.NOT_YET, State.NOT_YET]

Answer = tuple[int, dict[str, str], bytes]


@dataclass
class InvokeApi:
    """AWS's side: `rule` turns an event into status, headers and payload."""

    rule: Callable[[bytes], Answer] = lambda _: (500, {}, b"")
    paths: list[str] = field(default_factory=list)


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[InvokeApi]:
    api = InvokeApi()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            api.paths.append(self.path)
            status, headers, payload = api.rule(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Nothing to stderr."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  (a client that left is no news)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "nobody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "nothing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    try:
        yield api
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


@pytest.fixture
def settings(host: VenueHost, tmp_path: Path) -> Settings:
    host.statuses = {f"{FILES}/08h_ticks.bi5": 200, f"{FILES}/09h_ticks.bi5": 200}
    return Settings(
        _env_file=None,  # type: ignore[call-arg]
        home=tmp_path,
        dukascopy_url=f"{host.url}/datafeed",
        dukascopy_json_url=f"{host.url}/v1",
        dukascopy_rate=0,
        lambda_function=FUNCTION,
    )


def answer_of(package: Path, host: VenueHost) -> Callable[[bytes], Answer]:
    """The real function: each event through the packaged zip in a process of its own."""

    def rule(event: bytes) -> Answer:
        return 200, {}, json.dumps(run(package, json.loads(event), host.url).answer).encode()

    return rule


def test_without_a_function_it_asks_from_here(settings: Settings, host: VenueHost) -> None:
    response = check(settings.model_copy(update={"lambda_function": None}), REQUEST)
    assert [each.state for each in response.hours] == STATES
    assert (response.checker, response.notes) == ("local", ())
    assert response.requests == len(host.asked) == 6


def test_the_packaged_function_answers_through_boto3(
    aws: InvokeApi, settings: Settings, host: VenueHost, package: Path
) -> None:
    aws.rule = answer_of(package, host)
    with Checker(settings, fallbacks=Counter()) as checker:
        response = checker.check(REQUEST)
    assert [each.state for each in response.hours] == STATES
    assert (response.checker, response.notes) == ("lambda", ())
    assert response.hours[0].evidence[0].size == host.size
    assert aws.paths == [f"/2015-03-31/functions/{FUNCTION}/invocations"]
    assert not checker.fallbacks


@pytest.mark.parametrize(
    ("reason", "answer"),
    [
        (
            "throttled",
            (429, {"x-amzn-ErrorType": "TooManyRequestsException"}, b'{"message": "Rate Exceeded."}'),
        ),
        (
            "refused",
            (404, {"x-amzn-ErrorType": "ResourceNotFoundException"}, b'{"message": "Function not found"}'),
        ),
        ("refused", (403, {"x-amzn-ErrorType": "AccessDeniedException"}, b'{"message": "not authorized"}')),
        ("refused", (500, {"x-amzn-ErrorType": "ServiceException"}, b'{"message": "internal"}')),
        ("failed", (200, {"X-Amz-Function-Error": "Unhandled"}, b'{"errorMessage": "timed out"}')),
        (
            "refused",
            (200, {}, b'{"error": {"type": "RequestError", "field": "x", "message": "x: is not known"}}'),
        ),
        ("malformed", (200, {}, b"")),
        ("malformed", (200, {}, b"null")),
        ("malformed", (200, {}, b"<html>no</html>")),
        ("malformed", (200, {}, b'{"version": 1, "hours": []}')),
        (
            "malformed",
            (
                200,
                {},
                b'{"version": 1, "asked_at": "2019-02-04", "requests": 0, "seconds": 0, "notes": []'
                b', "hours": []}',
            ),
        ),
    ],
)
def test_a_lambda_of_no_use_is_said_counted_and_made_up_for(
    aws: InvokeApi, settings: Settings, reason: str, answer: Answer
) -> None:
    aws.rule = lambda _: answer
    with Checker(settings, fallbacks=Counter()) as checker:
        first, second = checker.check(REQUEST), checker.check(REQUEST)
    for response in (first, second):
        assert [each.state for each in response.hours] == STATES
        assert response.checker == "local"
    assert checker.fallbacks == {reason: 2}
    assert FUNCTION in first.notes[0]
    assert reason in first.notes[0]
    assert "2 times so far" in second.notes[0]
    # No retry hides in the client: each check invoked once.
    assert len(aws.paths) == 2


def test_a_lambda_that_lies_about_one_hour_is_not_believed(
    aws: InvokeApi, settings: Settings, host: VenueHost, package: Path
) -> None:
    honest = answer_of(package, host)

    def rule(event: bytes) -> Answer:
        status, headers, payload = honest(event)
        body = json.loads(payload)
        del body["hours"][1]
        return status, headers, json.dumps(body).encode()

    aws.rule = rule
    response = check(settings, REQUEST)
    assert [each.state for each in response.hours] == STATES
    assert "malformed" in response.notes[0]


def test_a_lambda_that_the_venue_does_not_answer_is_made_up_for(
    aws: InvokeApi, settings: Settings, host: VenueHost, package: Path
) -> None:
    """The venue blocks addresses: AWS's may be blocked while ours is not."""

    def rule(event: bytes) -> Answer:
        nobody = VenueHost(url="http://127.0.0.1:9")
        return 200, {}, json.dumps(run(package, json.loads(event), nobody.url).answer).encode()

    aws.rule = rule
    with Checker(settings, fallbacks=Counter()) as checker:
        response = checker.check(REQUEST)
    assert [each.state for each in response.hours] == STATES
    assert checker.fallbacks == {"venue-unreachable": 1}


def test_a_slow_lambda_leaves_time_to_ask_from_here(aws: InvokeApi, settings: Settings) -> None:
    released = threading.Event()

    def rule(event: bytes) -> Answer:
        released.wait(30)
        return 200, {}, b"{}"

    aws.rule = rule
    request = Request(REQUEST.instruments, REQUEST.start_us, REQUEST.end_us, deadline_s=6)
    started = time.monotonic()
    try:
        with Checker(settings, fallbacks=Counter()) as checker:
            response = checker.check(request)
        took = time.monotonic() - started
    finally:
        released.set()
    assert [each.state for each in response.hours] == STATES
    assert checker.fallbacks == {"slow": 1}
    assert took < 20


def test_nobody_at_the_endpoint_is_made_up_for(
    aws: InvokeApi, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", "http://127.0.0.1:9")
    with Checker(settings, fallbacks=Counter()) as checker:
        response = checker.check(REQUEST)
    assert [each.state for each in response.hours] == STATES
    assert checker.fallbacks == {"unreachable": 1}


def test_aws_that_is_not_set_up_is_made_up_for(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_DEFAULT_REGION", "AWS_REGION", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nonexistent")
    with Checker(settings, fallbacks=Counter()) as checker:
        response = checker.check(REQUEST)
    assert [each.state for each in response.hours] == STATES
    assert "region" in response.notes[0]


def test_venue_and_lambda_both_down_are_unknown_and_never_no_data(aws: InvokeApi, settings: Settings) -> None:
    aws.rule = lambda _: (429, {"x-amzn-ErrorType": "TooManyRequestsException"}, b'{"message": "no"}')
    nowhere = settings.model_copy(
        update={"dukascopy_url": "http://127.0.0.1:9/datafeed", "dukascopy_json_url": "http://127.0.0.1:9/v1"}
    )
    response = check(nowhere, REQUEST)
    assert {each.state for each in response.hours} == {State.UNKNOWN}
    assert "throttled" in response.notes[0]


class RecordingLimiter:
    """Counts turns and outcomes; `closed` refuses them all."""

    def __init__(self, *, closed: bool = False) -> None:
        self.closed = closed
        self.turns = 0
        self.outcomes: list[tuple[Outcome, float | None]] = []
        self._lock = threading.Lock()

    def pause_s(self, host: str) -> float:
        return 0.01

    def acquire(self, host: str, patience_s: float = 180.0) -> None:
        assert host.startswith("127.0.0.1:")
        if self.closed:
            raise HostClosedError(host, 30.0)
        with self._lock:
            self.turns += 1

    def report(self, host: str, outcome: Outcome, *, retry_after_s: float | None = None) -> None:
        with self._lock:
            self.outcomes.append((outcome, retry_after_s))


def test_from_here_every_request_takes_its_turn_at_the_shared_limiter(
    settings: Settings, host: VenueHost
) -> None:
    host.statuses[f"{FILES}/10h_ticks.bi5"] = 503
    here = settings.model_copy(update={"lambda_function": None})
    limiter = RecordingLimiter()
    response = check(here, REQUEST, limiter)
    assert limiter.turns == response.requests == len(limiter.outcomes)
    assert limiter.outcomes.count((Outcome.THROTTLED, None)) == 1
    shut = check(here, REQUEST, RecordingLimiter(closed=True))
    assert {each.state for each in shut.hours} == {State.UNKNOWN}
    assert any("has no turn" in each.reason for each in shut.hours)


def test_a_date_to_retry_after_reaches_the_shared_limiter_as_seconds(
    settings: Settings, host: VenueHost
) -> None:
    host.statuses[f"{FILES}/10h_ticks.bi5"] = 503
    host.retry_after = formatdate(time.time() + 90, usegmt=True)
    limiter = RecordingLimiter()
    check(settings.model_copy(update={"lambda_function": None}), REQUEST, limiter)
    (wait_s,) = [wait_s for outcome, wait_s in limiter.outcomes if outcome is Outcome.THROTTLED]
    assert wait_s is not None
    assert 60 < wait_s <= 90


class LateLimiter(RecordingLimiter):
    """Its turns come when nobody has patience for them any more."""

    def __init__(self) -> None:
        super().__init__()
        self.patience: list[float] = []

    def acquire(self, host: str, patience_s: float = 180.0) -> None:
        super().acquire(host, patience_s)
        self.patience.append(patience_s)
        threading.Event().wait(min(patience_s, 5))


def test_a_turn_that_comes_after_the_deadline_is_not_taken(settings: Settings, host: VenueHost) -> None:
    limiter = LateLimiter()
    here = settings.model_copy(update={"lambda_function": None})
    response = check(here, replace(REQUEST, deadline_s=1), limiter)
    assert {each.state for each in response.hours} == {State.UNKNOWN}
    assert any("its turn did not come before the deadline" in each.reason for each in response.hours)
    assert max(limiter.patience) <= 1
    assert host.asked == []
    assert limiter.outcomes == []


def test_a_venue_that_hangs_is_given_up_at_the_deadline(settings: Settings, host: VenueHost) -> None:
    host.hangs = threading.Event()
    limiter = RecordingLimiter()
    here = settings.model_copy(update={"lambda_function": None})
    started = time.monotonic()
    try:
        response = check(here, replace(REQUEST, deadline_s=1), limiter)
        took = time.monotonic() - started
        # Nor does a request outlive the check, which would hold one of the venue's few connections.
        until("requests are given up", lambda: len(limiter.outcomes) == limiter.turns, 20)
    finally:
        host.hangs.set()
    assert took < 10
    assert {each.state for each in response.hours} == {State.UNKNOWN}
    assert {outcome for outcome, _ in limiter.outcomes} == {Outcome.FAILED}


def test_many_instruments_are_asked_about_in_parts(
    aws: InvokeApi, settings: Settings, host: VenueHost, package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    aws.rule = answer_of(package, host)
    monkeypatch.setattr("candlewick.dukascopy.checker.MAX_HOURS", 9)
    instruments = ("EUR/USD", "GBP/USD", "USD/JPY", "AUD/USD", "BTC/USD")
    # Half of this is shared by three processes that have to start.
    request = replace(REQUEST, instruments=instruments, deadline_s=60)
    with Checker(settings, fallbacks=Counter()) as checker:
        response = checker.check(request)
    assert response.checker == "lambda"
    assert len(aws.paths) == 3
    assert [each.symbol for each in response.hours[::4]] == ["eurusd", "gbpusd", "usdjpy", "audusd", "btcusd"]
    assert response.hours_in("eurusd", State.OUT) == [REQUEST.start_us, REQUEST.start_us + HOUR_US]


def test_a_venue_without_a_json_feed_is_asked_once_for_each_hour(settings: Settings, host: VenueHost) -> None:
    here = settings.model_copy(update={"lambda_function": None, "dukascopy_json_url": "none"})
    response = check(here, REQUEST)
    assert [each.state for each in response.hours] == STATES
    assert len(host.asked) == 4
