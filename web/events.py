"""Server-sent events: how a message is written, and how a stream of them is answered."""

from collections.abc import AsyncIterator

import orjson
from starlette.responses import StreamingResponse

HEARTBEAT_S = 5.0
HEARTBEAT = b": alive\n\n"


def message(event: str, data: object, position: str | None = None) -> bytes:
    """One event, of numpy columns too; `position` is what the browser shows when it comes again."""
    head = f"id: {position}\n" if position else ""
    body = orjson.dumps(data, option=orjson.OPT_SERIALIZE_NUMPY)
    return b"%bevent: %b\ndata: %b\n\n" % (head.encode(), event.encode(), body)


def stream(messages: AsyncIterator[bytes]) -> StreamingResponse:
    """Answers with events until there are no more, or nobody listens."""
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(messages, media_type="text/event-stream", headers=headers)
