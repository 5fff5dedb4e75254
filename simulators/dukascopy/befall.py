"""What a client gets instead of a sound answer, by the name of the fault."""

from collections.abc import Callable
from email.utils import formatdate

from starlette.responses import Response

from candlewick.times import SECOND_US, now_us
from simulators.dukascopy import responses
from simulators.dukascopy.faults import FaultName, Rule


def befallen(rule: Rule, body: bytes, sound: Response) -> Response:
    """The answer under a fault.

    Args:
        body: the content that would have been sent; empty where there is none.
        sound: the answer that would have been given.
    """
    return _ANSWERS[rule.fault](rule, body, sound)


def _left(rule: Rule, body: bytes) -> bytes:
    return body[: int(len(body) * rule.fraction)]


def _retry_after(rule: Rule) -> dict[str, str]:
    if rule.retry_after is None:
        return {}
    if rule.retry_after_date:
        at_us = now_us() + rule.retry_after * SECOND_US
        return {"retry-after": formatdate(at_us // SECOND_US, usegmt=True)}
    return {"retry-after": str(rule.retry_after)}


def _with_body(body: bytes, sound: Response) -> Response:
    """200 with another body under the sound answer's headers, but those that speak of the body."""
    return Response(body, media_type=sound.media_type, headers=_kept_headers(sound))


def _kept_headers(sound: Response) -> dict[str, str]:
    return {name: value for name, value in sound.headers.items() if name == "last-modified"}


_ANSWERS: dict[FaultName, Callable[[Rule, bytes, Response], Response]] = {
    FaultName.NOT_FOUND: lambda _rule, _body, _sound: responses.status_page(404),
    FaultName.FORBIDDEN: lambda rule, _body, _sound: Response(
        responses.BLOCK_PAGE, 403, _retry_after(rule), media_type="text/html"
    ),
    FaultName.THROTTLE: lambda rule, _body, _sound: responses.too_many(_retry_after(rule)),
    FaultName.UNAVAILABLE: lambda rule, _body, _sound: responses.status_page(503, _retry_after(rule)),
    FaultName.ACCEPTED: lambda _rule, _body, _sound: Response(status_code=202),
    FaultName.HANG: lambda rule, _body, _sound: responses.Hang(rule.seconds),
    FaultName.RESET: lambda _rule, _body, _sound: responses.Reset(),
    FaultName.SLOW: lambda rule, _body, sound: responses.Slow(sound, rule.seconds),
    FaultName.CUT: lambda rule, _body, sound: responses.Cut(sound, rule.fraction),
    FaultName.TRUNCATE: lambda rule, body, sound: _with_body(_left(rule, body), sound),
    FaultName.EMPTY: lambda _rule, _body, sound: _with_body(b"", sound),
    FaultName.HTML: lambda _rule, _body, _sound: Response(responses.BLOCK_PAGE, media_type="text/html"),
    # A byte that no JSON text may hold, so that no lenient reader takes the rest for a whole.
    FaultName.DAMAGED_JSON: lambda rule, body, sound: _with_body(_left(rule, body) + b'"\0}', sound),
}
