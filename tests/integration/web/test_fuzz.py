"""Whatever is asked for: never a 5xx, never a stack trace."""

from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings

from candlewick.instruments import AssetClass, Kind, Series
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
        _never_breaks(operation)


def _never_breaks(operation: Any) -> None:
    @settings(max_examples=25, database=None, suppress_health_check=list(HealthCheck))
    @given(operation.as_strategy())
    def ask(case: Any) -> None:
        if case.method == "GET" and "name" in case.path_parameters:
            case.path_parameters["name"] = "kraken:ethusd:trades"
        if case.method == "GET" and "subject" in case.path_parameters:
            case.path_parameters["subject"] = "ethusd"
        answer = case.call()
        assert answer.status_code < 500, f"{case.as_curl_command()}: {answer.text}"

    ask()
