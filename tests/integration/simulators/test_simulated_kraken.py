"""The simulated Kraken as a process, seen by a plain client: protocol, REST, faults, truth."""

import asyncio
from collections.abc import Iterator

import pytest

from simulators.kraken.testing import RunningKraken, running
from tests.integration.simulators.kraken_client import Client, connected, contiguous

BTC, ETH = "BTC/USD", "ETH/USD"


@pytest.fixture(scope="module")
def started() -> Iterator[RunningKraken]:
    with running("--pairs", f"{BTC},{ETH}", "--rate", "200", "--rest-rate", "0") as venue:
        yield venue


@pytest.fixture
def venue(started: RunningKraken) -> RunningKraken:
    """A sound venue without connections."""
    started.set_faults().reset_requests()
    started.end_connections("drop")
    return started


async def _streaming(client: Client, *symbols: str) -> None:
    await client.subscribe(*(symbols or (BTC,)))
    await client.until(lambda c: len(c.ids()) > 5)


class TestFaults:
    def test_drop_ends_the_connection_without_a_close_frame(self, venue: RunningKraken) -> None:
        async def play() -> None:
            async with connected(venue) as client:
                await _streaming(client)
                venue.set_faults("drop")
                await client.until_end()
                assert client.socket.close_code in {None, 1006}
            async with connected(venue) as again:
                await _streaming(again)
            assert venue.hits("drop") == 1
            assert [line["why"] for line in venue.connections()][-2:] == ["drop", "client closed"]

        asyncio.run(play())

    def test_silent_says_nothing_at_all_on_an_open_socket(self, venue: RunningKraken) -> None:
        async def play() -> None:
            async with connected(venue) as client:
                await _streaming(client)
                venue.set_faults("silent:count=1")
                await client.for_seconds(0.3)
                seen = len(client.texts)
                await client.say(method="ping", req_id=1)
                await client.for_seconds(1.5)
                assert (len(client.texts), client.ended) == (seen, None)
                async with connected(venue) as other:
                    await _streaming(other)

        asyncio.run(play())

    def test_heartbeats_only(self, venue: RunningKraken) -> None:
        async def play() -> None:
            async with connected(venue) as client:
                await _streaming(client)
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
                await _streaming(client, BTC, ETH)
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
                await _streaming(client)
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
                await _streaming(client)
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
                await _streaming(client)
                venue.set_faults("duplicate-trades:count=2")
                await client.until(lambda c: len(set(c.ids())) + 2 <= len(c.ids()) and len(c.ids()) > 30)
                frames = [m for m in client.texts if '"channel":"trade"' in m]
                assert len(frames) - len(set(frames)) == 2
                assert contiguous(sorted(set(client.ids())))
                assert venue.truth(BTC).sent[venue.open_connections()[0]["number"]]

        asyncio.run(play())
