"""A bench with a venue on loopback."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.dukascopy.bench import Bench
from tests.scripted_venue import ScriptedVenue


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with ScriptedVenue() as server:
        bench = Bench(server, tmp_path / "archive")
        with bench.venue:
            yield bench
