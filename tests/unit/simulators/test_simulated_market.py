"""The synthetic market: the same whatever was asked before, in its sessions, in one piece."""

import json
from decimal import Decimal

import numpy as np
import pytest

from candlewick.calendars import calendar
from candlewick.instruments import all_instruments, find
from candlewick.times import DAY_US, HOUR_US, MINUTE_US, parse_time
from simulators.dukascopy import bars, formats, listings
from simulators.dukascopy.answers import Absent, Content
from simulators.dukascopy.day_styles import DayStyle
from simulators.dukascopy.faults import Faults, Rule
from simulators.dukascopy.formats import Records
from simulators.dukascopy.market import Market
from simulators.dukascopy.paths import (
    CandleFile,
    DayFile,
    HourFile,
    JsonCandles,
    JsonTicks,
    Resolution,
    Resource,
    Side,
)
from simulators.dukascopy.tape import Tape

TUESDAY = parse_time("2024-03-05")
LATER = parse_time("2026-01-02")


def body(market: Market, resource: Resource, now_us: int = LATER) -> bytes:
    answer = market.answer(resource, now_us)
    assert isinstance(answer, Content), f"{resource}: {answer}"
    return answer.body


def ticks(market: Market, symbol: str, hour_us: int) -> Records:
    read = formats.read_hour(body(market, HourFile(symbol, hour_us)))
    assert read is not None, f"{symbol} {hour_us} breaks a rule of the format"
    return read


def hours_of(start_us: int, days: int = 1) -> range:
    return range(start_us, start_us + days * DAY_US, HOUR_US)


def test_an_hour_does_not_depend_on_what_was_asked_before() -> None:
    forwards, backwards = Market(seed=5), Market(seed=5)
    there = [body(forwards, HourFile("EURUSD", hour)) for hour in hours_of(TUESDAY, 9)]
    back = [body(backwards, HourFile("EURUSD", hour)) for hour in reversed(hours_of(TUESDAY, 9))]
    assert there == back[::-1]


def test_seeds_and_instruments_are_markets_of_their_own() -> None:
    hour = TUESDAY + 12 * HOUR_US
    made = [
        body(Market(seed), HourFile(symbol, hour))
        for seed in (0, 1)
        for symbol in ("EURUSD", "EURGBP", "GBPUSD")
    ]
    assert len(set(made)) == len(made)


def test_a_day_has_about_as_many_ticks_as_asked_for() -> None:
    for symbol in ("EURUSD", "BTCUSD", "AAPLUSUSD"):
        market = Market(ticks_a_day=2_000)
        a_day = [
            sum(len(ticks(market, symbol, hour)) for hour in hours_of(TUESDAY + n * DAY_US)) for n in range(4)
        ]
        assert 1_400 < np.mean(a_day) < 2_800, (symbol, a_day)


def test_ticks_keep_to_the_sessions_and_every_open_hour_has_some() -> None:
    market = Market()
    for symbol in ("EURUSD", "XAUUSD", "AAPLUSUSD", "DEUIDXEUR", "BTCUSD"):
        instrument = listings.by_symbol(symbol)
        assert instrument is not None
        sessions = calendar(instrument.calendar).sessions(TUESDAY, TUESDAY + 14 * DAY_US)
        for hour in hours_of(TUESDAY, 14):
            at = ticks(market, symbol, hour)["ms"].astype(np.int64) * 1000 + hour
            inside = np.zeros(len(at), dtype=bool)
            for start, end in sessions:
                inside |= (at >= start) & (at < end)
            assert inside.all()
            open_us = sum(max(min(e, hour + HOUR_US) - max(s, hour), 0) for s, e in sessions)
            assert (len(at) > 0) == (open_us > 5 * MINUTE_US) or 0 < open_us <= 5 * MINUTE_US


