"""Whatever is asked for: never a 5xx, never a stack trace."""

from typing import Any

import httpx
import pytest
import schemathesis

from candlewick.instruments import AssetClass, Kind, Series
from tests.fuzzing import never_breaks
from tests.integration.store.landing import Landing


@pytest.fixture
def api(web: httpx.Client, landing: Landing) -> Any:
    """The API as it describes itself, but for streams of events, which do not end, and what asks venues."""
    landing.store.add_series(Series("kraken", "ethusd", Kind.TRADES, AssetClass.CRYPTO, 2, 8, "crypto"))
    found = schemathesis.openapi.from_url(f"{web.base_url}/api/openapi.json")
    return found.exclude(path_regex="events$|live$|settings/test$|health$")


def test_nothing_breaks_it(api: Any) -> None:
    operations = [found.ok() for found in api.get_all_operations()]
    assert len(operations) > 12
    for operation in operations:
        # A change of a known series asks the broker, which is not here: `end_to_end/test_control.py` has one.
        known = {"name": "kraken:ethusd:trades", "subject": "ethusd"} if operation.method == "get" else {}
        never_breaks(operation, 25, **known)
