"""The AWS Lambda checker: which hours Dukascopy has published, for instruments and a time span.

Event and answer are `Request` and `Response` of `candlewick.dukascopy.availability_messages` as JSON;
`docs/aws.md` shows both. What is wrong with an event is answered, not raised, as
`{"error": {"type", "field", "message"}}`: an alarm is for what its operator must mend. Standard library only.
"""

import http.client
import json
import os
import sys
import urllib.request
from collections.abc import Mapping
from dataclasses import replace
from typing import Protocol

from candlewick.dukascopy.availability import Feeds, HttpAnswer, NoAnswerError, Paced, check
from candlewick.dukascopy.availability_messages import Request, RequestError, Response, State
from candlewick.times import now_us

_RETURN_S = 2.0
"""Kept back from the function's time for putting the answer together."""

_BODY_BYTES = 1024


class Context(Protocol):
    """What AWS passes beside the event."""

    function_name: str

    def get_remaining_time_in_millis(self) -> int: ...


def lambda_handler(event: object, context: Context) -> dict[str, object]:
    """Answer an event; see the module."""
    at_us = now_us()
    try:
        request = Request.from_json(event, at_us)
    except RequestError as error:
        return {"error": {"type": "RequestError", "field": error.field, "message": str(error)}}
    left = context.get_remaining_time_in_millis() / 1000 - _RETURN_S
    request = replace(request, deadline_s=max(min(request.deadline_s, left), 0.1))
    feeds, interval_s = _settings(os.environ)
    response = check(request, feeds, Paced(ask, interval_s), now_us=at_us)
    _measure(context.function_name, response)
    return response.to_json()


def _settings(environment: Mapping[str, str]) -> tuple[Feeds, float]:
    feeds = Feeds.from_settings(
        environment["CANDLEWICK_DUKASCOPY_URL"], environment.get("CANDLEWICK_DUKASCOPY_JSON_URL", "")
    )
    for url in filter(None, (feeds.bi5_url, feeds.json_url)):
        if not url.startswith(("https://", "http://")):
            raise ValueError(f"{url!r} is no http address: mend the function's environment")
    rate = float(environment.get("CANDLEWICK_DUKASCOPY_RATE") or 1)
    return feeds, 1 / rate if rate else 0.0


# Only what fetches: any status is an answer, and a redirect is not followed.
_opener = urllib.request.OpenerDirector()
for _handler in (urllib.request.ProxyHandler(), urllib.request.HTTPHandler(), urllib.request.HTTPSHandler()):
    _opener.add_handler(_handler)


def ask(method: str, url: str, headers: Mapping[str, str], timeout_s: float) -> HttpAnswer:
    """`availability.Http` by urllib."""
    # The address begins with one of the function's own settings, which are checked to be http.
    request = urllib.request.Request(url, headers=dict(headers), method=method)  # noqa: S310
    try:
        with _opener.open(request, timeout=timeout_s) as answer:
            read = len(answer.read(_BODY_BYTES))
            return HttpAnswer(answer.status, {k.lower(): v for k, v in answer.headers.items()}, read)
    except (OSError, http.client.HTTPException) as error:
        raise NoAnswerError(f"{type(error).__name__} {error}".strip()) from None


def _measure(function: str, response: Response) -> None:
    """One line in CloudWatch's embedded metric format: metrics without a right to write any."""
    counts = response.counts()
    metrics: dict[str, float] = {
        "UnknownHours": counts[State.UNKNOWN],
        "OutHours": counts[State.OUT],
        "NotYetHours": counts[State.NOT_YET],
        "VenueRequests": response.requests,
        "VenueSeconds": round(response.seconds, 3),
    }
    line = {
        "_aws": {
            "Timestamp": response.asked_us // 1000,
            "CloudWatchMetrics": [
                {
                    "Namespace": "Candlewick",
                    "Dimensions": [["FunctionName"]],
                    "Metrics": [{"Name": name} for name in metrics],
                }
            ],
        },
        "FunctionName": function,
        **metrics,
    }
    sys.stdout.write(json.dumps(line) + "\n")
