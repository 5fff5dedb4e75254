"""A store with series in it."""

from collections.abc import Callable, Iterator

import numpy as np
import psycopg
import pytest

from candlewick.hours import Quotes
from candlewick.store import Store

from .landing import BTCUSD, DAX, EURUSD, Landing


@pytest.fixture
def landing(database_url: str) -> Iterator[Landing]:
    with Store(database_url) as store, psycopg.connect(database_url, autocommit=True) as connection:
        for series in (EURUSD, BTCUSD, DAX):
            store.add_series(series)
        yield Landing(database_url, store, connection)


@pytest.fixture
def some_quotes() -> Callable[..., Quotes]:
    """Makes quotes of one hour: `some_quotes(how many, seed)`."""

    def make(count: int, seed: int = 0) -> Quotes:
        rng = np.random.default_rng(seed)
        bid = 113_000 + np.cumsum(rng.integers(-3, 4, count))
        return Quotes(
            np.sort(rng.integers(0, 3_600_000, count)) * 1000,
            bid,
            bid + rng.integers(1, 9, count),
            rng.integers(1, 500, count) * 10_000,
            rng.integers(1, 500, count) * 10_000,
        )

    return make
