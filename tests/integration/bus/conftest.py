"""Sinks on the shared servers, writing into a database of the test's own."""

from collections.abc import Iterator

import pytest

from candlewick.settings import Settings

from .sinks import Sinks, sinks


@pytest.fixture
def landing(servers: Settings, database_url: str) -> Iterator[Sinks]:
    with sinks(servers, database_url) as ready:
        yield ready
