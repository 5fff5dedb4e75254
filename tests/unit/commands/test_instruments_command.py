"""`candlewick instruments` as a user and as a program see it."""

import json

import pytest
import typer
from typer.testing import CliRunner, Result

from candlewick.commands import instruments
from candlewick.errors import CandlewickError


def run(*arguments: str) -> Result:
    app = typer.Typer()
    instruments.register(app)
    return CliRunner(env={"COLUMNS": "140"}).invoke(app, arguments)


def test_one_instrument_is_shown_with_all_that_is_known() -> None:
    shown = run("EUR/USD").output
    assert "dukascopy:eurusd:quotes" in shown
    assert "5 decimals" in shown
    assert "Sun 17:00 - Fri 17:00 America/New_York (forex)" in shown
    assert "2003-05-04T19:00:00Z" in shown


def test_several_words_search_descriptions() -> None:
    shown = run("deutsche", "bank").output
    assert "DBK.DE/EUR" in shown
    assert "Mon 09:00 - Fri 17:30, pause 17:30 - 09:00 Europe/Berlin" in shown


def test_what_is_not_certain_is_said() -> None:
    assert "not certain" in run("XLM/USD").output
    assert "not known: every hour is asked for" in run("ARKI").output


def test_a_long_list_ends_with_how_to_see_the_rest() -> None:
    short, long = run("us"), run("us", "--all")
    assert "--all lists them" in short.output
    assert "--all lists them" not in long.output
    assert long.output.count("\n") > 10 * short.output.count("\n")


def test_json_holds_all_that_is_found() -> None:
    found = json.loads(run("gold", "--json").output)
    assert found[0]["symbol"] == "xauusd"
    assert found[0]["series"] == "dukascopy:xauusd:quotes"
    assert found[0]["week"] == "Sun 18:00 - Fri 17:00, pause 17:00 - 18:00"
    assert found[0]["open_now"] in (True, False)
    assert len(json.loads(run("--json").output)) == 1622


@pytest.mark.parametrize(("text", "way_on"), [("eurusdd", "EUR/USD"), ("qqqqqqqqqqqq", "shorter part")])
def test_nothing_found_says_what_else_to_try(text: str, way_on: str) -> None:
    error = run(text).exception
    assert isinstance(error, CandlewickError)
    assert way_on in str(error)
