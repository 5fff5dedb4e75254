"""A gap of several pages at a venue that refuses calls beyond one a second, as the real one does."""

from collections.abc import Iterator

import pytest

from candlewick.instruments import AssetClass, Kind, Series
from candlewick.settings import Settings
from simulators.kraken.testing import RunningKraken, running
from tests.live import bench
from tests.waiting import until

TRADES = Series("kraken", "btcusd", Kind.TRADES, AssetClass.CRYPTO, 5, 8, "crypto")
MISSED = 4200


@pytest.fixture
def venue() -> Iterator[RunningKraken]:
    # Few trades before the start: the hour up to it is filled, too.
    with running("--synthetic", "--rate", "0.3", "--rest-rate", "1") as ready:
        yield ready


def test_pages_that_were_refused_are_asked_for_where_it_stopped(
    servers: Settings, venue: RunningKraken, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with bench(servers, tmp_path_factory.mktemp("kraken")) as streams:
        streams.want(TRADES)
        worker = streams.start("kraken", kraken_ws_url=venue.ws_url, kraken_rest_url=venue.rest_url)
        until("whole", lambda: worker.health().get("summary") == "streaming 1 series", 60)
        first = venue.truth().next_id
        venue.set_rate(600, "BTC/USD")
        venue.set_faults(f"skip:symbol=BTC/USD,count={MISSED}")
        until(
            "the gap is noticed",
            lambda: worker.metric("candlewick_live_open_gaps", series=TRADES.name) > 0,
        )
        venue.set_rate(5, "BTC/USD")
        until(
            f"the gap is filled; see {worker.log}",
            lambda: worker.health().get("summary") == "streaming 1 series",
            60,
        )
        last = venue.truth().next_id - 1
        wanted = set(venue.truth(from_id=first, to_id=last).ids)
        until(
            f"every trade is in the topic; see {worker.log}",
            lambda: wanted <= {trade.trade_id for trade in streams.trades(TRADES)},
        )
        found = [trade.trade_id for trade in streams.trades(TRADES) if first <= trade.trade_id <= last]
        assert len(found) == len(wanted) >= MISSED
        assert "Too many requests" in worker.log.read_text()
