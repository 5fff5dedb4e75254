"""Sinks that write into a database of the test's own, and a recorder beside them."""

from collections.abc import Iterator

import pytest

from candlewick.settings import Settings
from streaming.recorder import Recorder
from tests.integration.bus.sinks import Sinks, sinks


@pytest.fixture
def landing(servers: Settings, database_url: str) -> Iterator[Sinks]:
    with sinks(servers, database_url) as ready:
        yield ready


@pytest.fixture
def recorder(landing: Sinks) -> Iterator[Recorder]:
    with Recorder(landing.settings) as running:
        yield running
