"""Recorded events from a simulated venue to candles: worker, Pulsar, recorder, sink, database, all real."""

import io
import json
import zipfile
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest

from candlewick.candles import Level
from candlewick.client import Client
from candlewick.control import collect_live
from candlewick.hours import FINAL_STATES, Trades
from candlewick.instruments import AssetClass, Kind, Series
from candlewick.times import HOUR_US, floor_hour, iso, parse_time
from simulators.kraken import testing as kraken
from simulators.oanda import testing as oanda
from streaming.recorder import Recorder
from tests.integration.bus.sinks import Sinks
from tests.live import Bench
from tests.waiting import until

SPAN = ("--from", "2014-05-01", "--to", "2014-05-03")
BARS = ["open", "high", "low", "close"]


def await_final(landing: Sinks, series: Series, hours: list[int], seconds: float) -> None:
    def missing() -> dict[str, str]:
        stored = landing.store.read_hours(series, hours[0], hours[-1] + HOUR_US)
        states = {hour.hour_us: hour.state for hour in stored}
        return {
            iso(hour_us): str(states.get(hour_us))
            for hour_us in hours
            if states.get(hour_us) not in FINAL_STATES
        }

    until(f"{series.name} is final", lambda: not missing(), seconds, instead=missing)


def candles(landing: Sinks, series: Series, start_us: int, end_us: int) -> pd.DataFrame:
    for level in Level:
        landing.store.refresh(series.name, level, start_us, end_us)
    with Client(landing.settings) as client:
        return client.candles(series.name, "1m", iso(start_us), iso(end_us)).to_pandas()


def test_recorded_trades_of_kraken(
    landing: Sinks, recorder: Recorder, fixtures: Path, tmp_path: Path
) -> None:
    file = fixtures / "kraken_rest/nautilus/http_trades.json"
    answer = json.loads(file.read_bytes())["result"]
    rows = pd.DataFrame(
        next(value for key, value in answer.items() if key != "last"),
        columns=["price", "quantity", "seconds", "side", "type", "misc", "trade_id"],
    )
    series = Series("kraken", "btcusdt", Kind.TRADES, AssetClass.CRYPTO, 5, 8, "crypto")
    first_us, last_us = int(rows.seconds.iloc[0] * 1e6), int(rows.seconds.iloc[-1] * 1e6)
    collect_live(landing.settings, landing.store, series)
    start = iso(floor_hour(first_us))
    with (
        kraken.running("--trades", str(file), "--now", start, "--rest-rate", "0") as venue,
        Bench(landing.settings, tmp_path) as streams,
    ):
        streams.want(series)
        worker = streams.start("kraken", kraken_ws_url=venue.ws_url, kraken_rest_url=venue.rest_url)
        # Before the first trade: nothing of the recording is missed, however slow the start was.
        worker.await_health("streaming 1 series", 60)
        venue.set_clock(start, speed=600)
        hours = list(range(floor_hour(first_us), floor_hour(last_us) + 1, HOUR_US))
        await_final(landing, series, hours, 120)
        assert worker.health()["healthy"]
    found = list(landing.store.read_hours(series, hours[0], hours[-1] + HOUR_US))
    assert not [hour for hour in found if hour.gaps]
    ids = [i for hour in found if isinstance(hour.ticks, Trades) for i in hour.ticks.trade_id.tolist()]
    assert ids == rows.trade_id.tolist()
    prices = [p for hour in found if isinstance(hour.ticks, Trades) for p in hour.ticks.price.tolist()]
    assert [Decimal(price).scaleb(-5) for price in prices] == [Decimal(text) for text in rows.price]
    # Candles by pandas, from the recording alone.
    micros = rows.seconds.map(lambda seconds: int(Decimal(repr(seconds)) * 10**6))
    rows["minute"] = pd.to_datetime(micros, unit="us", utc=True).dt.floor("min")
    rows["price"] = rows.price.astype(float)
    wanted = rows.groupby("minute").price.agg(["first", "max", "min", "last"])
    got = candles(landing, series, hours[0], hours[-1] + HOUR_US)
    assert got[BARS].to_numpy().tolist() == wanted.to_numpy().tolist()


@pytest.mark.parametrize("symbol", ["eurusd"])
def test_recorded_ticks_of_oanda_give_the_minute_bars_that_came_with_them(
    landing: Sinks, recorder: Recorder, fixtures: Path, tmp_path: Path, symbol: str
) -> None:
    folder = fixtures / "lean_ticks/forex/oanda"
    day_start = parse_time("2014-05-01")
    series = Series("oanda", symbol, Kind.QUOTES, AssetClass.FOREX, 5, 0, "unknown")
    collect_live(landing.settings, landing.store, series)
    with (
        oanda.running("--ticks", str(folder), *SPAN, "--speed", "0") as venue,
        Bench(landing.settings, tmp_path) as streams,
    ):
        streams.want(series)
        streams.start(
            "oanda",
            oanda_stream_url=venue.url,
            oanda_rest_url=venue.url,
            oanda_token=venue.token,
            oanda_account=venue.account,
        )
        hours = list(range(day_start, day_start + 24 * HOUR_US, HOUR_US))
        await_final(landing, series, hours, 240)
    with zipfile.ZipFile(folder / "minute" / symbol / "20140501_quote.zip") as archive:
        text = archive.read(archive.namelist()[0]).decode()
    names = ["ms", "bo", "bh", "bl", "bc", "bv", "ao", "ah", "al", "ac", "av"]
    bars = pd.read_csv(io.StringIO(text), header=None, names=names)
    got = candles(landing, series, day_start, day_start + 24 * HOUR_US)
    since = pd.to_datetime(got["time"], utc=True) - pd.Timestamp("2014-05-01", tz="UTC")
    minutes = (since // pd.Timedelta(milliseconds=1)).tolist()
    assert minutes == bars.ms.tolist()
    for side, prefix in (("bid", "b"), ("ask", "a")):
        mine = got[[f"{side}_{name}" for name in BARS]].to_numpy().tolist()
        assert mine == bars[[f"{prefix}{letter}" for letter in "ohlc"]].to_numpy().tolist()
