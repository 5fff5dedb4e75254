"""A WebSocket connection, as adapters use it."""

from collections.abc import Sequence

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from streaming.live.rest import retry_after_s
from streaming.live.venue import ClosedError, ConnectError, Item

OPEN_S = 10.0
CLOSE_S = 1.0
LARGEST_FRAME = 16 << 20
FRAMES_WAITING = 64
"""Frames that were received and not yet read; beyond them the socket is held back."""


class WebSocket:
    """An open connection."""

    def __init__(self, connection: ClientConnection) -> None:
        self.opening: Sequence[Item] = ()
        self._connection = connection

    async def receive(self) -> bytes:
        try:
            return await self._connection.recv(decode=False)
        except ConnectionClosed as error:
            raise _closed(error) from None

    async def send(self, frame: bytes) -> None:
        try:
            await self._connection.send(frame, text=True)
        except ConnectionClosed as error:
            raise _closed(error) from None

    async def close(self) -> None:
        await self._connection.close()


async def open_websocket(url: str) -> WebSocket:
    """Connects.

    Raises:
        ConnectError: the venue does not answer, or refuses.
    """
    try:
        connection = await connect(
            url,
            open_timeout=OPEN_S,
            close_timeout=CLOSE_S,
            # The venue's own pings are answered; ours are messages, whose answers have its clock.
            ping_interval=None,
            compression=None,
            max_size=LARGEST_FRAME,
            max_queue=FRAMES_WAITING,
            # No proxy of the environment: a venue is reached directly or not at all.
            proxy=None,
        )
    except InvalidStatus as error:
        status = error.response.status_code
        wait = retry_after_s(error.response.headers.get("Retry-After"))
        raise ConnectError(f"http {status}", f"the venue answers {status}", wait) from None
    except (InvalidHandshake, OSError, TimeoutError, EOFError) as error:
        raise ConnectError("unreachable", f"no connection: {type(error).__name__}") from None
    return WebSocket(connection)


def _closed(error: ConnectionClosed) -> ClosedError:
    if error.rcvd is None:
        return ClosedError("dropped", "the connection broke without a close frame")
    return ClosedError(
        f"closed {error.rcvd.code}", f"the venue closed: {error.rcvd.code} {error.rcvd.reason}"
    )
