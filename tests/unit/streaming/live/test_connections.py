"""Connecting, subscribing, reading, judging, backing off, taking over: without any venue's protocol."""

import asyncio

import pytest

from candlewick.instruments import Kind
from streaming.live.outbox import LIMIT
from streaming.live.venue import BadFrameError, ConnectError, RestError
from tests.event_loop import eventually, in_a_loop
from tests.unit.streaming.live.scripted import ScriptedVenue, alive, running, series

BTC, ETH = series("btcusd"), series("ethusd")
EUR, JPY = series("eurusd", Kind.QUOTES), series("usdjpy", Kind.QUOTES)


pytestmark = pytest.mark.usefixtures("soon")


@in_a_loop
async def test_what_comes_is_published_in_order_each_series_to_its_topic() -> None:
    async with running(venue := ScriptedVenue(), BTC, ETH) as bench:
        connection = await bench.connected()
        for symbol in ("btcusd", "ethusd", "btcusd", "btcusd"):
            connection.say(venue.trade(symbol))
        # Two events in one frame, of different symbols.
        connection.say(venue.trade("ethusd"), venue.trade("btcusd"))
        await eventually("all is published", lambda: len(bench.topics["btcusd"].ids) == 4)
        assert bench.topics["btcusd"].ids == [101, 102, 103, 104]
        assert bench.topics["ethusd"].ids == [101, 102]


@in_a_loop
async def test_a_silent_connection_is_ended_and_what_came_meanwhile_is_asked_for() -> None:
    async with running(venue := ScriptedVenue(silent_s=0.5), BTC) as bench:
        connection = await bench.connected()
        connection.say(venue.trade("btcusd"))
        venue.trade("btcusd")
        await eventually("the silence is noticed", lambda: connection.closed)
        second = await bench.connected(2)
        venue.trade("btcusd")
        second.say(alive(), venue.trade("btcusd"))
        await eventually("the gap is filled", lambda: len(bench.topics["btcusd"].ids) == 4)
        assert sorted(bench.topics["btcusd"].ids) == [101, 102, 103, 104]
        await eventually(
            "that is said", lambda: "by the venue's REST side" in bench.topics["btcusd"].said("filled")
        )


@in_a_loop
async def test_of_two_symbols_the_mute_one_alone_is_subscribed_to_again() -> None:
    async with running(venue := ScriptedVenue(), BTC, ETH, fastest_s=0.5) as bench:
        connection = await bench.connected()
        connection.say(venue.trade("btcusd"), venue.trade("ethusd"))
        lost = 0
        while "unsubscribe trades:ethusd" not in connection.sent:
            connection.say(venue.trade("btcusd"))
            venue.trade("ethusd")
            lost += 1
            await asyncio.sleep(0.05)
            assert lost < 100, "the mute symbol is not noticed"
        await bench.connected()
        connection.say(venue.trade("ethusd"))
        whole = list(range(101, 103 + lost))
        await eventually("nothing is lacked", lambda: sorted(bench.topics["ethusd"].ids) == whole)
        assert bench.topics["btcusd"].ids == list(range(101, 102 + lost))
        assert connection.sent.count("subscribe trades:btcusd") == 1
        assert len(venue.connections) == 1


@in_a_loop
async def test_a_symbol_that_stays_mute_takes_another_connection() -> None:
    async with running(venue := ScriptedVenue(), BTC, fastest_s=0.3) as bench:
        first = await bench.connected()
        first.say(venue.trade("btcusd"))
        await eventually("it is published", lambda: bench.topics["btcusd"].ids)
        venue.trade("btcusd")
        second = await bench.connected(2)
        assert first.closed
        venue.trade("btcusd")
        second.say(venue.trade("btcusd"))
        await eventually(
            "nothing is lacked", lambda: sorted(bench.topics["btcusd"].ids) == [101, 102, 103, 104]
        )


@in_a_loop
async def test_a_quiet_symbol_is_left_alone() -> None:
    async with running(venue := ScriptedVenue(), BTC, fastest_s=0.1) as bench:
        connection = await bench.connected()
        connection.say(venue.trade("btcusd"))
        await eventually("it is published", lambda: bench.topics["btcusd"].ids)
        await eventually("the venue has nothing new", lambda: venue.asked >= 3)
        assert connection.sent == ["subscribe trades:btcusd"]


