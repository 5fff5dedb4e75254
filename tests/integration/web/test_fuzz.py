"""Whatever is asked for: never a 5xx, never a stack trace."""

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error

from candlewick.instruments import AssetClass, Kind, Series
from tests.integration.store.landing import Landing


@pytest.fixture
def api(web: httpx.Client, landing: Landing) -> schemathesis.Schema:
    """The API as it describes itself; streams of events do not end, and connections are not for others to test."""
    landing.store.add_series(Series("kraken", "ethusd", Kind.TRADES, AssetClass.CRYPTO, 2, 8, "crypto"))
    found = schemathesis.openapi.from_url(f"{web.base_url}/api/openapi.json")
    return found.exclude(path_regex="events$|live$|settings/test$|health$")


schema = schemathesis.pytest.from_fixture("api")


@schema.parametrize()
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_nothing_breaks_it(case: schemathesis.Case) -> None:
    if case.path == "/api/chart/{subject}/bars" or case.path.startswith("/api/series/{name}"):
        case.path_parameters = dict.fromkeys(case.path_parameters or {}, "kraken:ethusd:trades")
    case.call_and_validate(checks=[not_a_server_error])
