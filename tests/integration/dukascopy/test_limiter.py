"""The shared limiter against a real PostgreSQL. Time is the database's; nothing here waits for real."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import date

import psycopg
import pytest
from psycopg.rows import dict_row

from candlewick.dukascopy.limiter import (
    PATIENCE_S,
    DatabaseLimiter,
    HostClosedError,
    LimiterUnavailableError,
    Outcome,
    day_lock,
    is_local,
)
from candlewick.errors import CandlewickError
from candlewick.instruments import dukascopy_series, find
from candlewick.settings import Settings
from candlewick.store import Store

HOST = "datafeed.example"


class Waits(list[float]):
    """Remembers how long it was told to sleep, and does not."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


def settings(rate: float | None = None) -> Settings:
    return Settings(_env_file=None, dukascopy_rate=rate)  # type: ignore[call-arg]


@pytest.fixture
def waits() -> Waits:
    return Waits()


@pytest.fixture
def limiter(database_url: str, waits: Waits) -> Iterator[DatabaseLimiter]:
    with DatabaseLimiter(database_url, settings(1.0), sleep=waits) as limiter:
        yield limiter


def row(database_url: str, host: str = HOST) -> dict[str, object]:
    with psycopg.connect(database_url, row_factory=dict_row) as connection:
        found = connection.execute("SELECT * FROM venue_host WHERE host = %s", [host]).fetchone()
    assert found is not None
    return found


def rewind(database_url: str, seconds: float) -> None:
    """Let time pass: move all moments of the row into the past."""
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "UPDATE venue_host SET next_at = next_at - make_interval(secs => %(s)s),"
            " blocked_until = blocked_until - make_interval(secs => %(s)s),"
            " slowed_at = slowed_at - make_interval(secs => %(s)s)",
            {"s": seconds},
        )


def ask(limiter: DatabaseLimiter, outcome: Outcome, times: int = 1) -> None:
    for _ in range(times):
        limiter.acquire(HOST)
        limiter.report(HOST, outcome)


def test_turns_are_a_rate_apart(limiter: DatabaseLimiter, waits: Waits) -> None:
    for _ in range(4):
        limiter.acquire(HOST)
    assert [round(wait) for wait in waits] == [1, 2, 3]


