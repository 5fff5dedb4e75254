"""Ports: free or held, and by whom."""

import os
import socket
from collections.abc import Iterator

import pytest

from candlewick.errors import CandlewickError
from candlewick.local import ports


@pytest.fixture(params=["127.0.0.1", "0.0.0.0"])  # noqa: S104  (whoever holds all interfaces holds ours)
def held(request: pytest.FixtureRequest) -> Iterator[int]:
    with socket.socket() as server:
        server.bind((request.param, 0))
        server.listen()
        yield server.getsockname()[1]


def test_a_held_port_is_named_with_its_holder(held: int) -> None:
    assert not ports.is_free(held)
    with pytest.raises(CandlewickError) as caught:
        ports.check_free(held, "PostgreSQL")
    assert f"port {held}, wanted for PostgreSQL" in caught.value.problem
    assert f"pid {os.getpid()}" in caught.value.problem
    assert "CANDLEWICK_PORT_BASE" in caught.value.remedy


def test_a_port_is_free_again_after_its_server_has_ended() -> None:
    with socket.socket() as server:
        # As PostgreSQL and Pulsar do.
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)) as client, server.accept()[0]:
            assert client
    # The connection lingers in TIME_WAIT; a server may listen all the same.
    assert ports.is_free(port)
    ports.check_free(port, "a test")


def test_consecutive_ports_are_found() -> None:
    base = ports.free_base(7)
    assert all(ports.is_free(port) for port in range(base, base + 7))
