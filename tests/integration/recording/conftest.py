"""A recorder on the shared servers, whose sinks write into a database of the test's own."""

from collections.abc import Iterator

import pytest

from candlewick.settings import Settings
from streaming.recorder import Recorder
from tests.integration.bus.sinks import Sinks, sinks
from tests.live_topics import Worker, worker


@pytest.fixture
def landing(servers: Settings, database_url: str) -> Iterator[Sinks]:
    with sinks(servers, database_url) as ready:
        yield ready


@pytest.fixture
def venue(landing: Sinks) -> Iterator[Worker]:
    with worker(landing.settings, landing.store) as ready:
        yield ready


@pytest.fixture
def recorder(venue: Worker, landing: Sinks) -> Iterator[Recorder]:
    """Depends on `venue`: its topics outlive their reader."""
    with Recorder(landing.settings) as running:
        yield running
