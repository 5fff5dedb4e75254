"""A socket on loopback, and the line that says which port it has."""

import json
import socket
import sys
from pathlib import Path

from candlewick.errors import CandlewickError

HOST = "127.0.0.1"


def listen(port: int) -> socket.socket:
    """A bound socket; port 0 takes a free one.

    Raises:
        CandlewickError: the port is taken.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except OSError as error:
        listener.close()
        raise CandlewickError(
            f"port {port} cannot be used: {error.strerror}", "choose another with --port"
        ) from None
    return listener


def announce(port: int, ready_file: Path | None) -> None:
    """Says on standard output, and in `ready_file`, that requests are answered on `port`."""
    line = json.dumps({"ready": True, "port": port, "url": f"http://{HOST}:{port}"})
    if ready_file is not None:
        partial = ready_file.with_name(f".{ready_file.name}.part")
        partial.write_text(line + "\n")
        partial.replace(ready_file)
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
