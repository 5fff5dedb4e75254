"""What a person types about live streams."""

import json
import subprocess

from candlewick.store.series import SeriesState
from candlewick.times import SECOND_US, iso, now_us, parse_time

from .conftest import COMMAND, QUOTES, TRADES, Live


def test_status_has_a_line_for_each_stream(live: Live) -> None:
    found = {one["name"]: one for one in json.loads(live.run("status", "--json").stdout)["streams"]}

    assert set(found) == {TRADES.name, QUOTES.name}
    trades = found[TRADES.name]
    assert (trades["state"], trades["worker"], trades["problem"]) == ("streaming", "kraken", "")
    assert trades["events"] > 0
    assert trades["lag_ms"] < 5000
    assert abs(parse_time(trades["last_event"]) - now_us()) < 60 * SECOND_US
    text = live.run("status").stdout
    assert [line for line in text.splitlines() if line.startswith(TRADES.name) and "streaming" in line]


def test_tail_shows_events_as_they_happen(live: Live) -> None:
    live.await_streaming()
    shown = live.run("tail", TRADES.name, "--limit", "5")

    assert shown.returncode == 0, shown.stderr
    lines = shown.stdout.splitlines()
    assert len(lines) == 5
    for line in lines:
        time, _, text = line.partition("  ")
        assert abs(parse_time(time) - now_us()) < 60 * SECOND_US
        assert text.startswith(("buy ", "sell"))
        assert "#" in text


def test_tail_as_json_from_a_moment_on_without_loss(live: Live) -> None:
    live.await_streaming()
    start = now_us()
    shown = live.run("tail", TRADES.name, "--json", "--limit", "150", "--from", iso(start))

    assert shown.returncode == 0, shown.stderr
    events = [json.loads(line) for line in shown.stdout.splitlines()]
    ids = [event["trade_id"] for event in events if event["origin"] == "stream"]
    assert ids == list(range(ids[0], ids[0] + len(ids)))
    assert all(event["publish_ns"] // 1000 >= start - 2 * SECOND_US for event in events)
    assert events[0]["type"] == "trade"
    assert "." in events[0]["price"]


def test_tail_of_quotes_by_an_instrument(live: Live) -> None:
    several = live.run("tail", "BTC/USD", "--limit", "1")
    one = live.run("tail", QUOTES.name, "--limit", "1")

    assert several.returncode == 2
    assert f"choose one of {QUOTES.name}, {TRADES.name}" in several.stderr
    assert "bid " in one.stdout
    assert " ask " in one.stdout


def test_tail_with_continuity_marks_gaps(live: Live) -> None:
    live.await_streaming()
    start = iso(now_us() - 1 * SECOND_US)
    live.venue.set_faults("skip:symbol=BTC/USD,count=7")
    process = subprocess.Popen(
        [COMMAND, "tail", TRADES.name, "--continuity", "--json", "--from", start],
        env=live.environment(),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    kinds: list[str] = []
    try:
        for line in process.stdout:
            row = json.loads(line)
            if row["type"] == "continuity":
                assert row["kind"] != "complete"
                kinds.append(row["kind"])
            if kinds[-2:] == ["gap", "filled"]:
                break
    finally:
        process.terminate()
        # First: nobody reads any more what it may be writing.
        process.stdout.close()
        process.wait(30)
    assert kinds[-2:] == ["gap", "filled"]


def test_tail_of_what_is_not_streamed_says_so(live: Live) -> None:
    history = live.run("tail", "dukascopy:eurusd:quotes")
    other = live.run("tail", "kraken:ethusd:trades")
    nothing = live.run("tail", "kraken:ethusd:candles")
    ticker = live.run("tail", "kraken:ethusd:ticker")

    assert {one.returncode for one in (history, other, nothing, ticker)} == {2}
    assert "`candlewick tail kraken:ethusd:quotes`" in ticker.stderr
    assert "is not streamed: dukascopy has a history only" in history.stderr
    assert "`candlewick add kraken:ethusd:trades`" in other.stderr
    assert TRADES.name in other.stderr
    assert "is not a series" in nothing.stderr


def test_tail_of_what_rests_or_is_still_to_come_says_so_and_ends(live: Live) -> None:
    ahead = live.run("tail", TRADES.name, "--from", "2090-01-01")
    live.landing.store.set_series_state([QUOTES.name], SeriesState.PAUSED)
    try:
        resting = live.run("tail", QUOTES.name, "--limit", "1")
    finally:
        live.landing.store.set_series_state([QUOTES.name], SeriesState.COLLECTED)
    live.await_streaming()

    assert ahead.returncode == resting.returncode == 2
    assert "2090-01-01 is still to come" in ahead.stderr
    assert f"`candlewick resume {QUOTES.name}`" in resting.stderr


def test_a_tail_that_runs_says_that_its_series_rests_and_that_it_goes_on(live: Live) -> None:
    live.await_streaming()
    process = subprocess.Popen(
        [COMMAND, "tail", QUOTES.name, "--json"], env=live.environment(), stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    said: list[bool] = []
    try:
        for line in process.stdout:
            row = json.loads(line)
            if row["type"] == "standing":
                said.append(row["streamed"])
            if said == [False, True]:
                break
            wanted = SeriesState.COLLECTED if said else SeriesState.PAUSED
            live.landing.store.set_series_state([QUOTES.name], wanted)
    finally:
        live.landing.store.set_series_state([QUOTES.name], SeriesState.COLLECTED)
        process.terminate()
        process.stdout.close()
        process.wait(30)
    assert said == [False, True]
    live.await_streaming()


def test_restart_by_hand_says_how_a_worker_is_once_it_is_more_than_waiting(live: Live) -> None:
    live.await_streaming()
    done = live.run("restart", "kraken", "--json")
    assert "streaming 2 series" in json.loads(done.stdout)["text"]


def test_restart_by_hand_leaves_alone_what_is_well(live: Live) -> None:
    left = live.run("restart", "guard", "--if-stuck", "--json")
    done = live.run("restart", "guard", "--json")
    wrong = live.run("restart", "postgres")

    assert json.loads(left.stdout)["done"] is False
    found = json.loads(done.stdout)
    assert found["done"] is True
    assert found["old_pid"] != found["new_pid"]
    assert wrong.returncode == 2
    assert "kraken, oanda, recorder, refresher, guard" in wrong.stderr
