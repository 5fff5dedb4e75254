"""One TCP connection as its server can treat it: cut, reset, throttled, not read from."""

import asyncio
import socket
import struct

_TRICKLES_A_SECOND = 20


class Wire:
    """Bytes go straight to the transport, or slowly when throttled."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._waiting = bytearray()
        self._bytes_a_second: int | None = None
        self._trickle: asyncio.Task[None] | None = None
        self._reads = True

    @property
    def is_open(self) -> bool:
        return not self._transport.is_closing()

    @property
    def backlog(self) -> int:
        """Bytes that the other side has not taken yet, beyond what the system holds."""
        return self._transport.get_write_buffer_size() + len(self._waiting)

    def write(self, data: bytes) -> None:
        if self._transport.is_closing():
            return
        if self._bytes_a_second is None and not self._waiting:
            self._transport.write(data)
        else:
            self._waiting += data

    def throttle(self, bytes_a_second: int | None) -> None:
        """Lets only so many bytes a second through; None: what waited goes out at once."""
        self._bytes_a_second = bytes_a_second
        if bytes_a_second is None:
            if self._waiting:
                self._transport.write(bytes(self._waiting))
                self._waiting.clear()
        elif self._trickle is None or self._trickle.done():
            self._trickle = asyncio.get_running_loop().create_task(self._let_through())

    async def _let_through(self) -> None:
        allowance = 0.0
        while self._bytes_a_second is not None and self.is_open:
            allowance = min(
                allowance + self._bytes_a_second / _TRICKLES_A_SECOND, float(self._bytes_a_second)
            )
            count = min(int(allowance), len(self._waiting))
            if count:
                self._transport.write(bytes(self._waiting[:count]))
                del self._waiting[:count]
                allowance -= count
            await asyncio.sleep(1 / _TRICKLES_A_SECOND)

    def read(self, *, on: bool) -> None:
        """Takes what the other side sends, or leaves it in the system's buffers."""
        if on == self._reads or not self.is_open:
            return
        self._reads = on
        if on:
            self._transport.resume_reading()
        else:
            self._transport.pause_reading()

    def drop(self) -> None:
        """Ends the TCP connection without a word of the protocol above."""
        self._transport.abort()

    def reset(self) -> None:
        """Breaks the connection with RST."""
        connection: socket.socket | None = self._transport.get_extra_info("socket")
        if connection is not None and self.is_open:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()
