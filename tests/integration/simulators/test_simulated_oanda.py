"""The simulated OANDA as a process, seen by a plain client: stream, REST, thinning, faults."""

import asyncio
import json
import re
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from candlewick.times import parse_time
from simulators.oanda import lean
from simulators.oanda.testing import RunningOanda, running
from tests.integration.simulators.oanda_client import Reader, call, reading
from tests.waiting import until

EUR, JPY = "EUR_USD", "USD_JPY"
OPTIONS = ("--instruments", f"{EUR},{JPY}", "--always-open", "--connects", "0", "--heartbeat", "0.3")


@pytest.fixture(scope="module")
def started() -> Iterator[RunningOanda]:
    with running(*OPTIONS, "--rate", "60", "--unthinned") as venue:
        yield venue


@pytest.fixture
def venue(started: RunningOanda) -> RunningOanda:
    """A sound venue without streams."""
    started.set_faults().reset_requests()
    started.end_connections("drop")
    return started


def _keys(told: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    return [(one["time"], one["bids"][0]["price"], one["asks"][0]["price"]) for one in told]


def _us(text: str) -> int:
    return parse_time(f"{text[:26]}Z")


def _candles_of(prices: list[tuple[int, str]], step_us: int) -> dict[int, tuple[str, str, str, str, int]]:
    """Open, high, low, close and count by start, of texts of the same number of digits."""
    found: dict[int, list[str]] = {}
    for at_us, text in prices:
        found.setdefault(at_us // step_us * step_us, []).append(text)
    return {
        start: (texts[0], max(texts, key=float), min(texts, key=float), texts[-1], len(texts))
        for start, texts in found.items()
    }


class TestStream:
    def test_candles_hold_exactly_the_prices_that_were_sent(self, venue: RunningOanda) -> None:
        async def play() -> None:
            async with reading(venue) as reader:
                await reader.until(
                    lambda r: (
                        len(r.prices()) > 2
                        and _us(r.prices()[-1]["time"]) - _us(r.prices()[0]["time"]) > 11_000_000
                    )
                )
                prices = reader.prices()
                first = _us(prices[0]["time"]) // 5_000_000 * 5_000_000 + 5_000_000
                last = _us(prices[-1]["time"]) // 5_000_000 * 5_000_000
                span = {"from": str(first / 1e6), "to": str(last / 1e6)}
                status, told = await call(
                    venue, f"instruments/{EUR}/candles", params={"price": "BA", "granularity": "S5", **span}
                )
                assert (status, told["instrument"], told["granularity"]) == (200, EUR, "S5")
                for side in ("bid", "ask"):
                    expected = _candles_of(
                        [
                            (_us(one["time"]), one[f"{side}s"][0]["price"])
                            for one in prices
                            if first <= _us(one["time"]) < last
                        ],
                        5_000_000,
                    )
                    assert {
                        _us(c["time"]): (*(c[side][k] for k in "ohlc"), c["volume"]) for c in told["candles"]
                    } == expected
                assert all(candle["complete"] for candle in told["candles"])

        asyncio.run(play())

    def test_the_snapshot_comes_first_unless_refused(self, venue: RunningOanda) -> None:
        async def play() -> None:
            async with reading(venue, f"{EUR},{JPY}") as reader:
                await reader.until(lambda r: len(r.lines) >= 2)
                first = reader.objects[:2]
                assert [one["instrument"] for one in first] == [EUR, JPY]
                assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z", first[0]["time"])
                assert all(one["tradeable"] and one["status"] == "tradeable" for one in first)
            venue.set_rate(0)
            try:
                async with reading(venue, EUR, snapshot="false") as silent:
                    await silent.until(lambda r: len(r.heartbeats()) >= 3)
                    assert silent.prices() == []
            finally:
                venue.set_rate(60)

        asyncio.run(play())

    def test_times_in_the_form_that_is_asked_for(self, venue: RunningOanda) -> None:
        async def play() -> None:
            async with reading(venue, EUR, headers={"Accept-Datetime-Format": "UNIX"}) as reader:
                await reader.until(lambda r: r.heartbeats() and r.prices())
                for one in reader.objects:
                    assert re.fullmatch(r"\d{10}\.\d{9}", one["time"])

        asyncio.run(play())

    def test_four_prices_a_second_are_the_last_of_each_window(self) -> None:
        with running(*OPTIONS, "--rate", "200") as thinned:

            async def play() -> None:
                async with reading(thinned) as reader:
                    await reader.until(lambda r: len(r.prices()) > 16)
                    began = thinned.connections()[-1]["began_us"]
                    prices = reader.prices()[1:]
                    windows = Counter((_us(one["time"]) - began) // 250_000 for one in prices)
                    # A window ends where the connection's timer says, which a busy machine lets drift;
                    # unthinned, each would have fifty.
                    assert len(prices) <= len(windows) * 1.5
                    truth = thinned.truth(EUR, _us(prices[0]["time"]) - 300_000)
                    assert len(truth.times_ns) > 4 * len(prices)
                    assert {(bid, ask) for _, bid, ask in _keys(prices)} <= set(
                        zip(truth.bids, truth.asks, strict=True)
                    )
                    arrivals = [at for at, line in reader.lines if b"PRICE" in line][1:]
                    assert (len(arrivals) - 1) / (arrivals[-1] - arrivals[0]) < 4.6

            asyncio.run(play())

    def test_a_weekend_has_an_old_price_and_heartbeats(self) -> None:
        with running("--instruments", f"{EUR},XAU_USD", "--heartbeat", "0.2", "--connects", "0") as shut:
            shut.set_clock("2026-11-21T12:00:00Z")

            async def play() -> None:
                async with reading(shut) as reader:
                    await reader.until(lambda r: len(r.heartbeats()) >= 3)
                    (price,) = reader.prices()
                    assert (price["tradeable"], price["status"]) == (False, "non-tradeable")
                    assert "2026-11-20T21:5" in price["time"]
                    assert reader.heartbeats()[0]["time"].startswith("2026-11-21T12:00")
                shut.set_clock("2026-11-22T22:03:10Z")
                async with reading(shut) as opened:
                    await opened.until(lambda r: len(r.prices()) >= 3)
                    assert opened.prices()[0]["tradeable"]
                span = {"from": "2026-11-20T21:57:00Z", "to": "2026-11-20T22:10:00Z", "granularity": "S5"}
                _, told = await call(shut, f"instruments/{EUR}/candles", params=span)
                assert told["candles"][-1]["time"] < "2026-11-20T21:58"

            asyncio.run(play())


class TestRest:
    def test_who_may_ask(self, venue: RunningOanda) -> None:
        async def play() -> None:
            wrong = {"Authorization": "Bearer x"}
            assert (await call(venue, "accounts", headers={}))[0] == 401
            status, told = await call(venue, "accounts", headers=wrong)
            assert (status, told) == (
                401,
                {"errorMessage": "Insufficient authorization to perform request."},
            )
            assert (await call(venue, "accounts"))[1] == {"accounts": [{"id": venue.account, "tags": []}]}
            assert (await call(venue, "accounts/101-001-7-001/pricing"))[0] == 403
            assert (await call(venue, "accounts", method="POST"))[0] == 405
            assert (await call(venue, "nothing"))[0] == 404
            path = f"accounts/{venue.account}/pricing/stream"
            assert (await call(venue, path))[0] == 400
            assert (await call(venue, path, params={"instruments": f"{EUR},EURUSD"}))[0] == 400
            assert (await call(venue, path, params={"instruments": EUR}, headers=wrong))[0] == 401

        asyncio.run(play())

    @pytest.mark.parametrize(
        "query",
        [
            {"count": "5001"},
            {"count": "0"},
            {"granularity": "S7"},
            {"price": "X"},
            {"from": "yesterday"},
            {"from": "2026-11-20T10:00:00Z", "to": "2026-11-20T16:56:41Z"},
            {"from": "2026-11-20T10:00:00Z", "to": "2026-11-20T11:00:00Z", "count": "5"},
        ],
    )
    def test_candles_that_are_refused(self, venue: RunningOanda, query: dict[str, str]) -> None:
        status, told = asyncio.run(call(venue, f"instruments/{EUR}/candles", params=query))
        assert (status, list(told)) == (400, ["errorMessage"])

    def test_most_candles_in_one_call(self, venue: RunningOanda) -> None:
        span = {"from": "2026-11-20T10:00:00Z", "to": "2026-11-20T16:56:40Z", "price": "B"}
        status, told = asyncio.run(call(venue, f"instruments/{EUR}/candles", params=span))
        assert status == 200
        assert 4990 <= len(told["candles"]) <= 5000

    def test_the_running_candle_is_not_complete(self, venue: RunningOanda) -> None:
        query = {"granularity": "M1", "price": "BAM", "count": "3"}
        _, told = asyncio.run(call(venue, f"instruments/{EUR}/candles", params=query))
        assert [candle["complete"] for candle in told["candles"]] == [True, True, False]
        assert {"bid", "ask", "mid"} <= set(told["candles"][0])

    def test_prices_and_instruments(self, venue: RunningOanda) -> None:
        account = f"accounts/{venue.account}"
        _, told = asyncio.run(call(venue, f"{account}/pricing", params={"instruments": EUR}))
        assert (told["prices"][0]["instrument"], set(told)) == (EUR, {"prices", "time"})
        _, listed = asyncio.run(call(venue, f"{account}/instruments"))
        assert [(one["name"], one["displayPrecision"]) for one in listed["instruments"]] == [
            (EUR, 5),
            (JPY, 3),
        ]

    def test_streams_and_connects_are_limited(self) -> None:
        with running("--instruments", EUR, "--streams", "2", "--connects", "2") as limited:

            async def play() -> None:
                async with reading(limited), reading(limited):
                    path = f"accounts/{limited.account}/pricing/stream"
                    params = {"instruments": EUR}
                    assert (await call(limited, path, params=params))[0] == 429
                    deadline = asyncio.get_running_loop().time() + 10
                    while "connections" in str((told := await call(limited, path, params=params))[1]):
                        assert asyncio.get_running_loop().time() < deadline
                    assert told == (429, {"errorMessage": "Too many active streams"})

            asyncio.run(play())


async def _flowing(reader: Reader, name: str = EUR) -> None:
    known = len(reader.prices(name))
    await reader.until(lambda r: len(r.prices(name)) > known + 3)


class TestFaults:
    def test_close_ends_the_body_cleanly(self, venue: RunningOanda) -> None:
        async def play() -> None:
            async with reading(venue) as reader:
                await _flowing(reader)
                venue.set_faults("close")
                await reader.until_end()
                assert (reader.error, reader.rest) == (None, b"")
            assert venue.connections()[-1]["why"] == "close"
            async with reading(venue) as again:
                await _flowing(again)

        asyncio.run(play())

    @pytest.mark.parametrize("fault", ["drop", "reset", "half-frame"])
    def test_a_broken_body(self, venue: RunningOanda, fault: str) -> None:
        async def play() -> None:
            async with reading(venue) as reader:
                await _flowing(reader)
                venue.set_faults(fault)
                await reader.until_end()
                assert reader.error is not None
                # Half a line may be lost on the way: the client gives none once the end has been noticed.
                assert reader.rest == b"" or fault == "half-frame"
            # The client may know of the end before the venue has written it down.
            until("why it ended", lambda: venue.connections()[-1]["why"] == fault)
            assert venue.hits(fault) == 1

        asyncio.run(play())

    def test_silent_and_heartbeats_only(self, venue: RunningOanda) -> None:
        async def play() -> None:
            async with reading(venue) as reader:
                await _flowing(reader)
                venue.set_faults("heartbeats-only")
                await reader.for_seconds(0.1)
                known, beats = len(reader.prices()), len(reader.heartbeats())
                await reader.until(lambda r: len(r.heartbeats()) > beats + 2)
                assert len(reader.prices()) == known
                venue.set_faults("silent:count=1")
                await reader.for_seconds(0.1)
                seen = len(reader.lines)
                await reader.for_seconds(1.0)
                assert (len(reader.lines), reader.ended) == (seen, False)

        asyncio.run(play())

    def test_mute_befalls_one_instrument(self, venue: RunningOanda) -> None:
        async def play() -> None:
            async with reading(venue, f"{EUR},{JPY}") as reader:
                await _flowing(reader)
                venue.set_faults(f"mute:symbol={EUR}")
                await reader.for_seconds(0.1)
                known = len(reader.prices())
                await _flowing(reader, JPY)
                assert len(reader.prices()) == known

        asyncio.run(play())

    def test_skipped_prices_are_in_candles(self, venue: RunningOanda) -> None:
        async def play() -> None:
            async with reading(venue) as reader:
                await _flowing(reader)
                venue.set_faults(f"skip:count=4,symbol={EUR}")
                await reader.until(lambda _: venue.hits("skip") == 4)
                last_us = venue.withheld_ns(EUR)[-1] // 1000
                await reader.until(lambda r: _us(r.prices()[-1]["time"]) > last_us)
                prices = reader.prices()
                truth = venue.truth(EUR, _us(prices[0]["time"]), _us(prices[-1]["time"]) + 1)
                assert len(truth.times_ns) == len(prices) + 4
                assert len(venue.withheld_ns(EUR)) >= 4

        asyncio.run(play())

    def test_what_is_no_price(self, venue: RunningOanda) -> None:
        async def play() -> None:
            async with reading(venue) as reader:
                await _flowing(reader)
                venue.set_faults("invalid-json", "unknown-message", "wrong-types", "empty-side:count=1")

                def odd() -> list[dict[str, Any]]:
                    return [one for one in reader.prices() if one["time"] == 17]

                def half() -> int:
                    return sum(not (one["bids"] and one["asks"]) for one in reader.prices())

                await reader.until(lambda r: r.damaged and odd() and half())
                await _flowing(reader)
                assert Counter(one["type"] for one in reader.objects)["ANNOUNCEMENT"] == 1
                assert len(reader.damaged) == 1
                assert [one["bids"][0]["price"] for one in odd()] == [None]
                assert half() == 1

        asyncio.run(play())

    def test_twice_and_out_of_order(self, venue: RunningOanda) -> None:
        async def play() -> None:
            async with reading(venue) as reader:
                await _flowing(reader)
                venue.set_faults("duplicate-trades:count=2")

                def times() -> list[str]:
                    return [one["time"] for one in reader.prices()]

                await reader.until(lambda _: len(times()) - len(set(times())) == 2)
                assert times() == sorted(times())
                venue.set_faults("out-of-order:count=1")
                await reader.until(lambda _: times() != sorted(times()))
                await _flowing(reader)
                assert sum(later < earlier for earlier, later in pairwise(times())) == 1

        asyncio.run(play())

    @pytest.mark.parametrize("style", ["inside", "bytes", "several"])
    def test_chunk_borders_anywhere(self, venue: RunningOanda, style: str) -> None:
        async def play() -> None:
            async with reading(venue) as reader:
                await _flowing(reader)
                venue.set_faults(f"chunk-border:style={style}")
                before = len(reader.chunks)
                await reader.until(lambda _: venue.hits("chunk-border") == 1)
                await _flowing(reader)
                whole = [chunk for chunk in reader.chunks[before + 1 :] if chunk.endswith(b"\n")]
                assert len(whole) < len(reader.chunks) - before
                assert all(json.loads(line) for _, line in reader.lines)

        asyncio.run(play())

    def test_connects_that_are_refused(self, venue: RunningOanda) -> None:
        async def play() -> None:
            path = f"accounts/{venue.account}/pricing/stream"
            venue.set_faults("throttle:count=1,retry-after=3", "unavailable:count=1,status=502")
            assert (await call(venue, path, params={"instruments": EUR}))[0] == 429
            status, body = await call(venue, path, params={"instruments": EUR})
            assert (status, body[:6]) == (502, "<html>")
            venue.set_faults(f"refuse:symbol={JPY}")
            assert (await call(venue, path, params={"instruments": f"{EUR},{JPY}"}))[0] == 400
            venue.set_faults("rest-throttle:count=1", "rest-down:count=1")
            assert [(await call(venue, "accounts"))[0] for _ in range(3)] == [502, 429, 200]

        asyncio.run(play())

    def test_a_token_that_expires(self, venue: RunningOanda) -> None:
        async def play() -> None:
            async with reading(venue) as reader:
                await _flowing(reader)
                venue.set_faults("expire-token")
                await reader.until_end()
                assert (await call(venue, "accounts"))[0] == 401
                venue.set_faults()
                assert (await call(venue, "accounts"))[0] == 200

        asyncio.run(play())

    def test_a_clock_that_jumps(self, venue: RunningOanda) -> None:
        async def play() -> None:
            async with reading(venue) as reader:
                await _flowing(reader)
                venue.set_faults("clock-jump:seconds=3600")
                before_us = _us(reader.prices()[-1]["time"])
                for kind in (reader.prices, reader.heartbeats):
                    await reader.until(
                        lambda _, kind=kind: kind() and _us(kind()[-1]["time"]) > before_us + 3_600_000_000
                    )

        asyncio.run(play())


def test_two_processes_have_the_same_market(venue: RunningOanda) -> None:
    span = {"from": "2026-11-20T10:00:00Z", "to": "2026-11-20T10:30:00Z", "price": "BA"}
    path = f"instruments/{EUR}/candles"
    with running(*OPTIONS, "--rate", "60") as twin, running(*OPTIONS, "--rate", "60", "--seed", "1") as other:
        told = [asyncio.run(call(one, path, params=span))[1] for one in (venue, twin, other)]
    assert told[0] == told[1] != told[2]


class TestRecording:
    def test_recorded_ticks_as_fast_as_they_are_read(self, fixtures: Path) -> None:
        folder = fixtures / "lean_ticks" / "forex" / "oanda"
        day, end = parse_time("2014-05-04"), parse_time("2014-05-05")
        ticks = {one.instrument.name: one.load(day).rows() for one in lean.recordings(folder)}
        options = ("--ticks", str(folder), "--speed", "0", "--from", "2014-05-04", "--to", "2014-05-05")
        total = sum(map(len, ticks.values()))
        with running(*options, "--heartbeat", "0.2", "--connects", "0") as replay:

            async def play() -> None:
                async with reading(replay, f"{EUR},NZD_USD,{JPY}") as reader:
                    await reader.until(lambda r: len(r.prices(EUR)) + len(r.prices("NZD_USD")) == total)
                    known = len(reader.heartbeats())
                    await reader.until(lambda r: len(r.heartbeats()) > known + 1)
                    assert _us(reader.heartbeats()[-1]["time"]) > end
                    for name, rows in ticks.items():
                        told = reader.prices(name)
                        assert [_us(one["time"]) * 1000 for one in told] == [row.time_ns for row in rows]
                        assert [one["bids"][0]["price"] for one in told] == [
                            f"{row.bid // 100_000}.{row.bid % 100_000:05d}" for row in rows
                        ]
                    assert reader.prices(JPY) == []
                    times = [one["time"] for one in reader.objects if one["type"] == "PRICE"]
                    assert times == sorted(times)
                written = replay.written(EUR)
                assert written.times_ns == [row.time_ns for row in ticks[EUR]]
                span = {
                    "from": str(day // 10**6),
                    "to": str(end // 10**6),
                    "granularity": "M1",
                    "price": "BA",
                }
                _, told = await call(replay, f"instruments/{EUR}/candles", params=span)
                assert sum(candle["volume"] for candle in told["candles"]) == len(ticks[EUR])

            asyncio.run(play())

    def test_recorded_ticks_in_their_own_time(self, fixtures: Path) -> None:
        folder = fixtures / "lean_ticks" / "forex" / "oanda" / "tick"
        options = ("--ticks", str(folder), "--speed", "60", "--from", "2014-05-01", "--heartbeat", "0.2")
        with running(*options) as replay:

            async def play() -> None:
                async with reading(replay) as reader:
                    await reader.until(lambda r: len(r.prices()) > 30 and len(r.heartbeats()) > 3)
                    assert reader.prices()[0]["time"] == "2014-05-01T00:00:00.292000000Z"
                    beats = [_us(one["time"]) for one in reader.heartbeats()]
                    assert 60 * 0.1e6 < (beats[-1] - beats[0]) / (len(beats) - 1) < 60 * 1e6

            asyncio.run(play())


def test_the_command_line_refuses_what_it_does_not_know(tmp_path: Path) -> None:
    for options in (("--instruments", "EURUSD"), ("--fault", "maintenance"), ("--ticks", str(tmp_path))):
        with pytest.raises(RuntimeError, match="did not start"), running(*options):
            pass
