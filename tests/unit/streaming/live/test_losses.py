"""Producers, fills and connections that end at a bad moment: what is lost is said."""

import pytest

from candlewick.instruments import Kind
from streaming.live.venue import ConnectError
from tests.event_loop import eventually, in_a_loop
from tests.unit.streaming.live.scripted import ScriptedVenue, alive, running, series

pytestmark = pytest.mark.usefixtures("soon")

BTC, ETH = series("btcusd"), series("ethusd")
EUR, JPY = series("eurusd", Kind.QUOTES), series("usdjpy", Kind.QUOTES)


@in_a_loop
async def test_complete_names_no_trade_that_was_not_acknowledged() -> None:
    async with running(venue := ScriptedVenue(), BTC, ETH) as bench:
        connection, topics = await bench.connected(), bench.topics["btcusd"]
        connection.say(venue.trade("btcusd"))
        await eventually("the start is said", lambda: topics.said("filled"))
        # The heartbeat speaks of what is acknowledged; the trades behind it are not.
        topics.producer.holds = True
        connection.say(venue.trade("ethusd"), alive())
        connection.say(venue.trade("btcusd"), venue.trade("btcusd"))
        await eventually("the other series is complete", lambda: bench.topics["ethusd"].said("complete"))
        assert topics.said("complete") == []
        topics.producer.release()
        await eventually("complete is said", lambda: topics.said("complete"))
        (complete,) = [record for record in topics.records if record.kind == "complete"]
        assert (complete.last_id, complete.position) == (103, "1:1")


@in_a_loop
async def test_complete_names_a_position_that_is_not_behind_its_trade() -> None:
    async with running(venue := ScriptedVenue(), BTC) as bench:
        connection, topics = await bench.connected(), bench.topics["btcusd"]
        connection.say(venue.trade("btcusd"))
        await eventually("the start is said", lambda: topics.said("filled"))
        # A restart reads what is behind the position: 102 would be lacking, and published again.
        connection.say(alive(), venue.trade("btcusd"))
        await eventually("complete is said", lambda: topics.said("complete"))
        (complete,) = [record for record in topics.records if record.kind == "complete"]
        assert (complete.last_id, complete.position) == (102, "1:2")


@in_a_loop
async def test_nothing_is_published_behind_a_gap_that_could_not_be_said() -> None:
    async with running(venue := ScriptedVenue(), EUR) as bench:
        connection, topics = await bench.connected(), bench.topics["eurusd"]
        connection.say(venue.quote("eurusd"), alive())
        await eventually("complete is said", lambda: topics.said("complete"))
        venue.refusal = ConnectError("status 503", "the venue is away")
        connection.drop()
        await eventually("it is not connected", lambda: bench.connections.session is None)
        venue.quote("eurusd")
        topics.records_producer.ended = True
        venue.refusal = None
        second = await bench.connected(2)
        second.say(venue.quote("eurusd"))
        second.say(venue.quote("eurusd"))
        await eventually("both are read", lambda: second.read == 3)
        assert topics.bids == [100]
        bench.add(EUR, 60)
        await eventually(
            "it is subscribed to again", lambda: second.sent.count("subscribe quotes:eurusd") == 2
        )
        await bench.connected(2)
        second.say(venue.quote("eurusd"))
        await eventually("it goes on", lambda: topics.bids == [100, 104])
        assert topics.unsaid(venue.market["eurusd"]) == []


@in_a_loop
async def test_an_event_waits_for_a_gap_that_is_being_said() -> None:
    async with running(venue := ScriptedVenue(), EUR) as bench:
        connection, topics = await bench.connected(), bench.topics["eurusd"]
        connection.say(venue.quote("eurusd"), alive())
        await eventually("complete is said", lambda: topics.said("complete"))
        venue.refusal = ConnectError("status 503", "the venue is away")
        connection.drop()
        await eventually("it is not connected", lambda: bench.connections.session is None)
        # No state comes, and REST has none: the gap is said beside the flow.
        market = venue.market.pop("eurusd")
        topics.records_producer.holds = True
        venue.refusal = None
        second = await bench.connected(2)
        await eventually("the gap is on its way", lambda: len(topics.said("gap")) == 2)
        venue.market["eurusd"] = market
        second.say(venue.quote("eurusd"))
        await eventually("the quote is read", lambda: second.read == 2)
        assert topics.bids == [100]
        topics.records_producer.release()
        await eventually("it goes on", lambda: topics.bids == [100, 101])


