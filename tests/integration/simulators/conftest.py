"""A simulated Kraken that the tests of a module share."""

from collections.abc import Iterator

import pytest

from simulators.kraken.testing import RunningKraken, running


@pytest.fixture(scope="module")
def started_kraken() -> Iterator[RunningKraken]:
    with running("--pairs", "BTC/USD,ETH/USD", "--rate", "200", "--rest-rate", "0") as venue:
        yield venue


@pytest.fixture
def kraken(started_kraken: RunningKraken) -> RunningKraken:
    """A sound venue without connections."""
    started_kraken.set_faults().reset_requests()
    started_kraken.end_connections("drop")
    return started_kraken
