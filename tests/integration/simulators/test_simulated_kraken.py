"""The simulated Kraken as a process, seen by a plain client: protocol, REST, truth."""

import asyncio
import json
import re
import time
from itertools import pairwise
from pathlib import Path

import httpx
import pytest

from candlewick.times import iso, parse_time
from simulators.kraken.testing import RunningKraken, running
from tests.integration.simulators.kraken_client import connected, contiguous, streaming

BTC, ETH = "BTC/USD", "ETH/USD"


@pytest.fixture
def venue(kraken: RunningKraken) -> RunningKraken:
    return kraken


class TestProtocol:
    def test_status_comes_first_and_heartbeats_only_with_a_subscription(self, venue: RunningKraken) -> None:
        async def play() -> None:
            venue.set_rate(0)
            try:
                async with connected(venue) as client:
                    await client.for_seconds(1.5)
                    assert [m["channel"] for m in client.messages] == ["status"]
                    (status,) = client.messages[0]["data"]
                    assert status["system"] == "online"
                    assert status["connection_id"] > 1 << 63
                    await client.subscribe(BTC)
                    await client.until(lambda c: len(c.of("heartbeat")) >= 2)
                    assert client.of("heartbeat")[0] == {"channel": "heartbeat"}
            finally:
                venue.set_rate(200)

        asyncio.run(play())

    def test_each_symbol_is_acknowledged_with_the_same_req_id(self, venue: RunningKraken) -> None:
        async def play() -> None:
            async with connected(venue) as client:
                await client.subscribe(BTC, "XBT/USD", "BTCUSD", ETH, req_id=4101)
                await client.until(lambda c: len(c.acks()) >= 4)
                assert [(a["req_id"], a["success"]) for a in client.acks()] == [
                    (4101, True),
                    (4101, False),
                    (4101, False),
                    (4101, True),
                ]
                assert client.acks()[0]["result"] == {"channel": "trade", "snapshot": False, "symbol": BTC}
                assert client.acks()[1]["error"] == "Currency pair not supported XBT/USD"
                assert client.acks()[1]["symbol"] == "XBT/USD"
                await client.subscribe(BTC, req_id=2)
                await client.until(lambda c: len(c.acks()) >= 5)
                assert client.acks()[4]["error"] == "Already subscribed"

        asyncio.run(play())

    def test_the_snapshot_of_trades_is_fifty_and_off_by_default(self, venue: RunningKraken) -> None:
        async def play() -> None:
            async with connected(venue) as client:
                await client.subscribe(BTC, snapshot=True)
                await client.subscribe(ETH)
                await client.until(lambda c: len(c.ids(BTC)) > 60 and c.ids(ETH))
                (snapshot,) = client.of("trade", "snapshot")
                assert len(snapshot["data"]) == 50
                assert {trade["symbol"] for trade in snapshot["data"]} == {BTC}
                assert contiguous(client.ids(BTC))
                assert contiguous(client.ids(ETH))
                sent = venue.truth(BTC).sent[venue.open_connections()[0]["number"]]
                assert (len(sent), sent[0][0]) == (1, client.ids(BTC)[0])

        asyncio.run(play())

    def test_the_ticker_by_trades_and_by_best_prices(self, venue: RunningKraken) -> None:
        async def play() -> None:
            async with connected(venue) as client:
                await client.subscribe(BTC, channel="ticker", req_id=1)
                await client.subscribe(ETH, channel="ticker", event_trigger="bbo", req_id=2)
                await client.until(lambda c: len(c.of("ticker")) > 30)
                triggers = [ack["result"]["event_trigger"] for ack in client.acks()]
                assert triggers == ["trades", "bbo"]
                told = {
                    s: [m for m in client.of("ticker") if m["data"][0]["symbol"] == s] for s in (BTC, ETH)
                }
                for messages in told.values():
                    assert [m["type"] for m in messages[:2]] == ["snapshot", "update"]
                best = [(m["data"][0]["bid"], m["data"][0]["ask"]) for m in told[ETH]]
                assert all(bid < ask for bid, ask in best)
                assert all(later != earlier for earlier, later in pairwise(best[1:]))

        asyncio.run(play())

    def test_numbers_have_all_decimals_of_the_pair(self, venue: RunningKraken) -> None:
        async def play() -> None:
            async with connected(venue) as client:
                await client.subscribe(BTC)
                await client.until(lambda c: len(c.ids()) > 100)
                found = re.findall(r'"price":([\d.]+),"qty":([\d.]+),', "".join(client.texts))
                assert all(re.fullmatch(r"\d+\.\d", price) for price, _ in found)
                assert all(re.fullmatch(r"\d+\.\d{8}", qty) for _, qty in found)
                assert any(qty.endswith("0") for _, qty in found)

        asyncio.run(play())

    def test_several_trades_in_a_message_and_at_a_moment(self, venue: RunningKraken) -> None:
        async def play() -> None:
            async with connected(venue) as client:
                await client.subscribe(BTC)
                # When a message has trades of several moments is a matter of the moments.
                await client.until(
                    lambda c: any(len({t["timestamp"] for t in m["data"]}) > 1 for m in c.of("trade"))
                )
                await client.until(lambda c: len(c.ids()) > 200)
                assert max(len(m["data"]) for m in client.of("trade")) > 2
                times = [trade["timestamp"] for trade in client.trades()]
                assert len(set(times)) < len(times)
                assert times == sorted(times)

        asyncio.run(play())

    def test_ping_unsubscribe_and_what_it_does_not_understand(self, venue: RunningKraken) -> None:
        async def play() -> None:
            async with connected(venue) as client:
                await streaming(client)
                await client.say(method="ping", req_id=101)
                await client.until(lambda c: any(m.get("method") == "pong" for m in c.messages))
                (pong,) = [m for m in client.messages if m.get("method") == "pong"]
                assert (pong["req_id"], set(pong)) == (101, {"method", "req_id", "time_in", "time_out"})
                for params in ({"channel": "trade", "symbol": [BTC]}, {"channel": "trade", "symbol": [BTC]}):
                    await client.say(method="unsubscribe", params=params, req_id=5)
                await client.say(method="subscribe", params={"channel": "book2", "symbol": [BTC]})
                await client.say(method="dance")
                await client.socket.send_str("{")
                await client.until(lambda c: len(c.acks()) >= 6)
                assert [ack["success"] for ack in client.acks()[1:]] == [True] + [False] * 4
                assert client.acks()[-1]["error"] == "Malformed request"
                seen = len(client.ids())
                await client.for_seconds(0.3)
                assert len(client.ids()) == seen
                await client.socket.ping()

        asyncio.run(play())

    def test_a_connection_may_be_closed_by_the_client(self, venue: RunningKraken) -> None:
        async def play() -> None:
            async with connected(venue) as client:
                await streaming(client)
            deadline = time.monotonic() + 10
            while venue.open_connections():
                assert time.monotonic() < deadline
            assert venue.connections()[-1]["why"] == "client closed"

        asyncio.run(play())

    def test_two_connections_get_the_same(self, venue: RunningKraken) -> None:
        async def play() -> None:
            async with connected(venue) as one, connected(venue) as two:
                for client in (one, two):
                    await streaming(client)
                last = two.ids()[-1] + 20
                for client in (one, two):
                    await client.until(lambda c: c.ids()[-1] > last)
                common = sorted(set(one.ids()) & set(two.ids()))
                assert len(common) >= 20
                by_id = [{t["trade_id"]: t for t in client.trades()} for client in (one, two)]
                assert all(by_id[0][number] == by_id[1][number] for number in common)

        asyncio.run(play())