@in_a_loop
async def test_rest_that_does_not_answer_ends_nothing() -> None:
    async with running(venue := ScriptedVenue(), BTC, fastest_s=0.1) as bench:
        connection = await bench.connected()
        connection.say(venue.trade("btcusd"))
        for error in (RestError("503"), RuntimeError("a bug beside the flow")):
            venue.rest_fails, venue.asked = error, 0
            before = len(bench.topics["btcusd"].ids)
            await eventually("it is asked, and again", lambda: venue.asked >= 2)
            connection.say(venue.trade("btcusd"))
            await eventually("it goes on", lambda before=before: len(bench.topics["btcusd"].ids) > before)
        assert len(venue.connections) == 1


@in_a_loop
async def test_a_frame_that_cannot_be_read_ends_the_connection() -> None:
    async with running(venue := ScriptedVenue(), BTC) as bench:
        connection = await bench.connected()
        connection.say(venue.trade("btcusd"))
        # Half of a frame's items are read before the bad one is met.
        connection.say(venue.trade("btcusd"), BadFrameError("half of it is missing"))
        await eventually("it is ended", lambda: connection.closed)
        await eventually("why is told", lambda: "half of it is missing" in bench.connections.trouble)
        second = await bench.connected(2)
        second.say(venue.trade("btcusd"))
        await eventually("nothing is lacked", lambda: sorted(bench.topics["btcusd"].ids) == [101, 102, 103])


@in_a_loop
async def test_a_refused_symbol_is_named_and_leaves_the_others_alone() -> None:
    venue = ScriptedVenue()
    venue.refused = {"ethusd"}
    async with running(venue, BTC, ETH) as bench:
        connection = await bench.connected()
        connection.say(venue.trade("btcusd"))
        await eventually("the other is published", lambda: bench.topics["btcusd"].ids)
        assert bench.connections.session is not None
        assert [(feed.symbol, why) for feed, why in bench.connections.session.refusals()] == [
            ("ethusd", "unknown symbol")
        ]
        venue.refused = set()
        await eventually(
            "it is asked for again", lambda: connection.sent.count("subscribe trades:ethusd") > 1
        )
        await bench.connected()
        assert not list(bench.connections.session.refusals())


@in_a_loop
async def test_a_series_comes_and_goes_without_a_reconnect() -> None:
    async with running(venue := ScriptedVenue(), BTC, ETH) as bench:
        connection = await bench.connected()
        bench.streams.pop(ETH.name)
        await eventually("it is left", lambda: "unsubscribe trades:ethusd" in connection.sent)
        connection.say(venue.trade("ethusd"), venue.trade("btcusd"))
        await eventually("the other goes on", lambda: bench.topics["btcusd"].ids)
        assert not bench.topics["ethusd"].ids
        bench.add(ETH, 60)
        await eventually("it is back", lambda: connection.sent.count("subscribe trades:ethusd") == 2)
        connection.say(venue.trade("ethusd"))
        await eventually("nothing is lacked", lambda: sorted(bench.topics["ethusd"].ids) == [101, 102])
        bench.streams.clear()
        await eventually("nothing is wanted", lambda: connection.closed)
        await eventually("none is opened", lambda: bench.idle >= 2)
        assert len(venue.connections) == 1


@in_a_loop
async def test_a_venue_that_refuses_is_asked_again_and_why_is_told() -> None:
    venue = ScriptedVenue()
    venue.refusal = ConnectError("status 503", "the venue is away")
    async with running(venue, BTC) as bench:
        await eventually("why is told", lambda: bench.connections.trouble == "the venue is away")
        venue.refusal = None
        connection = await bench.connected()
        connection.say(venue.trade("btcusd"))
        await eventually("it is published", lambda: bench.topics["btcusd"].ids)