def test_holidays_are_inside_the_week_and_empty() -> None:
    market = Market()
    christmas = parse_time("2023-12-25")
    counts = {hour: len(ticks(market, "EURUSD", hour)) for hour in hours_of(christmas)}
    closed = [hour for hour in counts if 8 <= (hour - christmas) // HOUR_US < 22]
    assert all(counts[hour] == 0 for hour in closed)
    assert all(counts[hour] > 0 for hour in counts if hour not in closed)
    week = calendar(find("EUR/USD").calendar)
    assert all(week.is_open(hour) for hour in closed)
    noon = parse_time("2024-01-01T12:00:00Z")
    assert len(ticks(market, "BTCUSD", noon)) == 0
    assert len(ticks(market, "BTCUSD", noon + 2 * HOUR_US)) > 0


def test_prices_are_in_one_piece_and_quotes_are_not_crossed() -> None:
    market = Market()
    for symbol, level, scale in (
        ("EURUSD", 1.1, 5),
        ("USDJPY", 160, 3),
        ("BTCUSD", 30_000, 1),
        ("XAUUSD", 1_950, 3),
    ):
        last = None
        for hour in hours_of(TUESDAY, 3):
            quotes = ticks(market, symbol, hour)
            if not len(quotes):
                continue
            bid, ask = (quotes[side].astype(np.int64) for side in ("bid", "ask"))
            assert (ask > bid).all()
            assert level * 10**scale / 4 < bid.min() <= bid.max() < level * 10**scale * 4
            assert np.abs(np.diff(bid)).max() < bid[0] * 0.01
            if last is not None:
                assert abs(int(bid[0]) - last) < last * 0.01
            last = int(bid[-1])


def test_prices_move_over_months() -> None:
    tape = Tape(find("EUR/USD"), 0, 1_000)
    months = [tape.points(TUESDAY + month * 30 * DAY_US) for month in range(24)]
    assert len(set(months)) == len(months)
    assert max(months) - min(months) > 1_000


def test_volumes_are_hundredths_of_millions_for_currencies_and_units_for_the_rest() -> None:
    market = Market(ticks_a_day=200_000)
    volumes = formats.units(ticks(market, "EURUSD", TUESDAY + 13 * HOUR_US)["bid_volume"])
    assert (volumes % 10_000 == 0).all()
    assert (volumes > 16_777_216).any()
    coins = formats.units(ticks(market, "BTCUSD", TUESDAY)["ask_volume"])
    assert (coins >= 1).all()
    assert (coins == np.rint(coins)).all()


def test_instruments_of_every_class_and_calendar_have_a_sound_market() -> None:
    market = Market(ticks_a_day=100)
    listed = [
        i for i in all_instruments() if listings.by_symbol(i.bi5_symbol) is i and i.bi5_symbol.isalnum()
    ]
    assert len(listed) > 1_500
    # Shares of one exchange differ in their level only; of each calendar a few stand for the rest.
    chosen = {(i.calendar, i.price_scale, n % 5): i for n, i in enumerate(listed)}
    for instrument in chosen.values():
        start = max(listings.history_start_us(instrument), TUESDAY) // DAY_US * DAY_US
        day = next(
            day for day in range(start, start + 30 * DAY_US, DAY_US) if opens(instrument.calendar, day)
        )
        answer = body(market, DayFile(instrument.bi5_symbol, day), now_us=day + 2 * DAY_US)
        assert answer, instrument.name


def opens(calendar_name: str, day_us: int) -> bool:
    sessions = calendar(calendar_name).sessions(day_us, day_us + DAY_US)
    return sum(end - start for start, end in sessions) > 3 * HOUR_US


@pytest.mark.parametrize("style", DayStyle)
def test_day_objects_hold_the_hours(style: DayStyle) -> None:
    market = Market(ticks_a_day=500, day_style=style)
    hours = [ticks(market, "EURUSD", hour) for hour in hours_of(TUESDAY)]
    shift = 0 if style is DayStyle.HOURS else 3_600_000
    expected = [(int(r["ms"]) + n * shift, *r.tolist()[1:]) for n, hour in enumerate(hours) for r in hour]
    streams = streams_of(body(market, DayFile("EURUSD", TUESDAY)))
    assert len(streams) == (1 if style is DayStyle.WHOLE else 24)
    assert [row.tolist() for stream in streams for row in stream] == expected


def streams_of(content: bytes) -> list[Records]:
    import lzma  # noqa: PLC0415

    streams = []
    while content:
        decoder = lzma.LZMADecompressor(lzma.FORMAT_ALONE)
        streams.append(np.frombuffer(decoder.decompress(content), dtype=formats.TICK))
        content = decoder.unused_data
    return streams


def test_a_shut_day_is_an_object_of_no_bytes() -> None:
    assert body(Market(), DayFile("EURUSD", parse_time("2024-03-09"))) == b""


@pytest.mark.parametrize("side", Side)
def test_candle_files_equal_a_recount_of_the_ticks(side: Side) -> None:
    market = Market(ticks_a_day=3_000)
    sunday = parse_time("2024-03-10")
    minutes = candles(market, CandleFile("EURUSD", side, Resolution.MINUTE, sunday))
    hour_rows = candles(market, CandleFile("EURUSD", side, Resolution.HOUR, parse_time("2024-03-01")))
    assert (len(minutes), len(hour_rows)) == (1_440, 744)
    last = int(ticks(market, "EURUSD", parse_time("2024-03-08T21:00:00Z"))[side.lower()][-1])
    for number, hour in enumerate(hours_of(sunday)):
        found = recounted(market, "EURUSD", hour, side)
        assert_candle(hour_rows[9 * 24 + number], found, last)
        for minute in range(60):
            of_minute = [row for row in found if row[0] == minute]
            assert_candle(minutes[number * 60 + minute], of_minute, last)
            last = of_minute[-1][1] if of_minute else last
    assert last != int(hour_rows["open"][9 * 24])


def test_day_candles_equal_a_recount_of_the_ticks() -> None:
    market = Market(ticks_a_day=500)
    rows = candles(market, CandleFile("AAPLUSUSD", Side.ASK, Resolution.DAY, parse_time("2024-01-01")))
    assert len(rows) == 366
    found = [row for hour in hours_of(TUESDAY) for row in recounted(market, "AAPLUSUSD", hour, Side.ASK)]
    assert len(found) > 300
    assert_candle(rows[31 + 29 + 4], found, 0)
    saturday = rows[31 + 29 + 8]
    assert saturday["volume"] == 0
    assert saturday["open"] == rows[31 + 29 + 7]["close"]


def recounted(market: Market, symbol: str, hour_us: int, side: Side) -> list[tuple[int, int, Decimal]]:
    """Minute of the hour, price and size of each tick."""
    quotes = ticks(market, symbol, hour_us)
    name = side.lower()
    sizes = formats.units(quotes[f"{name}_volume"])
    return [
        (int(ms) // 60_000, int(price), Decimal(int(size)))
        for ms, price, size in zip(quotes["ms"], quotes[name], sizes, strict=True)
    ]


def candles(market: Market, file: CandleFile) -> Records:
    read = formats.read_candles(body(market, file))
    assert read is not None
    return read


def assert_candle(row: np.void, found: list[tuple[int, int, Decimal]], before: int) -> None:
    prices = [price for _, price, _ in found] or [before]
    volume = np.float32(sum((size for *_, size in found), Decimal()) / 1_000_000)
    made = [int(row[name]) for name in ("open", "high", "low", "close")]
    assert made == [prices[0], max(prices), min(prices), prices[-1]]
    assert np.float32(row["volume"]) == volume


def test_nothing_comes_out_before_its_time() -> None:
    market = Market(delay_us=5 * MINUTE_US)
    noon = TUESDAY + 12 * HOUR_US
    hour, dated = HourFile("EURUSD", noon), JsonTicks("EUR-USD", noon)
    for now, out in (
        (noon + 30 * MINUTE_US, False),
        (noon + 64 * MINUTE_US, False),
        (noon + 65 * MINUTE_US, True),
    ):
        assert isinstance(market.answer(hour, now), Content) is out
        assert market.answer(dated, now) is Absent.NOT_FINISHED or out
    month = parse_time("2024-03-01")
    for resource, absent in (
        (DayFile("EURUSD", TUESDAY), Absent.NOT_FOUND),
        (CandleFile("EURUSD", Side.BID, Resolution.MINUTE, TUESDAY), Absent.NOT_FOUND),
        (CandleFile("EURUSD", Side.BID, Resolution.HOUR, month), Absent.NOT_FOUND),
        (JsonCandles("EUR-USD", Side.BID, Resolution.HOUR, month), Absent.NOT_FINISHED),
    ):
        assert market.answer(resource, TUESDAY + 20 * HOUR_US) is absent
        assert isinstance(market.answer(resource, TUESDAY + 40 * DAY_US), Content)


def test_before_its_history_and_beside_its_list_the_venue_has_nothing() -> None:
    market = Market()
    assert market.answer(HourFile("EURUSD", parse_time("2003-05-01")), LATER) is Absent.NOT_FOUND
    assert market.answer(DayFile("BTCUSD", parse_time("2012-01-04")), LATER) is Absent.NOT_FOUND
    assert market.answer(HourFile("NOSUCH", TUESDAY), LATER) is Absent.NOT_FOUND
    assert market.answer(JsonTicks("NO-SUCH", TUESDAY), LATER) is Absent.NOT_FOUND


def test_the_running_hour_is_told_up_to_now() -> None:
    market = Market()
    noon = TUESDAY + 12 * HOUR_US
    now = noon + 20 * MINUTE_US
    whole = ticks(market, "EURUSD", noon)["ms"]
    payload = json.loads(body(market, JsonTicks("EUR-USD", None, noon + 10 * MINUTE_US), now))
    assert payload["timestamp"] == noon // 1000
    at = np.cumsum(payload["times"])
    assert at.tolist() == [int(ms) for ms in whole if 600_000 <= ms <= 1_200_000]
    minutes = json.loads(body(market, JsonCandles("EUR-USD", Side.BID, Resolution.MINUTE, None, noon), now))
    assert minutes["timestamp"] == TUESDAY // 1000
    slots = np.cumsum(minutes["times"])
    assert slots[0] == 720
    assert slots[-1] == 739 or slots[-1] == 740


def test_json_tells_what_bi5_tells() -> None:
    market = Market()
    hour = TUESDAY + 8 * HOUR_US
    quotes = ticks(market, "USDJPY", hour)
    payload = json.loads(body(market, JsonTicks("USD-JPY", hour)))
    assert payload["multiplier"] == 0.001
    asks = round(payload["ask"] / payload["multiplier"]) + np.cumsum(payload["asks"])
    assert asks.tolist() == quotes["ask"].tolist()
    assert np.cumsum(payload["times"]).tolist() == quotes["ms"].tolist()
    assert payload["askVolumes"] == formats.units(quotes["ask_volume"]).tolist()
    rows = candles(market, CandleFile("USDJPY", Side.ASK, Resolution.MINUTE, TUESDAY))
    feed = json.loads(body(market, JsonCandles("USD-JPY", Side.ASK, Resolution.MINUTE, TUESDAY)))
    traded = rows[rows["volume"] > 0]
    assert (np.cumsum(feed["times"]) * 60).tolist() == traded["s"].tolist()
    assert (np.cumsum(feed["lows"]) + round(feed["low"] * 1000)).tolist() == traded["low"].tolist()
    assert np.float32(feed["volumes"]).tolist() == traded["volume"].tolist()


def test_a_correction_shows_in_everything_made_from_the_hour() -> None:
    faults = Faults(now_us=lambda: LATER)
    market = Market(ticks_a_day=2_000, corrections=faults)
    hour = TUESDAY + 13 * HOUR_US
    resources: list[Resource] = [
        HourFile("EURUSD", hour),
        DayFile("EURUSD", TUESDAY),
        JsonTicks("EUR-USD", hour),
        CandleFile("EURUSD", Side.BID, Resolution.MINUTE, TUESDAY),
        JsonCandles("EUR-USD", Side.BID, Resolution.MINUTE, TUESDAY),
    ]
    other = HourFile("EURUSD", hour + HOUR_US)
    before = [body(market, resource) for resource in resources]
    untouched = body(market, other)
    faults.add(Rule.parse("correct:path=EURUSD/2024/02/05/13h*"))
    after = [body(market, resource) for resource in resources]
    assert all(old != new for old, new in zip(before, after, strict=True))
    assert body(market, other) == untouched
    corrected = market.answer(resources[0], LATER)
    assert isinstance(corrected, Content)
    assert corrected.modified_us == LATER
    recount = bars.from_ticks(
        read := ticks(market, "EURUSD", hour), read["ms"].astype(np.int64), 60_000, Side.BID
    )
    rows = candles(market, CandleFile("EURUSD", Side.BID, Resolution.MINUTE, TUESDAY))[13 * 60 : 14 * 60]
    assert rows["close"][recount.slot].tolist() == recount.close.tolist()
    faults.replace([])
    assert [body(market, resource) for resource in resources] == before
