"""What a spelling means, at which venues."""

from types import SimpleNamespace
from typing import Any

import pytest
from pydantic import SecretStr

from candlewick.control import live_venues, resolving, symbol_of
from candlewick.control.resolving import resolve
from candlewick.errors import CandlewickError
from candlewick.instruments import Kind, Series, UnknownInstrumentError, find
from candlewick.settings import Settings
from candlewick.venues import kraken, oanda

WITHOUT = Settings(_env_file=None)  # type: ignore[call-arg]
WITH = WITHOUT.model_copy(update={"oanda_token": SecretStr("t"), "oanda_account": SecretStr("a")})


def history(settings: Settings = WITHOUT, **known: Series) -> Any:
    return SimpleNamespace(settings=settings, store=SimpleNamespace(series=known.get))


@pytest.mark.parametrize(
    ("spelling", "symbol"),
    [
        ("AUDCAD", "audcad"),
        ("aud/cad", "audcad"),
        ("AAPL", "aaplususd"),
        ("TSLA", "tslaususd"),
        ("kraken:btcusd:trades", "btcusd"),
    ],
)
def test_spellings(spelling: str, symbol: str) -> None:
    assert symbol_of(spelling) == symbol


def test_an_unknown_spelling_names_what_is_near() -> None:
    with pytest.raises(UnknownInstrumentError) as error:
        symbol_of("gold")
    assert "XAU/USD" in [one.name for one in error.value.candidates]


def test_where_an_instrument_may_be_streamed() -> None:
    assert live_venues(find("BTC/USD"), WITHOUT) == [("kraken", Kind.TRADES), ("kraken", Kind.QUOTES)]
    assert live_venues(find("AUD/CAD"), WITHOUT) == [("oanda", Kind.QUOTES)]
    assert live_venues(find("EUR/PLN"), WITHOUT) == []
    assert live_venues(find("EUR/PLN"), WITH) == [("oanda", Kind.QUOTES)]
    assert live_venues(find("AAPL"), WITH) == []


def test_aud_cad_is_history_and_live() -> None:
    found = resolve(history(), "AUDCAD").found
    assert [one.series.name for one in found] == ["dukascopy:audcad:quotes", "oanda:audcad:quotes"]
    assert all(one.is_new for one in found)


def test_aapl_is_history_only() -> None:
    found = resolve(history(), "AAPL")
    assert [one.series.name for one in found.found] == ["dukascopy:aaplususd:quotes"]
    assert found.refused == []


def test_a_venue_without_the_instrument_is_passed_over_unless_it_was_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def has_not(*_given: object) -> Series:
        raise oanda.UnknownInstrumentError("OANDA has no EUR_PLN", "")

    monkeypatch.setattr(oanda, "series", has_not)
    meaning = resolve(history(WITH), "EUR/PLN")
    assert [one.series.venue for one in meaning.found] == ["dukascopy"]
    assert meaning.refused == []
    with pytest.raises(oanda.UnknownInstrumentError):
        resolve(history(WITH), "oanda:eurpln:quotes")


def test_a_venue_that_does_not_answer_keeps_nobody_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def is_away(*_given: object) -> Series:
        raise kraken.KrakenError("Kraken does not answer", "try again")

    monkeypatch.setattr(kraken, "series", is_away)
    meaning = resolve(history(), "ETH/USD")
    assert [one.series.venue for one in meaning.found] == ["dukascopy"]
    assert [one.problem for one in meaning.refused] == ["Kraken does not answer"] * 2


def test_a_scale_that_differs_from_the_stored_one_is_refused() -> None:
    known = resolving.historical(history(), "EUR/USD").series
    with pytest.raises(CandlewickError, match="is kept with 5"):
        resolving.historical(history(**{known.name: known}), "EUR/USD", price_scale=4)