@in_a_loop
async def test_a_broker_that_takes_nothing_holds_the_socket_back() -> None:
    async with running(venue := ScriptedVenue(silent_s=0.3), BTC, fastest_s=0.3) as bench:
        connection = await bench.connected()
        connection.say(venue.trade("btcusd"))
        producer = bench.topics["btcusd"].producer
        await eventually("the start is published", lambda: bench.topics["btcusd"].said("filled"))
        producer.holds = True
        for _ in range(2 * LIMIT):
            connection.say(venue.trade("btcusd"))
        await eventually("the bound is reached", lambda: len(producer.payloads) == LIMIT + 1)
        read = connection.read
        await asyncio.sleep(1.0)
        # Longer than a venue may be silent: it is not the venue that is.
        assert (connection.read, connection.closed) == (read, False)
        producer.release()
        await eventually("the rest is published", lambda: len(producer.payloads) == 2 * LIMIT + 1)
        assert bench.topics["btcusd"].ids == list(range(101, 102 + 2 * LIMIT))


@in_a_loop
async def test_a_series_that_loses_its_producer_leaves_the_others_alone() -> None:
    async with running(venue := ScriptedVenue(), BTC, ETH) as bench:
        connection = await bench.connected()
        connection.say(venue.trade("btcusd"), venue.trade("ethusd"))
        await eventually("both are published", lambda: bench.topics["ethusd"].ids)
        bench.topics["ethusd"].producer.ended = True
        for _ in range(3):
            connection.say(venue.trade("ethusd"), venue.trade("btcusd"), alive())
        await eventually("the other goes on", lambda: bench.topics["btcusd"].ids == [101, 102, 103, 104])
        # As the worker does, which sees that it has failed.
        bench.add(ETH, 60)
        connection.say(venue.trade("ethusd"))
        whole = [101, 102, 103, 104, 105]
        await eventually("nothing is lacked", lambda: sorted(bench.topics["ethusd"].ids) == whole)
        assert len(venue.connections) == 1


@in_a_loop
async def test_a_symbol_that_is_added_where_that_takes_a_connection_costs_the_others_nothing() -> None:
    async with running(venue := ScriptedVenue(resubscribes_one=False), EUR) as bench:
        await eventually("a connection is opened", lambda: venue.connections)
        first = venue.connection
        first.say(venue.quote("eurusd"))
        await eventually("it is published", lambda: bench.topics["eurusd"].bids)
        bench.add(JPY, 60)
        await eventually("another connection is opened", lambda: len(venue.connections) == 2)
        second = venue.connection
        both = venue.quote("eurusd")
        # The old one goes on until the new one speaks.
        first.say(both)
        await eventually("the old one is read", lambda: len(bench.topics["eurusd"].bids) == 2)
        second.say(both, venue.quote("usdjpy"))
        await eventually("the old one is left", lambda: first.closed)
        second.say(venue.quote("eurusd"))
        await eventually("the new one is read", lambda: len(bench.topics["eurusd"].bids) == 3)
        assert bench.topics["eurusd"].bids == [100, 101, 102]
        assert len(bench.topics["usdjpy"].bids) == 1
        # None of its own but that of the start.
        assert bench.topics["eurusd"].said("gap") == ["the connection was lost"]
        assert bench.connections.reconnects == 0


@in_a_loop
async def test_a_symbol_that_waits_for_a_connection_is_named_with_the_reason() -> None:
    async with running(venue := ScriptedVenue(resubscribes_one=False), EUR) as bench:
        await eventually("a connection is opened", lambda: venue.connections)
        venue.connection.say(venue.quote("eurusd"))
        await eventually("it is published", lambda: bench.topics["eurusd"].bids)
        session = bench.connections.session
        assert session is not None
        assert session.unsubscribed() == []
        venue.refusal = ConnectError("status 503", "the venue is away")
        bench.add(JPY, 60)
        await eventually("why is told", lambda: bench.connections.no_successor == "the venue is away")
        assert [one.series for one in session.unsubscribed()] == [JPY]
        venue.refusal = None
        await eventually("another connection is opened", lambda: len(venue.connections) == 2)
        venue.connection.drop()
        await eventually("why is told", lambda: bench.connections.no_successor == "the peer is gone")
        await eventually("another connection is opened", lambda: len(venue.connections) == 3)
        venue.connection.say(venue.quote("usdjpy"))
        await eventually("it is published", lambda: bench.topics["usdjpy"].bids)
        assert not bench.connections.no_successor
        assert bench.connections.session is not session
        assert bench.connections.reconnects == 0