class TestRest:
    def test_trades_equal_the_stream(self, venue: RunningKraken) -> None:
        async def play() -> None:
            async with connected(venue) as client:
                await client.subscribe(BTC)
                await client.until(lambda c: len(c.ids()) > 150)
                first, last = client.ids()[0], client.ids()[-1]
                truth = venue.truth(BTC, from_id=first, to_id=last)
                rows = await client.all_trades(venue, "XXBTZUSD", first, last, truth.times_ns[0])
                for told, row in zip(client.trades(), rows, strict=True):
                    assert (float(row[0]), float(row[1])) == (told["price"], told["qty"])
                    assert (row[3], row[4]) == (told["side"][0], told["ord_type"][0])
                    micros = parse_time(told["timestamp"])
                    assert abs(row[2] * 1e6 - micros) <= 1.5
                    assert isinstance(row[2], float)
                assert truth.sides == "".join(row[3] for row in rows)

        asyncio.run(play())

    def test_pages_end_and_begin_without_loss(self, venue: RunningKraken) -> None:
        async def play() -> None:
            async with connected(venue) as client:
                end = venue.truth(BTC).next_id
                since = venue.truth(BTC, from_id=end - 2500, to_id=end - 2500).times_ns[0]
                page = await client.rest(venue, "Trades", pair="XBTUSD", since=since, count=7)
                rows = page["result"]["XXBTZUSD"]
                assert rows[0][6] > end - 2500
                assert len(rows) == 7
                seconds = await client.rest(venue, "Trades", pair="XBTUSD", since=str(since // 10**9))
                assert len(seconds["result"]["XXBTZUSD"]) == 1000
                newest = await client.rest(venue, "Trades", pair="XBTUSD", count=3)
                assert len(newest["result"]["XXBTZUSD"]) == 3
                rows = await client.all_trades(venue, "XBTUSD", end - 2499, end - 1, since)
                # Another test may have had some lost.
                assert [row[6] for row in rows] == venue.truth(BTC, from_id=end - 2499, to_id=end - 1).ids

        asyncio.run(play())

    def test_history_of_days_can_be_had(self, venue: RunningKraken) -> None:
        async def play() -> None:
            async with connected(venue) as client:
                week_ago = parse_time(venue.now()) * 1000 - 7 * 86_400 * 10**9
                told = await client.rest(venue, "Trades", pair="ETHUSD", since=week_ago)
                rows = told["result"]["XETHZUSD"]
                assert len(rows) == 1000
                assert 0 <= rows[0][2] - week_ago / 1e9 < 60

        asyncio.run(play())

    @pytest.mark.parametrize(
        ("call", "query", "error"),
        [
            ("Trades", {"pair": "NONSENSE"}, "EQuery:Unknown asset pair"),
            ("Trades", {}, "EQuery:Unknown asset pair"),
            ("Trades", {"pair": "XBTUSD", "count": "1001"}, "EGeneral:Invalid arguments:count"),
            ("Trades", {"pair": "XBTUSD", "since": "x"}, "EGeneral:Invalid arguments:since"),
            ("Nothing", {}, "EGeneral:Unknown method"),
        ],
    )
    def test_errors_come_with_200(
        self, venue: RunningKraken, call: str, query: dict[str, str], error: str
    ) -> None:
        answer = httpx.get(f"{venue.rest_url}/0/public/{call}", params=query, trust_env=False)
        assert (answer.status_code, answer.json()["error"]) == (200, [error])

    def test_other_calls(self, venue: RunningKraken) -> None:
        with httpx.Client(base_url=f"{venue.rest_url}/0/public", trust_env=False) as client:
            assert client.get("SystemStatus").json()["result"]["status"] == "online"
            assert abs(client.get("Time").json()["result"]["unixtime"] - time.time()) < 5
            pairs = client.get("AssetPairs").json()["result"]
            assert {fact["wsname"]: fact["pair_decimals"] for fact in pairs.values()} == {
                "XBT/USD": 1,
                "ETH/USD": 2,
            }
            ticker = client.get("Ticker", params={"pair": "XBTUSD"}).json()["result"]["XXBTZUSD"]
            assert float(ticker["b"][0]) < float(ticker["a"][0])
        assert venue.counts()["by_family"] == {"SystemStatus": 1, "Time": 1, "AssetPairs": 1, "Ticker": 1}

    def test_one_call_a_second_for_each_pair_unless_told_otherwise(self) -> None:
        with running("--pairs", f"{BTC},{ETH}") as strict, httpx.Client(trust_env=False) as client:
            url = f"{strict.rest_url}/0/public/Trades"
            errors = [
                client.get(url, params={"pair": "XBTUSD", "count": 1}).json()["error"] for _ in range(6)
            ]
            assert errors[:2] == [[], []]
            assert ["EGeneral:Too many requests"] in errors
            assert client.get(url, params={"pair": "ETHUSD", "count": 1}).json()["error"] == []


class TestTape:
    def test_a_restart_and_another_process_give_the_same_trades(self, venue: RunningKraken) -> None:
        # Long before any rate was changed.
        last = venue.truth(BTC).next_id - 200 * 7200
        first = last - 499
        options = ("--pairs", f"{BTC},{ETH}", "--rate", "200")
        with running(*options) as twin, running(*options, "--seed", "1") as other:
            told = [one.truth(BTC, from_id=first, to_id=last) for one in (venue, twin, other)]
        columns = [(one.ids, one.times_ns, one.prices, one.qtys, one.sides) for one in told]
        assert columns[0] == columns[1] != columns[2]

    def test_a_changed_rate_goes_on_with_the_ids(self) -> None:
        async def play(changing: RunningKraken) -> None:
            async with connected(changing) as client:
                await client.subscribe(BTC)
                for rate in (300, 20, 300):
                    changing.set_rate(rate, BTC)
                    known = len(client.ids())
                    await client.until(lambda c, known=known: len(c.ids()) > known + 10)
                first, last = client.ids()[0], client.ids()[-1]
                assert client.ids() == list(range(first, last + 1))
                truth = changing.truth(BTC, from_id=first, to_id=last)
                assert truth.ids == client.ids()
                assert truth.times_ns == sorted(truth.times_ns)

        with running("--pairs", BTC, "--rate", "50") as changing:
            asyncio.run(play(changing))

    def test_what_a_set_clock_passes_over_is_had_from_rest(self, venue: RunningKraken) -> None:
        async def play() -> None:
            try:
                async with connected(venue) as client:
                    await streaming(client)
                    last = client.ids()[-1]
                    venue.set_clock(iso(parse_time(venue.now()) + 60_000_000))
                    await client.until(lambda c: c.ids()[-1] > last + 1000)
                    gap = max(later - earlier for earlier, later in pairwise(client.ids()))
                    assert gap > 1000
                    assert contiguous(venue.truth(BTC, from_id=last).ids)
            finally:
                venue.real_clock()

        asyncio.run(play())


class TestRecording:
    def test_recorded_trades_in_their_own_time(self, fixtures: Path) -> None:
        path = fixtures / "kraken_rest" / "nautilus" / "http_trades.json"

        async def play(replay: RunningKraken) -> None:
            async with connected(replay) as client:
                await client.subscribe("BTC/USDT")
                await client.until(lambda c: len(c.ids("BTC/USDT")) == 1000, 60)
                recorded = json.loads(path.read_text())["result"]["XBTUSDT"]
                assert client.ids("BTC/USDT") == [row[6] for row in recorded]
                for told, row in zip(client.trades("BTC/USDT"), recorded, strict=True):
                    assert (told["price"], told["qty"]) == (float(row[0]), float(row[1]))
                    assert abs(parse_time(told["timestamp"]) - row[2] * 1e6) <= 1
                since = int(recorded[0][2] * 1e9) - 10**6
                rows = await client.all_trades(replay, "XBTUSDT", 0, recorded[-1][6], since)
                assert [row[:2] + row[3:] for row in rows] == [row[:2] + row[3:] for row in recorded]

        with running("--trades", str(path), "--speed", "6000", "--rest-rate", "0") as replay:
            asyncio.run(play(replay))


def test_the_command_line_refuses_what_it_does_not_know() -> None:
    for options in (("--pairs", "XBT/USD"), ("--fault", "nonsense"), ("--trades", "nowhere.json")):
        with pytest.raises(RuntimeError, match="did not start"), running(*options):
            pass
