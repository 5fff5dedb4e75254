"""The notifier, told by health records of a home what is wrong, against a real HTTP endpoint."""

import logging
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from candlewick import health
from candlewick.health import Condition, Health
from candlewick.live.stream_health import StreamHealth, to_fact
from candlewick.local import programs, supervisor
from candlewick.local.home import Home, prepare
from candlewick.settings import Settings
from candlewick.times import now_us
from candlewick.watch import judge, told
from streaming import notifier
from streaming.notifier import Notifier
from tests.endpoint import Endpoint, listening

TRADES = "kraken:btcusd:trades"


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with listening() as made:
        yield made


@pytest.fixture(autouse=True)
def no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CONNECTED_GRACE_US", "STREAM_GRACE_US", "RECORDER_GRACE_US"):
        monkeypatch.setattr(judge, name, 0)
    monkeypatch.setattr(told, "OVER_US", 0)


def settings_of(home: Path, url: str) -> Settings:
    return Settings(_env_file=None, home=home, notify_url=SecretStr(url))  # type: ignore[call-arg]


def say(home: Path, *, connected: bool = True, problem: str = "") -> None:
    """The workers speak."""
    facts = {"connected": "yes" if connected else "no", "configured": "yes", "trouble": "dropped"}
    facts[TRADES] = to_fact(StreamHealth("streaming", problem=problem))
    health.write(home, Health("kraken", now_us(), Condition.OK, "as the test says", facts))
    health.write(home, Health("recorder", now_us(), Condition.OK, "1 series recorded"))


def turn(worker: Notifier) -> Health:
    with worker:
        return worker.turn()


def test_a_trouble_and_its_end_are_told_once_also_over_restarts(tmp_path: Path, endpoint: Endpoint) -> None:
    settings = settings_of(tmp_path, endpoint.url)
    say(tmp_path)
    turn(Notifier(settings))
    assert endpoint.taken == []
    say(tmp_path, connected=False)

    for _ in range(3):
        turn(Notifier(settings))

    (first,) = endpoint.texts()
    assert first.startswith("Candlewick: 1 new: kraken: connected: Not connected: dropped.")
    assert "`candlewick restart kraken`" in first
    say(tmp_path)
    for _ in range(3):
        turn(Notifier(settings))
    assert len(endpoint.taken) == 2
    assert endpoint.texts()[1].startswith("Candlewick: 1 over: over after 0 min: kraken: connected")


def test_a_stuck_stream_is_told(tmp_path: Path, endpoint: Endpoint) -> None:
    say(tmp_path, problem="EQuery:Unknown asset pair")

    turn(Notifier(settings_of(tmp_path, endpoint.url)))

    assert endpoint.texts() == [f"Candlewick: 1 new: {TRADES} does not move: EQuery:Unknown asset pair"]


def test_an_address_that_refuses_is_tried_again_and_the_other_is_told_once(
    tmp_path: Path, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notifier, "FIRST_WAIT_S", 0.2)
    with listening() as other:
        settings = settings_of(tmp_path, f"{endpoint.url}, {other.url}")
        other.refuses = True
        say(tmp_path, connected=False)
        with Notifier(settings) as worker:
            record = worker.turn()
            assert record.condition is Condition.WAITING
            assert record.summary == "address 2 (json) does not take what it is told"
            assert (len(endpoint.taken), len(other.taken)) == (1, 0)
            other.refuses = False
            end = time.monotonic() + 30
            while not other.taken and time.monotonic() < end:
                record = worker.turn()
        assert (len(endpoint.taken), len(other.taken)) == (1, 1)
        assert record.condition is Condition.OK


def test_what_is_secret_is_shown_nowhere(
    tmp_path: Path, endpoint: Endpoint, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    settings = settings_of(tmp_path, endpoint.url)
    endpoint.refuses = True
    say(tmp_path, connected=False)
    with caplog.at_level(logging.DEBUG):
        record = turn(Notifier(settings))
        endpoint.refuses = False
        turn(Notifier(settings))

    assert len(endpoint.taken) == 1
    kept = notifier.file(settings).read_text(encoding="utf-8")
    out, err = capfd.readouterr()
    home = prepare(settings)
    config = supervisor.render(home, programs.all_programs(settings, home), programs.environment(settings))
    for shown in (repr(settings), str(record), kept, caplog.text, out, err, config):
        assert "hidden-word" not in shown


def test_an_address_that_is_none_is_named_by_its_number(tmp_path: Path) -> None:
    say(tmp_path)

    record = turn(Notifier(settings_of(tmp_path, "nosuch://hidden-word@example.org")))

    assert record.condition is Condition.DEGRADED
    assert record.summary == "CANDLEWICK_NOTIFY_URL: address 1 (nosuch) is no address that Apprise knows"


def test_it_runs_only_where_there_is_an_address(tmp_path: Path) -> None:
    def names(url: str) -> set[str]:
        settings = settings_of(tmp_path, url)
        return {program.name for program in programs.all_programs(settings, Home(tmp_path))}

    assert programs.NOTIFIER not in names("")
    assert programs.NOTIFIER in names("json://localhost/hook")


def test_addresses_are_separated_by_commas() -> None:
    given = "json://a.example/x?to=1,2, slack://one/two/three ,mailto://user:word@example.org"
    settings = settings_of(Path("unused"), given)

    assert settings.notify_urls == [
        "json://a.example/x?to=1,2", "slack://one/two/three", "mailto://user:word@example.org"
    ]  # fmt: skip
