"""Lines of an endless HTTP answer, as adapters use them: chunk borders mean nothing.

The library is synchronous: a thread reads, and waits while the loop has not taken what it read, which
holds back the venue.
"""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Mapping, Sequence

import urllib3

from streaming.live.rest import TIMEOUT_S, retry_after_s
from streaming.live.venue import ClosedError, ConnectError, Item

BLOCKS_WAITING = 64
LONGEST_LINE = 1 << 20
READ_S = 60.0
"""How long a read waits; silence is judged by the session, long before."""


class Lines:
    """An open answer; each frame is one or more whole lines."""

    def __init__(self, pool: urllib3.PoolManager, response: urllib3.BaseHTTPResponse) -> None:
        self.opening: Sequence[Item] = ()
        self._pool = pool
        self._response = response
        self._loop = asyncio.get_running_loop()
        self._frames: asyncio.Queue[bytes | ClosedError] = asyncio.Queue(BLOCKS_WAITING)
        self._closing = False
        self._thread = threading.Thread(target=self._read, name="lines", daemon=True)
        self._thread.start()

    async def receive(self) -> bytes:
        frame = await self._frames.get()
        if isinstance(frame, ClosedError):
            # Whoever asks again is told again.
            self._frames.put_nowait(frame)
            raise frame
        return frame

    async def send(self, frame: bytes) -> None:
        raise RuntimeError(f"nothing can be sent on this stream: {frame[:40]!r}")

    async def close(self) -> None:
        if self._closing:
            return
        self._closing = True
        # The thread may be inside a read, which only the socket's end wakes.
        with contextlib.suppress(OSError, AttributeError):
            connection = self._response.connection
            connection.sock.shutdown(socket.SHUT_RDWR)  # type: ignore[union-attr]
        with contextlib.suppress(asyncio.QueueFull):
            self._frames.put_nowait(ClosedError("ended", "the connection was ended"))
        await asyncio.to_thread(self._thread.join, 1.0)
        self._pool.clear()

    def _read(self) -> None:
        rest = b""
        end = ClosedError("closed", "the venue ended the stream")
        try:
            for chunk in self._response.read_chunked(decode_content=False):
                rest += chunk
                whole, newline, rest = rest.rpartition(b"\n")
                if newline:
                    self._put(whole)
                elif len(rest) > LONGEST_LINE:
                    end = ClosedError("bad frame", f"a line of more than {LONGEST_LINE} bytes")
                    break
        except (urllib3.exceptions.HTTPError, OSError, ValueError, AttributeError) as error:
            end = ClosedError("dropped", f"the connection broke: {type(error).__name__}")
        self._put(end)

    def _put(self, frame: bytes | ClosedError) -> None:
        if self._closing:
            return
        with contextlib.suppress(RuntimeError, TimeoutError):
            future = asyncio.run_coroutine_threadsafe(self._frames.put(frame), self._loop)
            while not self._closing:
                with contextlib.suppress(TimeoutError):
                    future.result(timeout=0.5)
                    return
            future.cancel()


async def open_lines(url: str, parameters: Mapping[str, str], headers: Mapping[str, str]) -> Lines:
    """Connects.

    Args:
        headers: may hold secrets; no error shows them, nor the address.

    Raises:
        ConnectError: the venue does not answer, or not with a stream; its `cause` is `http STATUS`.
    """
    pool = urllib3.PoolManager(maxsize=1, retries=False)
    try:
        response = await asyncio.to_thread(_open, pool, url, parameters, headers)
    except urllib3.exceptions.HTTPError as error:
        pool.clear()
        raise ConnectError("unreachable", f"no connection: {type(error).__name__}") from None
    if response.status != 200:
        wait = retry_after_s(response.headers.get("Retry-After"))
        response.close()
        pool.clear()
        raise ConnectError(f"http {response.status}", f"the venue answers {response.status}", wait)
    return Lines(pool, response)


def _open(
    pool: urllib3.PoolManager, url: str, parameters: Mapping[str, str], headers: Mapping[str, str]
) -> urllib3.BaseHTTPResponse:
    return pool.request(
        "GET",
        url,
        fields=dict(parameters),
        # A compressed answer would be held back until a block is full.
        headers={**headers, "Accept-Encoding": urllib3.util.SKIP_HEADER},
        preload_content=False,
        timeout=urllib3.Timeout(connect=TIMEOUT_S, read=READ_S),
    )
