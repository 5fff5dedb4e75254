"""The packaged table and the ways to spell an instrument."""

import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from candlewick.errors import CandlewickError
from candlewick.instruments import (
    AssetClass,
    Instrument,
    Kind,
    UnknownInstrumentError,
    UnvouchedScaleError,
    all_instruments,
    dukascopy_series,
    find,
    parse_series,
    search,
    series_for,
)
from candlewick.times import iso


@pytest.mark.parametrize(
    ("spelling", "symbol"),
    [
        ("eurusd", "eurusd"),
        ("EURUSD", "eurusd"),
        ("EUR/USD", "eurusd"),
        ("EUR-USD", "eurusd"),
        ("EUR_USD", "eurusd"),
        (" eur usd ", "eurusd"),
        ("AAPL", "aaplususd"),
        ("aapl.us", "aaplususd"),
        ("AAPL.US/USD", "aaplususd"),
        ("AAPL.US-USD", "aaplususd"),
        ("AAPLUSUSD", "aaplususd"),
        ("usa500", "usa500idxusd"),
        ("USA500.IDX/USD", "usa500idxusd"),
        ("BRENT", "brentcmdusd"),
        ("7203.JP", "7203jpjpy"),
        ("A.US", "aususd"),
        ("BUGG.GB/GBP", "bugggbgbp"),
        ("SKY.GB/GBP", "skygbgbx"),
    ],
)
def test_an_instrument_is_found_by_any_usual_spelling(spelling: str, symbol: str) -> None:
    assert find(spelling).symbol == symbol


@pytest.mark.parametrize(
    ("spelling", "near"),
    [
        ("eurusdd", "EUR/USD"),
        ("gold", "XAU/USD"),
        ("bitcoin", "BTC/USD"),
        ("apple", "AAPL.US/USD"),
        ("EUR", "EUR/USD"),
    ],
)
def test_what_means_none_or_several_is_refused_with_the_nearest_first(spelling: str, near: str) -> None:
    with pytest.raises(UnknownInstrumentError) as caught:
        find(spelling)
    assert caught.value.candidates[0].name == near
    assert near in str(caught.value)


def test_a_ticker_of_two_instruments_lists_both() -> None:
    with pytest.raises(UnknownInstrumentError) as caught:
        find("MAT")
    assert {instrument.name for instrument in caught.value.candidates} == {"MAT/USD", "MAT.US/USD"}


@pytest.mark.parametrize("spelling", ["", " ", "//", "no such thing at all"])
def test_nonsense_is_refused_with_a_way_on(spelling: str) -> None:
    with pytest.raises(UnknownInstrumentError, match="candlewick instruments"):
        find(spelling)


@given(
    st.sampled_from(all_instruments()),
    st.sampled_from(["", "-", "_", " "]),
    st.sampled_from([str.upper, str.lower]),
)
def test_every_instrument_is_found_by_its_symbol_and_most_by_name(
    instrument: Instrument, between: str, case: Callable[[str], str]
) -> None:
    symbol = case(instrument.symbol)
    assert find(symbol) is instrument
    spelt = find(instrument.name.replace("/", between or "/"))
    # Three London ETFs were renamed: the name they share means the one that is listed now.
    assert spelt is instrument or (spelt.name == instrument.name and spelt.jetta_code is not None)


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("gold", "XAU/USD"),
        ("silver", "XAG/USD"),
        ("bitcoin", "BTC/USD"),
        ("deutsche bank", "DBK.DE/EUR"),
        ("apple", "AAPL.US/USD"),
        ("eur/us", "EUR/USD"),
        ("EURUSD", "EUR/USD"),
    ],
)
def test_search_looks_at_names_and_descriptions(text: str, first: str) -> None:
    assert search(text)[0].name == first


def test_search_for_nothing_finds_all_and_for_nonsense_nothing() -> None:
    assert len(search("")) == len(all_instruments())
    assert search("no such thing at all") == []


