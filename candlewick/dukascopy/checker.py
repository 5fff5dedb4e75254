"""Asks which hours are out: the AWS Lambda where one is set, otherwise (or when it fails) from here.

Nothing that goes wrong with the Lambda looks like an answer: it is counted, said in the response's notes,
and the same question is asked from here in what is left of the time.
"""

import json
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from types import TracebackType
from typing import Any, Self

import boto3
import botocore.config
import botocore.exceptions
import httpx
import structlog

from candlewick.dukascopy import availability
from candlewick.dukascopy.availability import Feeds, Http, HttpAnswer, NoAnswerError, Paced
from candlewick.dukascopy.availability_messages import (
    MAX_CONCURRENCY,
    MAX_HOURS,
    MalformedResponseError,
    Request,
    Response,
    State,
)
from candlewick.dukascopy.limiter import (
    PATIENCE_S,
    POLITE_RATE,
    HostClosedError,
    Limiter,
    Outcome,
    is_local,
    retry_after,
)
from candlewick.settings import Settings
from candlewick.times import hours_between, now_us

_LAMBDA_SHARE = 0.5
"""Of a request's time: what the Lambda gets; the rest is for asking from here should it fail."""

_LAMBDA_START_S = 3.0
"""Of that share: what a cold start may take; the Lambda's own deadline is as much shorter."""

_CONNECT_S = 3.0
_BODY_BYTES = 4096
_THROTTLED = frozenset({202, 403, 429, 503})
_THROTTLING_ERRORS = frozenset(
    {"TooManyRequestsException", "ThrottlingException", "Throttling", "RequestLimitExceeded"}
)

_fallbacks: Counter[str] = Counter()
"""Of this process, by reason."""

_log = structlog.get_logger(__name__)