def test_processes_share_one_pace(database_url: str) -> None:
    program = (
        "import sys\n"
        "from candlewick.dukascopy.limiter import DatabaseLimiter\n"
        "from candlewick.settings import Settings\n"
        "waits = []\n"
        "settings = Settings(_env_file=None, dukascopy_rate=0.1)\n"
        "with DatabaseLimiter(sys.argv[1], settings, sleep=waits.append) as limiter:\n"
        "    for _ in range(5): limiter.acquire('datafeed.example')\n"
        "print(*waits)\n"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", program, database_url], stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    outputs = [process.communicate(timeout=60)[0] for process in processes]
    waits = sorted(float(wait) for output in outputs for wait in output.split())
    # Fifteen turns ten seconds apart: the last lies 140 s after the first, less what starting took.
    assert 110 < waits[-1] <= 140
    assert row(database_url)["requests"] == 15


def test_threads_share_one_pace(limiter: DatabaseLimiter, waits: Waits) -> None:
    threads = [threading.Thread(target=limiter.acquire, args=[HOST]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 6.0 < max(waits) < 7.1


def test_a_refusal_halves_the_rate_and_pauses(limiter: DatabaseLimiter, database_url: str) -> None:
    ask(limiter, Outcome.THROTTLED)
    first = row(database_url)
    assert first["rate"] == 0.5
    assert (first["throttled"], first["last_outcome"]) == (1, "throttled")
    # Refused together, slowed once.
    limiter.report(HOST, Outcome.THROTTLED)
    assert row(database_url)["rate"] == 0.5
    rewind(database_url, 20)
    limiter.report(HOST, Outcome.THROTTLED)
    assert row(database_url)["rate"] == 0.25


def test_retry_after_is_honoured_by_everybody(
    limiter: DatabaseLimiter, database_url: str, waits: Waits
) -> None:
    limiter.acquire(HOST)
    limiter.report(HOST, Outcome.THROTTLED, retry_after_s=40)
    with DatabaseLimiter(
        database_url, settings(1.0), sleep=lambda s: (waits.append(s), rewind(database_url, s))[0]
    ) as other:
        other.acquire(HOST)
    assert 38 < waits[0] <= 40


def test_whoever_waits_learns_of_a_refusal(database_url: str) -> None:
    waits: list[float] = []

    def sleep(seconds: float) -> None:
        waits.append(seconds)
        if len(waits) == 1:
            other.report(HOST, Outcome.THROTTLED, retry_after_s=30)
        else:
            rewind(database_url, seconds + 1)

    with (
        DatabaseLimiter(database_url, settings(1.0), sleep=sleep) as limiter,
        DatabaseLimiter(database_url, settings(1.0)) as other,
    ):
        limiter.acquire(HOST)
        limiter.acquire(HOST)
    assert len(waits) == 2
    assert waits[1] > 25


def test_a_wait_beyond_patience_is_refused(limiter: DatabaseLimiter, database_url: str) -> None:
    limiter.acquire(HOST)
    limiter.report(HOST, Outcome.THROTTLED, retry_after_s=PATIENCE_S + 60)
    with pytest.raises(HostClosedError) as closed:
        limiter.acquire(HOST)
    assert closed.value.wait_s > PATIENCE_S
    assert row(database_url)["requests"] == 1


def test_the_rate_rises_slowly(limiter: DatabaseLimiter, database_url: str) -> None:
    ask(limiter, Outcome.ANSWERED, 19)
    assert row(database_url)["rate"] == 1.0
    ask(limiter, Outcome.ANSWERED)
    assert row(database_url)["rate"] == 1.25
    for _ in range(600):
        limiter.report(HOST, Outcome.ANSWERED)
    assert row(database_url)["rate"] == 8.0


def test_failures_open_the_circuit_and_a_probe_closes_it(limiter: DatabaseLimiter, database_url: str) -> None:
    ask(limiter, Outcome.FAILED, 5)
    assert row(database_url)["circuit"] == "open"
    with pytest.raises(HostClosedError, match="has no turn"):
        limiter.acquire(HOST)
    rewind(database_url, 60)
    limiter.acquire(HOST)
    assert row(database_url)["circuit"] == "half-open"
    with pytest.raises(HostClosedError):
        limiter.acquire(HOST)  # one probe at a time
    limiter.report(HOST, Outcome.ANSWERED)
    assert row(database_url)["circuit"] == "closed"
    limiter.acquire(HOST)


def test_a_failed_probe_waits_longer(limiter: DatabaseLimiter, database_url: str) -> None:
    ask(limiter, Outcome.UNREACHABLE, 3)
    with pytest.raises(HostClosedError) as first:
        limiter.acquire(HOST)
    rewind(database_url, 60)
    ask(limiter, Outcome.FAILED)
    with pytest.raises(HostClosedError) as second:
        limiter.acquire(HOST)
    assert first.value.wait_s < 38 < second.value.wait_s


def test_a_probe_that_was_killed_is_followed_by_another(limiter: DatabaseLimiter, database_url: str) -> None:
    ask(limiter, Outcome.FAILED, 5)
    rewind(database_url, 60)
    limiter.acquire(HOST)
    rewind(database_url, 130)
    limiter.acquire(HOST)


def test_an_answer_ends_a_row_of_failures(limiter: DatabaseLimiter, database_url: str) -> None:
    for _ in range(5):
        ask(limiter, Outcome.FAILED, 4)
        ask(limiter, Outcome.ANSWERED)
    assert row(database_url)["circuit"] == "closed"


def test_the_learned_rate_outlives_the_process(limiter: DatabaseLimiter, database_url: str) -> None:
    ask(limiter, Outcome.THROTTLED)
    with DatabaseLimiter(database_url, settings(1.0)) as again:
        assert again.pace(HOST).rate == 1.0
    assert row(database_url)["rate"] == 0.5
    rewind(database_url, 60)
    with DatabaseLimiter(database_url, settings(2.0)) as other_setting:
        other_setting.acquire(HOST)
    assert row(database_url)["rate"] == 2.0


@pytest.mark.parametrize("rate", [None, 0.0])
def test_a_venue_on_this_machine_is_not_paced(database_url: str, waits: Waits, rate: float | None) -> None:
    with DatabaseLimiter(database_url, settings(rate), sleep=waits) as limiter:
        for _ in range(20):
            limiter.acquire("127.0.0.1:8090")
            limiter.report("127.0.0.1:8090", Outcome.ANSWERED)
        assert waits == []
    assert limiter.pace("datafeed.dukascopy.com").rate == 1.0


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("127.0.0.1:80", True),
        ("127.0.0.1", True),
        ("localhost:8090", True),
        ("[::1]:80", True),
        ("datafeed.dukascopy.com", False),
        ("datafeed.dukascopy.com:443", False),
        ("127.0.0.1.example.com", False),
        ("10.0.0.1:80", False),
    ],
)
def test_what_is_local(host: str, *, local: bool) -> None:
    assert is_local(host) is local


def test_without_its_database_nothing_is_asked(database_url: str) -> None:
    nowhere = database_url.rpartition("/")[0] + "/not_there"
    limiter = DatabaseLimiter(nowhere, settings(1.0), connect_timeout_s=0.5)
    with (
        limiter,
        pytest.raises(LimiterUnavailableError, match="no request is made without the shared limiter"),
    ):
        limiter.acquire(HOST)


def test_one_process_at_a_time_has_a_day(database_url: str) -> None:
    series = dukascopy_series(find("eurusd"))
    day, other_day = date(2019, 2, 4), date(2019, 2, 5)
    entered, leave = threading.Event(), threading.Event()
    order: list[str] = []

    def holder() -> None:
        with Store(database_url) as store, day_lock(store, series, day):
            entered.set()
            leave.wait(20)
            order.append("first")

    def follower() -> None:
        with Store(database_url) as store, day_lock(store, series, day):
            order.append("second")

    first, second = threading.Thread(target=holder), threading.Thread(target=follower)
    first.start()
    assert entered.wait(20)
    second.start()
    with Store(database_url) as store, day_lock(store, series, other_day):
        order.append("another day")
    leave.set()
    first.join()
    second.join()
    assert order == ["another day", "first", "second"]


def test_a_day_that_is_held_too_long(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("candlewick.dukascopy.limiter._LOCK_PATIENCE_S", 0.05)
    series = dukascopy_series(find("eurusd"))
    day = date(2019, 2, 4)
    with (
        Store(database_url) as store,
        day_lock(store, series, day),
        pytest.raises(CandlewickError, match="being fetched by another process"),
        day_lock(store, series, day),
    ):
        pytest.fail("two hold the day")
