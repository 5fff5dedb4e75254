"""What the simulated Kraken does to a plain client when it is told to misbehave."""

import asyncio

import aiohttp
import httpx
import pytest

from candlewick.times import parse_time
from simulators.kraken.testing import RunningKraken
from tests.integration.simulators.kraken_client import connected, contiguous, streaming

BTC, ETH = "BTC/USD", "ETH/USD"


@pytest.fixture
def venue(kraken: RunningKraken) -> RunningKraken:
    return kraken


class TestFaults:
    def test_drop_ends_the_connection_without_a_close_frame(self, venue: RunningKraken) -> None:
        async def play() -> None:
            async with connected(venue) as client:
                await streaming(client)
                venue.set_faults("drop")
                await client.until_end()
                assert client.socket.close_code in {None, 1006}
            async with connected(venue) as again:
                await streaming(again)
            assert venue.hits("drop") == 1
            assert [line["why"] for line in venue.connections()][-2:] == ["drop", "client closed"]

        asyncio.run(play())

    def test_silent_says_nothing_at_all_on_an_open_socket(self, venue: RunningKraken) -> None:
        async def play() -> None:
            async with connected(venue) as client:
                await streaming(client)
                venue.set_faults("silent:count=1")
                await client.for_seconds(0.3)
                seen = len(client.texts)
                await client.say(method="ping", req_id=1)
                await client.for_seconds(1.5)
                assert (len(client.texts), client.ended) == (seen, None)
                async with connected(venue) as other:
                    await streaming(other)

        asyncio.run(play())

    def test_heartbeats_only(self, venue: RunningKraken) -> None:
        async def play() -> None:
            async with connected(venue) as client:
                await streaming(client)
                venue.set_faults("heartbeats-only")
                await client.for_seconds(0.3)
                seen = len(client.texts)
                await client.until(lambda c: len(c.of("heartbeat")) >= 2)
                assert {m["channel"] for m in client.messages[seen:]} == {"heartbeat"}
                venue.set_faults()
                known = len(client.ids())
                await client.until(lambda c: len(c.ids()) > known)

        asyncio.run(play())

    def test_mute_befalls_one_symbol_until_it_is_subscribed_again(self, venue: RunningKraken) -> None:
        async def play() -> None:
            async with connected(venue) as client:
                await streaming(client, BTC, ETH)
                venue.set_faults(f"mute:symbol={BTC},count=1")
                await client.for_seconds(0.3)
                btc, eth = len(client.ids(BTC)), len(client.ids(ETH))
                await client.until(lambda c: len(c.ids(ETH)) > eth + 20)
                assert len(client.ids(BTC)) == btc
                params = {"channel": "trade", "symbol": [BTC]}
                await client.say(method="unsubscribe", params=params)
                await client.say(method="subscribe", params=params)
                await client.until(lambda c: len(c.ids(BTC)) > btc)

        asyncio.run(play())

    def test_skipped_ids_are_had_from_rest(self, venue: RunningKraken) -> None:
        async def play() -> None:
            async with connected(venue) as client:
                await streaming(client)
                venue.set_faults("skip:count=3")
                await client.until(lambda c: not contiguous(c.ids()) and len(c.ids()) > 30)
                first, last = client.ids()[0], client.ids()[-1]
                missing = set(range(first, last + 1)) - set(client.ids())
                assert len(missing) == 3
                truth = venue.truth(BTC, from_id=first, to_id=last)
                assert truth.ids == list(range(first, last + 1))
                assert {n for begin, end in truth.withheld for n in range(begin, end + 1)} == missing
                rows = await client.all_trades(venue, "XBTUSD", first, last, truth.times_ns[0])
                assert [row[6] for row in rows] == truth.ids
                assert [f"{row[0]:.7}" for row in rows] == [f"{price:.7}" for price in truth.prices]

        asyncio.run(play())

    def test_lost_ids_are_nowhere(self, venue: RunningKraken) -> None:
        async def play() -> None:
            async with connected(venue) as client:
                await streaming(client)
                venue.set_faults("lose:count=2")
                await client.until(lambda c: not contiguous(c.ids()) and len(c.ids()) > 30)
                first, last = client.ids()[0], client.ids()[-1]
                truth = venue.truth(BTC, from_id=first, to_id=last)
                assert truth.ids == client.ids()
                rows = await client.all_trades(venue, "XBTUSD", first, last, truth.times_ns[0])
                assert [row[6] for row in rows] == client.ids()

        asyncio.run(play())

    def test_duplicate_trades_are_whole_frames_twice(self, venue: RunningKraken) -> None:
        async def play() -> None:
            async with connected(venue) as client:
                await streaming(client)
                venue.set_faults("duplicate-trades:count=2")

                def doubled() -> int:
                    frames = [text for text in client.texts if '"channel":"trade"' in text]
                    return len(frames) - len(set(frames))

                await client.until(lambda _: doubled() == 2)
                known = client.ids()[-1]
                await client.until(lambda c: c.ids()[-1] > known + 20)
                assert doubled() == 2
                assert contiguous(sorted(set(client.ids())))
                assert venue.truth(BTC).sent[venue.open_connections()[0]["number"]]

        asyncio.run(play())

    @pytest.mark.parametrize(("fault", "code"), [("close", 1000), ("reset", None), ("half-frame", None)])
    def test_other_ends(self, venue: RunningKraken, fault: str, code: int | None) -> None:
        async def play() -> None:
            async with connected(venue) as client:
                await streaming(client)
                venue.set_faults(fault)
                await client.until_end()
                if code is not None:
                    assert client.socket.close_code == code
                else:
                    assert client.socket.close_code in {None, 1006}
            assert venue.connections()[-1]["why"] == fault
            assert venue.hits(fault) == 1

        asyncio.run(play())

    def test_what_is_no_trade(self, venue: RunningKraken) -> None:
        async def play() -> None:
            async with connected(venue) as client:
                await streaming(client)
                venue.set_faults("invalid-json", "unknown-message", "wrong-types")
                await client.until(lambda c: c.damaged and None in [t["price"] for t in c.trades()])
                odd = [trade for trade in client.trades() if trade["price"] is None]
                assert all(isinstance(trade["trade_id"], str) for trade in odd)
                assert len(client.damaged) == len(client.of("announcement")) == 1
                known = [number for number in client.ids() if isinstance(number, int)]
                await client.until(lambda c: len(c.ids()) > len(known) + 20)
                assert [rule["hits"] for rule in venue.faults()] == [1, 1, 1]

        asyncio.run(play())

    def test_out_of_order(self, venue: RunningKraken) -> None:
        async def play() -> None:
            async with connected(venue) as client:
                await streaming(client)
                venue.set_faults("out-of-order:count=1")
                await client.until(lambda c: c.ids() != sorted(c.ids()))
                assert contiguous(sorted(client.ids()))

        asyncio.run(play())

    def test_a_refused_symbol_among_others(self, venue: RunningKraken) -> None:
        async def play() -> None:
            venue.set_faults(f"refuse:symbol={ETH},count=1,error=EService:Unavailable")
            async with connected(venue) as client:
                await client.subscribe(BTC, ETH)
                await client.until(lambda c: len(c.acks()) == 2)
                assert [ack["success"] for ack in client.acks()] == [True, False]
                assert client.acks()[1]["error"] == "EService:Unavailable"
                await client.subscribe(ETH)
                await client.until(lambda c: c.ids(ETH))

        asyncio.run(play())

    @pytest.mark.parametrize(
        ("fault", "status"),
        [
            ("throttle:count=1,retry-after=2", 429),
            ("unavailable:count=1", 503),
            ("unavailable:count=1,status=502", 502),
            ("reject-upgrade:count=1", 403),
        ],
    )
    def test_connects_that_are_refused(self, venue: RunningKraken, fault: str, status: int) -> None:
        async def play() -> None:
            venue.set_faults(fault)
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                async with connected(venue):
                    pass
            assert refused.value.status == status
            assert refused.value.headers is not None
            assert refused.value.headers.get("Retry-After") == ("2" if "retry" in fault else None)
            async with connected(venue) as client:
                await streaming(client)

        asyncio.run(play())

    def test_maintenance_halts_trading_and_ids_go_on(self, venue: RunningKraken) -> None:
        async def play() -> None:
            async with connected(venue) as client:
                await streaming(client)
                venue.set_faults("maintenance:for=1.5")
                await client.until(lambda c: len(c.of("status")) == 2)
                await client.for_seconds(0.2)
                seen = len(client.ids())
                assert (await client.rest(venue, "SystemStatus"))["result"]["status"] == "maintenance"
                await client.until(lambda c: c.of("heartbeat"))
                assert len(client.ids()) == seen
                await client.until(lambda c: len(c.ids()) > seen + 5)
                systems = [m["data"][0]["system"] for m in client.of("status")]
                assert systems == ["online", "maintenance", "cancel_only", "post_only", "online"]
                assert contiguous(client.ids())
                venue.set_faults("maintenance:close=true")
                assert (await client.until_end()).data == 1000

        asyncio.run(play())

    def test_a_clock_that_jumps_in_the_stream_only(self, venue: RunningKraken) -> None:
        async def play() -> None:
            async with connected(venue) as client:
                await streaming(client)
                known = client.ids()[-1]
                before = parse_time(client.trades()[-1]["timestamp"])
                venue.set_faults("clock-jump:seconds=-7200")
                await client.until(lambda c: parse_time(c.trades()[-1]["timestamp"]) < before)
                last = client.trades()[-1]
                truth = venue.truth(BTC, from_id=known, to_id=last["trade_id"])
                shift = parse_time(last["timestamp"]) - truth.times_ns[-1] // 1000
                assert shift == -7_200_000_000

        asyncio.run(play())

    def test_a_slow_writer_and_a_slow_reader(self, venue: RunningKraken) -> None:
        async def play() -> None:
            async with connected(venue) as client:
                await streaming(client)
                venue.set_faults("slow-writer:bytes=40")
                await client.until(lambda _: venue.hits("slow-writer") == 1)
                await client.for_seconds(0.3)
                seen = len(client.texts)
                await client.for_seconds(1.0)
                assert len(client.texts) <= seen + 1
                venue.set_faults()
                await client.until(lambda c: len(c.texts) > seen + 20)
                assert contiguous(client.ids())
                venue.set_faults("slow-reader")
                await client.until(lambda _: venue.hits("slow-reader") == 1)
                await client.say(method="ping", req_id=77)
                await client.for_seconds(0.5)
                assert not [m for m in client.messages if m.get("req_id") == 77]
                venue.set_faults()
                await client.until(lambda c: [m for m in c.messages if m.get("req_id") == 77])

        asyncio.run(play())

    def test_rest_down_and_throttled(self, venue: RunningKraken) -> None:
        url = f"{venue.rest_url}/0/public/Trades"
        venue.set_faults("rest-down:count=1,status=520", "rest-throttle:count=1,path=Trades")
        answers = [httpx.get(url, params={"pair": "XBTUSD"}, trust_env=False) for _ in range(3)]
        assert [answer.status_code for answer in answers] == [520, 200, 200]
        assert answers[1].json() == {"error": ["EGeneral:Too many requests"]}
        assert answers[2].json()["error"] == []
        assert venue.counts()["by_fault"] == {"rest-down": 1, "rest-throttle": 1, "none": 1}

    def test_faults_for_a_time_and_by_control(self, venue: RunningKraken) -> None:
        async def play() -> None:
            async with connected(venue) as client:
                await streaming(client)
                venue.set_faults({"fault": "mute", "for": 0.5, "after": 0.1})
                await client.until(lambda _: venue.hits("mute") == 1)
                known = len(client.ids())
                await client.until(lambda c: len(c.ids()) > known + 20)
                await client.until(lambda _: not venue.faults()[0]["in-force"])
                assert venue.end_connections("drop") == [venue.connections()[-1]["number"]]
                await client.until_end()
            assert venue.connections()[-1]["why"] == "control: drop"
            for wrong in ("nonsense", "drop:count=-1", "expire-token"):
                with pytest.raises(ValueError, match="fault"):
                    venue.set_faults(wrong)

        asyncio.run(play())