class LambdaError(Exception):
    """The Lambda gave no answer to be trusted; `reason` is a stable name."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason


class Checker:
    """Safe to share between threads; a context manager.

    Attributes:
        fallbacks: how often the Lambda was of no use, by reason; without one given, of this process.
    """

    def __init__(
        self, settings: Settings, limiter: Limiter | None = None, *, fallbacks: Counter[str] | None = None
    ) -> None:
        """`limiter` sets the pace from here; without one it is the settings' first rate."""
        self.fallbacks = _fallbacks if fallbacks is None else fallbacks
        self._settings = settings
        self._limiter = limiter
        self._making = threading.Lock()
        self._lambda: tuple[float, Any] | None = None
        self._client = httpx.Client(limits=httpx.Limits(max_connections=MAX_CONCURRENCY))
        self._http: Http = self._ask_in_turn if limiter else Paced(self._ask, _interval_s(settings))

    def close(self) -> None:
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def check(self, request: Request) -> Response:
        """Answer for every hour of a request, within about its deadline, whatever Lambda and venue do.

        Raises:
            DatabaseUnavailableError: the limiter cannot say when a request may be made.
        """
        function = self._settings.lambda_function
        if not function:
            return self._check_here(request)
        started = time.monotonic()
        try:
            return self._check_there(function, request)
        except LambdaError as error:
            self.fallbacks[error.reason] += 1
            times = self.fallbacks.total()
            _log.warning("lambda-of-no-use", function=function, problem=str(error), times=times)
            note = f"the Lambda {function} was of no use ({error}; {times} times so far): asked from here"
        left = max(request.deadline_s - (time.monotonic() - started), request.deadline_s * 0.25)
        response = self._check_here(replace(request, deadline_s=left))
        return replace(response, notes=(note, *response.notes))

    def _check_here(self, request: Request) -> Response:
        return availability.check(request, _feeds(self._settings), self._http, now_us=now_us())

    def _check_there(self, function: str, request: Request) -> Response:
        parts = _parts(request)
        share = request.deadline_s * _LAMBDA_SHARE / len(parts)
        responses = [self._check_part(function, part, share) for part in parts]
        hours = tuple(hour for response in responses for hour in response.hours)
        asked = [each for each in hours if each.evidence or each.state is State.UNKNOWN]
        if asked and all(each.state is State.UNKNOWN for each in asked):
            raise LambdaError("venue-unreachable", f"of {len(asked)} hours it knows none: {asked[0].reason}")
        return Response(
            hours=hours,
            asked_us=responses[0].asked_us,
            requests=sum(response.requests for response in responses),
            seconds=sum(response.seconds for response in responses),
            checker="lambda",
            notes=tuple(note for response in responses for note in response.notes),
        )

    def _check_part(self, function: str, request: Request, share_s: float) -> Response:
        body = replace(request, deadline_s=max(share_s - _LAMBDA_START_S, share_s / 2))
        payload = self._invoke(function, body, share_s)
        try:
            answer = json.loads(payload)
        except ValueError:
            raise LambdaError("malformed", f"{payload[:60]!r} is not JSON") from None
        if isinstance(answer, dict) and "error" in answer:
            raise LambdaError("refused", str(answer["error"])[:200])
        try:
            return Response.from_json(answer, body)
        except MalformedResponseError as error:
            raise LambdaError("malformed", str(error)) from None

    def _invoke(self, function: str, request: Request, timeout_s: float) -> bytes:
        try:
            answer = self._client_for(timeout_s).invoke(
                FunctionName=function,
                InvocationType="RequestResponse",
                Payload=json.dumps(request.to_json()).encode(),
            )
            payload: bytes = answer["Payload"].read()
        except botocore.exceptions.ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            reason = "throttled" if code in _THROTTLING_ERRORS else "refused"
            raise LambdaError(reason, str(error)) from None
        except botocore.exceptions.ReadTimeoutError as error:
            raise LambdaError("slow", str(error)) from None
        except (botocore.exceptions.BotoCoreError, botocore.exceptions.HTTPClientError) as error:
            raise LambdaError("unreachable", str(error)) from None
        if "FunctionError" in answer:
            raise LambdaError("failed", payload[:200].decode("utf-8", "replace"))
        return payload

    def _client_for(self, timeout_s: float) -> Any:  # noqa: ANN401  (made at run time, without types)
        with self._making:
            if self._lambda is None or self._lambda[0] != timeout_s:
                # No retry by boto3: asking from here is the retry.
                config = botocore.config.Config(
                    connect_timeout=min(_CONNECT_S, timeout_s),
                    read_timeout=timeout_s,
                    retries={"total_max_attempts": 1},
                )
                self._lambda = (timeout_s, boto3.client("lambda", config=config))
            return self._lambda[1]

    def _ask_in_turn(self, method: str, url: str, headers: Mapping[str, str], timeout_s: float) -> HttpAnswer:
        """At the pace that all of the platform's processes share."""
        assert self._limiter is not None  # noqa: S101  (chosen only where there is one)
        host = httpx.URL(url).netloc.decode()
        started = time.monotonic()
        try:
            self._limiter.acquire(host, min(PATIENCE_S, timeout_s))
        except HostClosedError as error:
            raise NoAnswerError(str(error)) from None
        left = timeout_s - (time.monotonic() - started)
        if left <= 0:
            raise NoAnswerError("its turn did not come before the deadline")
        try:
            answer = self._ask(method, url, headers, left)
        except NoAnswerError as error:
            unreachable = isinstance(error.__context__, httpx.ConnectError)
            self._limiter.report(host, Outcome.UNREACHABLE if unreachable else Outcome.FAILED)
            raise
        wait_s = retry_after(answer.headers.get("retry-after", ""), now_us())
        self._limiter.report(host, _outcome(answer.status), retry_after_s=wait_s)
        return answer

    def _ask(self, method: str, url: str, headers: Mapping[str, str], timeout_s: float) -> HttpAnswer:
        read = 0
        try:
            with self._client.stream(method, url, headers=dict(headers), timeout=timeout_s) as answer:
                for part in answer.iter_raw():
                    read += len(part)
                    if read >= _BODY_BYTES:
                        break
        except httpx.HTTPError as error:
            raise NoAnswerError(f"{type(error).__name__} {error}".strip()) from None
        return HttpAnswer(answer.status_code, {k.lower(): v for k, v in answer.headers.items()}, read)


def check(settings: Settings, request: Request, limiter: Limiter | None = None) -> Response:
    """`Checker.check` for once."""
    with Checker(settings, limiter) as checker:
        return checker.check(request)


def _parts(request: Request) -> list[Request]:
    """The request cut by instruments, so that each part is one event."""
    hours = len(hours_between(request.start_us, request.end_us))
    most = max(1, MAX_HOURS // hours)
    symbols = [instrument.symbol for instrument in request.found()]
    return [
        replace(request, instruments=tuple(symbols[first : first + most]))
        for first in range(0, len(symbols), most)
    ]


def _feeds(settings: Settings) -> Feeds:
    return Feeds.from_settings(settings.dukascopy_url, settings.dukascopy_json_url)


def _interval_s(settings: Settings) -> float:
    """Seconds between requests: by the settings, and none where only this machine is asked."""
    feeds = _feeds(settings)
    rate = settings.dukascopy_rate
    if rate is None:
        hosts = [httpx.URL(url).netloc.decode() for url in (feeds.bi5_url, feeds.json_url) if url]
        rate = 0 if all(is_local(host) for host in hosts) else POLITE_RATE
    return 1 / rate if rate else 0.0


def _outcome(status: int) -> Outcome:
    if status in _THROTTLED:
        return Outcome.THROTTLED
    return Outcome.FAILED if status >= 500 else Outcome.ANSWERED