def test_the_table_is_whole_and_sound() -> None:
    table = all_instruments()
    assert len(table) == 1622
    assert len({instrument.symbol for instrument in table}) == len(table)
    for instrument in table:
        assert re.fullmatch(r"[a-z0-9]+", instrument.symbol)
        assert instrument.price_scale is None or 0 < instrument.price_scale <= 6
        assert instrument.price_scale is not None or not instrument.scale_vouched
        assert instrument.first_tick_us is None or iso(instrument.first_tick_us) > "2003-05-04"
        # A start of 2000-01-01 is the venue's way to say that it does not know.
        assert instrument.first_tick_us is None or not iso(instrument.first_tick_us).startswith("2000-01-01")


@pytest.mark.parametrize(
    ("symbol", "asset_class", "scale", "calendar"),
    [
        ("eurusd", AssetClass.FOREX, 5, "forex"),
        ("usdjpy", AssetClass.FOREX, 3, "forex"),
        ("xauusd", AssetClass.METAL, 3, "metals"),
        ("xauaud", AssetClass.METAL, 3, "metals"),
        ("btcusd", AssetClass.CRYPTO, 1, "crypto"),
        ("brentcmdusd", AssetClass.COMMODITY, 3, "brent"),
        ("usa500idxusd", AssetClass.INDEX, 3, "us-index"),
        ("7203jpjpy", AssetClass.EQUITY, 1, "japan-stocks"),
        ("0005hkhkd", AssetClass.EQUITY, 3, "hong-kong-stocks"),
        ("bundtreur", AssetClass.EQUITY, 3, "eurex"),
        ("arkiususd", AssetClass.EQUITY, 3, "unknown"),
    ],
)
def test_facts_of_the_table(symbol: str, asset_class: AssetClass, scale: int, calendar: str) -> None:
    instrument = find(symbol)
    assert (instrument.asset_class, instrument.price_scale, instrument.calendar) == (
        asset_class,
        scale,
        calendar,
    )
    assert instrument.scale_vouched


@pytest.mark.parametrize(
    "symbol", ["xlmusd", "usdczk", "spyususd", "uscusd", "vtrsususd", "usdsar", "audcnh"]
)
def test_a_scale_that_the_lists_do_not_agree_on_is_not_used_unconfirmed(symbol: str) -> None:
    instrument = find(symbol)
    assert not instrument.scale_vouched
    with pytest.raises(UnvouchedScaleError, match=re.escape(instrument.name)):
        dukascopy_series(instrument)
    assert dukascopy_series(instrument, 4).price_scale == 4


def test_a_confirmed_scale_that_contradicts_the_table_is_refused() -> None:
    with pytest.raises(UnvouchedScaleError, match=r"5 decimals .* 3 by this answer"):
        dukascopy_series(find("eurusd"), 3)
    assert dukascopy_series(find("eurusd"), 5) == dukascopy_series(find("eurusd"))


def test_a_series_is_named_by_its_name_or_by_a_spelling() -> None:
    series = series_for("EUR/USD")
    assert series.name == "dukascopy:eurusd:quotes"
    assert (series.price_scale, series.calendar, series.asset_class) == (5, "forex", AssetClass.FOREX)
    assert series_for("dukascopy:eurusd:quotes") == series_for("DUKASCOPY:EURUSD:QUOTES") == series
    assert parse_series("kraken:btcusd:trades") == ("kraken", "btcusd", Kind.TRADES)


@pytest.mark.parametrize(
    "text", ["dukascopy:eurusd", "dukascopy::quotes", ":eurusd:quotes", "a:b:ticks", "a:b:c:d"]
)
def test_what_is_no_series_is_refused(text: str) -> None:
    with pytest.raises(CandlewickError, match="is not a series"):
        parse_series(text)


@pytest.mark.parametrize("text", ["dukascopy:eurusd:trades", "kraken:eurusd:quotes"])
def test_a_series_that_no_venue_here_has_is_refused(text: str) -> None:
    with pytest.raises(CandlewickError, match="no history"):
        series_for(text)


def test_a_series_of_no_instrument_is_refused() -> None:
    with pytest.raises(UnknownInstrumentError):
        series_for("dukascopy:nosuch:quotes")
