"""One platform and one simulated venue for all end-to-end tests; each test has series of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.platform import Platform, Venue


@pytest.fixture(scope="module")
def venue(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Venue]:
    with Venue.started(tmp_path_factory.mktemp("venue")) as running:
        yield running


@pytest.fixture(scope="module")
def platform(venue: Venue, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    home: Path = tmp_path_factory.mktemp("platform") / "home"
    with Platform.started(home, venue) as running:
        yield running