@in_a_loop
async def test_what_comes_late_of_an_ended_subscription_opens_no_other() -> None:
    async with running(venue := ScriptedVenue(), EUR, JPY) as bench:
        connection, topics = await bench.connected(), bench.topics["eurusd"]
        connection.say(venue.quote("eurusd"))
        await eventually("it is published", lambda: topics.bids == [100])
        bench.streams.pop(EUR.name)
        await eventually("it is left", lambda: "unsubscribe quotes:eurusd" in connection.sent)
        # Sent before the venue read that; the answer to the next subscription comes behind it.
        connection.say(venue.quote("eurusd"))
        bench.add(EUR, 60)
        await eventually("it is back", lambda: connection.sent.count("subscribe quotes:eurusd") == 2)
        venue.quote("eurusd")
        opening = venue.quote("eurusd")
        opening.snapshot = True
        connection.say(opening)
        connection.say(venue.quote("eurusd"))
        await eventually("it goes on", lambda: topics.bids[-2:] == [103, 104])
        assert topics.unsaid(venue.market["eurusd"]) == []


@in_a_loop
async def test_a_quiet_series_that_is_opened_anew_asks_for_its_state_and_costs_no_other() -> None:
    async with running(venue := ScriptedVenue(), EUR, JPY) as bench:
        connection, topics = await bench.connected(), bench.topics["eurusd"]
        connection.say(venue.quote("eurusd"), venue.quote("usdjpy"))
        await eventually("it is published", lambda: topics.bids == [100])
        topics.producer.ended = True
        connection.say(venue.quote("eurusd"))
        await eventually("it is read", lambda: connection.read == 4)
        bench.add(EUR, 60)
        await eventually("it is asked for", lambda: connection.sent.count("subscribe quotes:eurusd") == 2)
        # The state is that quote again.
        opening = venue.quote("eurusd")
        opening.snapshot = True
        connection.say(opening)
        await eventually("it goes on", lambda: topics.bids == [100, 102])
        assert topics.unsaid(venue.market["eurusd"]) == []
        assert connection.sent.count("subscribe quotes:usdjpy") == len(venue.connections) == 1


@in_a_loop
async def test_a_fill_that_is_cut_short_by_the_end_of_its_connection_leaves_a_gap() -> None:
    async with running(venue := ScriptedVenue(), BTC) as bench:
        connection, topics = await bench.connected(), bench.topics["btcusd"]
        connection.say(venue.trade("btcusd"))
        await eventually("the start is said", lambda: topics.said("filled"))
        for _ in range(1500):
            venue.trade("btcusd")
        connection.say(venue.trade("btcusd"))
        await eventually("the gap is said", lambda: 1602 in topics.ids)
        topics.producer.holds = True
        await eventually("the fill waits for room", lambda: bench.streams[BTC.name].live.depth > 800)
        venue.refusal = ConnectError("status 503", "the venue is away")
        connection.drop()
        await eventually("it is not connected", lambda: bench.connections.session is None)
        topics.producer.release()
        venue.refusal = None
        second = await bench.connected(2)
        second.say(venue.trade("btcusd"))
        await eventually("nothing is lacked", lambda: sorted(topics.ids) == list(range(101, 1604)))
        await eventually("that is said", lambda: "by the venue's REST side" in topics.said("filled"))


@in_a_loop
async def test_a_series_that_is_opened_anew_during_a_handover_is_published_once() -> None:
    async with running(venue := ScriptedVenue(resubscribes_one=False), EUR) as bench:
        await eventually("a connection is opened", lambda: venue.connections)
        first, topics = venue.connection, bench.topics["eurusd"]
        first.say(venue.quote("eurusd"))
        await eventually("it is published", lambda: topics.bids == [100])
        bench.add(JPY, 60)
        await eventually("another connection is opened", lambda: len(venue.connections) == 2)
        topics.producer.ended = True
        first.say(venue.quote("eurusd"))
        await eventually("it is read", lambda: first.read == 2)
        bench.add(EUR, 60)
        both = [venue.quote("eurusd") for _ in range(3)]
        first.say(*both)
        await eventually("the old one is read", lambda: topics.bids[-1] == 104)
        venue.connection.say(*both)
        venue.connection.say(venue.quote("eurusd"))
        await eventually("the new one is read", lambda: topics.bids[-1] == 105)
        assert topics.bids == [100, 102, 103, 104, 105]
        assert topics.unsaid(venue.market["eurusd"]) == []
