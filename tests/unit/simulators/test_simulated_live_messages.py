"""Messages have the keys and types of recorded ones; candles and recordings are read exactly."""

import json
import zipfile
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from candlewick.errors import CandlewickError
from candlewick.times import DAY_US, MINUTE_US, day_us, parse_time, us_day
from simulators.common.numbers import decimal, micros
from simulators.common.underlying import underlying
from simulators.kraken import messages, recording
from simulators.kraken.pairs import BY_SYMBOL, PAIRS, by_rest_name
from simulators.kraken.tape import SyntheticTape
from simulators.oanda import lean, lines
from simulators.oanda.candles import GRANULARITIES, Wanted, candles, slots_between
from simulators.oanda.instruments import BY_NAME
from simulators.oanda.tape import Price, Prices

NOW = parse_time("2026-08-20T14:03:10.118204Z")
BTC = BY_SYMBOL["BTC/USD"]
TAPE = SyntheticTape(BTC, 0, 5.0)


def shape(value: object) -> object:
    """Keys and types; a list counts by its first element, and all numbers are numbers."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return (
        "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__
    )


def recorded(fixtures: Path, name: str) -> Iterable[dict[str, Any]]:
    for line in (fixtures / "kraken_ws_v2" / name).read_text().splitlines():
        if line.strip():
            yield json.loads(line)


class TestKraken:
    def test_shapes_are_the_recorded_ones(self, fixtures: Path) -> None:
        real = list(recorded(fixtures, "captured-singles/bytex_live_2026-09-25.ndjson"))
        trades = TAPE.trades(TAPE.next_id(NOW), TAPE.next_id(NOW))
        best, day = TAPE.best(NOW), TAPE.day(NOW)
        result: dict[str, object] = {"channel": "trade", "snapshot": False, "symbol": "BTC/USD"}
        error = "Currency pair not supported XBT/USD"
        made = [
            messages.status("online", 18125794168470749634),
            messages.ack("subscribe", None, result, NOW, NOW),
            messages.refusal("subscribe", None, error, in_us=NOW, out_us=NOW, symbol="XBT/USD"),
            messages.trades(BTC, "update", trades).text,
            messages.ticker(BTC, "update", best, last=trades[0].price, day=day, at_us=NOW).text,
        ]
        for text in made:
            told = json.loads(text)
            same = [
                message
                for message in real
                if list(message) == list(told)
                and (message.get("channel"), message.get("success"))
                == (told.get("channel"), told.get("success"))
            ]
            assert same, f"nothing recorded has the keys of {told}"
            assert shape(told) == shape(same[0])
            assert json.dumps(told).count("symbol") == json.dumps(same[0]).count("symbol")

    def test_acks_of_a_ticker_and_pongs(self, fixtures: Path) -> None:
        real = list(recorded(fixtures, "kraken-async-rs/messages_2024-05.ndjson"))
        result: dict[str, object] = {
            "symbol": "BTC/USD",
            "channel": "ticker",
            "snapshot": True,
            "event_trigger": "trades",
        }
        ack = json.loads(messages.ack("subscribe", 42, result, NOW, NOW))
        (same,) = [m for m in real if m.get("result", {}) and m["result"] == result and m["req_id"] == 42]
        assert (shape(ack), list(ack["result"])) == (shape(same), list(same["result"]))
        pong = json.loads(messages.pong(1, NOW, NOW))
        (same,) = [m for m in real if m.get("method") == "pong"]
        assert (shape(pong), list(pong)) == (shape(same), list(same))

    def test_a_frame_says_its_length(self) -> None:
        for size in (0, 125, 126, 65_535, 65_536):
            frame = messages.framed(b"x" * size)
            header = frame[: len(frame) - size]
            length = header[1] if size < 126 else int.from_bytes(header[2:], "big")
            assert (header[0], length) == (0x81, size)
            assert len(header) == (2 if size < 126 else 4 if size < 65_536 else 10)

    def test_wrong_types_are_json_still(self) -> None:
        text = messages.trades(BTC, "update", TAPE.trades(100, 102)).text
        odd = json.loads(messages.wrongly_typed(text))
        assert [trade["price"] for trade in odd["data"]] == [None] * 3
        assert [trade["trade_id"] for trade in odd["data"]] == ["number 100", "number 101", "number 102"]

    @settings(max_examples=60)
    @given(st.integers(-(10**15), 10**15), st.integers(0, 9))
    def test_decimals_are_exact_and_all_there(self, value: int, decimals: int) -> None:
        text = decimal(value, decimals)
        assert Decimal(text) == Decimal(value).scaleb(-decimals)
        assert len(text.partition(".")[2]) == decimals

    @settings(max_examples=60)
    @given(st.integers(0, 2**52))
    def test_times_have_six_digits(self, us: int) -> None:
        assert parse_time(micros(us)) == us
        assert len(micros(us)) == 27

    def test_each_pair_is_had_by_all_its_names(self) -> None:
        assert len({pair.symbol for pair in PAIRS}) == len(PAIRS) == 20
        for pair in PAIRS:
            for name in (pair.key, pair.altname, pair.wsname):
                assert by_rest_name(name) is pair
            assert underlying(pair.plain_name, pair.symbol).level * 10**pair.price_decimals > 100
        assert by_rest_name("BTC/US") is None

    def test_a_recording_is_read_to_the_digit(self, fixtures: Path) -> None:
        pair, trades = recording.load(fixtures / "kraken_rest" / "nautilus" / "http_trades.json")
        assert (pair.symbol, len(trades)) == ("BTC/USDT", 1000)
        assert (trades[0].price, trades[0].qty, trades[0].time_ns) == (1_054_336, 27_625, 1762795433971744500)

    def test_what_is_no_recording_is_refused(self, tmp_path: Path) -> None:
        row = ["1.0", "1.0", 1.5, "b", "l", "", 1]
        for content in (
            "{}",
            '{"result": {}}',
            json.dumps({"result": {"XBTUSDT": [row, row]}}),
            json.dumps({"result": {"XBTUSDT": [["1.05", *row[1:]]]}}),
        ):
            path = tmp_path / "trades.json"
            path.write_text(content)
            with pytest.raises(CandlewickError):
                recording.load(path)


def _prices(*rows: tuple[int, int, int]) -> Prices:
    columns = np.array(rows, dtype=np.int64).T
    return Prices(columns[0], columns[1], columns[2])


class TestOanda:
    def test_lines_have_the_recorded_keys_and_types(self, fixtures: Path) -> None:
        folder = fixtures / "oanda_stream"
        real = [
            json.loads(line)
            for path in sorted(folder.glob("hootnot_*.ndjson"), reverse=True)
            for line in path.read_text().splitlines()
        ]
        for name, price in (
            ("EUR_USD", Price(NOW, 108_410, 108_423)),
            ("EUR_JPY", Price(NOW, 120_969, 120_991)),
        ):
            told = json.loads(lines.price_line(BY_NAME[name], price, lines.rfc3339))
            same = next(one for one in real if one.get("instrument") == name and "tradeable" in one)
            assert shape(told) == {key: shape(same[key]) for key in told}
            assert set(told) == set(same)
            for side in ("bids", "asks"):
                assert [bucket["liquidity"] for bucket in told[side]] == [
                    bucket["liquidity"] for bucket in same[side]
                ]
                steps = [
                    [Decimal(bucket["price"]) - Decimal(one[side][0]["price"]) for bucket in one[side]]
                    for one in (told, same)
                ]
                assert steps[0] == steps[1]
        beat = json.loads(lines.heartbeat(NOW * 1000, lines.rfc3339))
        same = next(one for one in real if one["type"] == "HEARTBEAT" and len(one) == 2)
        assert (shape(beat), list(beat)) == (shape(same), list(same))

    def test_times_in_both_forms_have_nine_digits(self) -> None:
        assert lines.rfc3339(1787234592682119462) == "2026-08-20T14:03:12.682119462Z"
        assert lines.unix(1787234592682119462) == "1787234592.682119462"

    def test_a_side_may_be_empty_and_a_price_not_tradeable(self) -> None:
        price = Price(NOW * 1000, 108_410, 108_423)
        for empty in ("bids", "asks"):
            told = json.loads(lines.price_line(BY_NAME["EUR_USD"], price, lines.unix, empty=empty))
            assert [len(told[side]) for side in ("bids", "asks")] == ([0, 2] if empty == "bids" else [2, 0])
        told = json.loads(lines.price_line(BY_NAME["EUR_USD"], price, lines.unix, tradeable=False))
        assert (told["tradeable"], told["status"]) == (False, "non-tradeable")

    def test_candles(self) -> None:
        start = parse_time("2026-08-20T14:00:00Z")
        prices = _prices(
            (start * 1000, 5, 9),
            ((start + 1) * 1000, 8, 10),
            ((start + 4_999_999) * 1000 + 999, 3, 7),
            ((start + 15_000_000) * 1000, 4, 5),
        )
        wanted = Wanted("BAM", 5_000_000, start + 15_000_001, lines.rfc3339)
        first, second = candles(BY_NAME["EUR_USD"], prices, wanted)
        assert (first["complete"], first["volume"], second["complete"]) == (True, 3, False)
        assert first["time"] == "2026-08-20T14:00:00.000000000Z"
        assert second["time"] == "2026-08-20T14:00:15.000000000Z"
        assert first["bid"] == {"o": "0.00005", "h": "0.00008", "l": "0.00003", "c": "0.00003"}
        assert first["ask"] == {"o": "0.00009", "h": "0.00010", "l": "0.00007", "c": "0.00007"}
        assert candles(BY_NAME["EUR_USD"], prices.between(0, 1), wanted) == []

    @settings(max_examples=60)
    @given(st.sampled_from(sorted(GRANULARITIES)), st.integers(0, 2**50), st.integers(1, 2**42))
    def test_slots_are_counted_as_they_lie(self, granularity: str, begin: int, length: int) -> None:
        step = GRANULARITIES[granularity] * 1_000_000
        count = slots_between(begin, begin + length, granularity)
        assert count == (begin + length - 1) // step - begin // step + 1

    def test_recorded_ticks_make_the_recorded_minutes(self, fixtures: Path) -> None:
        folder = fixtures / "lean_ticks" / "forex" / "oanda"
        chosen = {one.instrument.name: one for one in lean.recordings(folder)}
        assert set(chosen) == {"EUR_USD", "NZD_USD"}
        day = parse_time("2014-05-04")
        ticks = chosen["EUR_USD"].load(day)
        assert len(ticks) == 1164
        wanted = Wanted("BA", MINUTE_US, day + DAY_US, lines.unix)
        made = candles(BY_NAME["EUR_USD"], ticks, wanted)
        with zipfile.ZipFile(folder / "minute" / "eurusd" / "20140504_quote.zip") as archive:
            text = archive.read(archive.namelist()[0]).decode()
        bars = [line.split(",") for line in text.split()]
        assert len(made) == len(bars)
        for candle, bar in zip(made, bars, strict=True):
            assert candle["time"] == lines.unix((day + int(bar[0]) * 1000) * 1000)
            for side, at in (("bid", 1), ("ask", 6)):
                assert candle[side] == dict(zip("ohlc", bar[at : at + 4], strict=True))

    def test_a_folder_of_ticks_may_lie_anywhere(self, tmp_path: Path) -> None:
        with pytest.raises(CandlewickError, match="no ticks"):
            lean.recordings(tmp_path)
        for folder in (tmp_path / "eurusd", tmp_path / "unknown"):
            folder.mkdir()
            with zipfile.ZipFile(folder / "20240105_quote.zip", "w") as archive:
                archive.writestr("ticks.csv", "5,1.1,1.10002\r\n5,1.09,1.2")
        (found,) = lean.recordings(tmp_path)
        day = day_us(us_day(parse_time("2024-01-05")))
        assert found.load(day).rows() == [
            Price((day + 5000) * 1000, 110_000, 110_002),
            Price((day + 5000) * 1000, 109_000, 120_000),
        ]
        assert lean.span([found]) == (day, day + DAY_US)
        (tmp_path / "eurusd" / "20240105_quote.zip").write_bytes(b"x")
        with pytest.raises(CandlewickError, match="no ticks"):
            lean.recordings(tmp_path)[0].load(day)
