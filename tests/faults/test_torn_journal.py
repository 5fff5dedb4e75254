"""A broker killed while it writes: the entry that was cut short goes, what was acknowledged stays.

A kill in the middle of a write cannot be timed, so what it leaves is made by hand: half an entry, and zeros.
"""

import os
import re
import secrets
import signal
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import google_crc32c
import psutil
import pytest

from candlewick import access, topics
from candlewick.health import Condition
from candlewick.instruments import Series
from candlewick.local import programs, pulsar, supervisor
from candlewick.local import servers as local_servers
from candlewick.local.home import Home
from candlewick.settings import Settings
from candlewick.store import Store
from streaming import guard
from tests.conftest import HEAP_MIB, make_settings, running, temporary_home
from tests.faults.guarding import await_said, await_well
from tests.integration.bus.sinks import Sinks, hour, sinks
from tests.waiting import until

LENGTH, PADDING = struct.Struct(">i"), -0x100


@pytest.fixture(scope="module")
def landing() -> Iterator[Sinks]:
    """Servers and a guard of this module's own."""
    with temporary_home() as home, running(make_settings(home)) as settings:
        with Store(access.database_url(settings)) as store:
            store.migrate()
        with sinks(settings) as ready:
            local_servers.start(settings, (programs.GUARD,), heap_mib=HEAP_MIB)
            yield ready
            supervisor.stop_program(Home(home), programs.GUARD)


def newest_entry(landing: Sinks, series: Series) -> tuple[int, int]:
    """Ledger and number of the last entry of a topic."""
    path = topics.hour_topic(series).replace("persistent://", "persistent/")
    answer = landing.admin._get(f"/admin/v2/{path}/internalStats")
    ledger, entry = answer["lastConfirmedEntry"].split(":")
    return int(ledger), int(entry)


def end_of(journal: bytes) -> int:
    """Where the next record would be written."""
    at = 512
    while (length := LENGTH.unpack_from(journal, at)[0]) != 0:
        if length == PADDING:
            length = LENGTH.unpack_from(journal, at + 4)[0] + 4
        at += 4 + length
    return at


def cut_short(home: Path, ledger: int, entry: int) -> None:
    """Writes half of the entry that would have come next."""
    journal = max((home / "pulsar/bookkeeper/current").glob("*.txn"), key=lambda one: int(one.stem, 16))
    payload = secrets.token_bytes(100_000)
    head = struct.pack(">qqqq", ledger, entry, entry - 1, len(payload))
    whole = head + google_crc32c.value(head + payload).to_bytes(4, "big") + payload
    at = end_of(journal.read_bytes())
    with journal.open("r+b") as file:
        file.seek(at)
        file.write(LENGTH.pack(len(whole)) + whole[: len(whole) // 2])
        # The file is longer than the entry would be: it is allocated ahead.
        file.truncate(max(journal.stat().st_size, at + 2 * len(whole)))


@contextmanager
def killed(settings: Settings) -> Iterator[None]:
    """Inside the block the broker is dead; afterwards the supervisor finds it so."""
    home = Home(settings.home)
    keeper = psutil.Process(int((home.run / "supervisord.pid").read_text()))
    broker = psutil.Process(supervisor.states(home)[programs.PULSAR].pid)
    keeper.suspend()
    try:
        os.kill(broker.pid, signal.SIGKILL)
        until("it is dead", lambda: broker.status() == psutil.STATUS_ZOMBIE)
        yield
    finally:
        keeper.resume()


def kill_within_a_write(landing: Sinks, series: Series) -> None:
    ledger, entry = newest_entry(landing, series)
    with killed(landing.settings):
        cut_short(landing.settings.home, ledger, entry + 1)
    until("the broker is back", lambda: pulsar.is_ready(landing.settings), 180)


def test_the_entry_goes_and_the_topic_goes_on(landing: Sinks) -> None:
    series = landing.add_series()
    before, after = [[hour(series, n) for n in range(first, first + 5)] for first in (0, 5)]
    landing.bus.publish_hours(series, before)
    until("they have landed", lambda: landing.landed(series, before))
    refused = hour(series, 20, price_scale=4)
    landing.bus.publish_hours(series, [refused])
    assert guard.discard(landing.settings, series, refused.hour_us) == 1

    kill_within_a_write(landing, series)
    log = (landing.settings.home / "logs" / "pulsar.log").read_text(encoding="utf-8", errors="replace")
    assert re.search(r"entry \d+ of ledger \d+ was cut short", log)
    assert landing.bus.publish_hours(series, after).messages == len(after)
    until("all have landed", lambda: landing.landed(series, [*before, *after]), 90)
    until("nothing is owed", lambda: landing.owed(series) == 0, 30)
    await_well(landing.settings)


def test_a_topic_that_cannot_be_opened_is_told_and_made_anew(landing: Sinks) -> None:
    """What a home looks like whose broker was killed so before entries were taken out."""
    lost, sound = landing.add_series(), landing.add_series()
    hours = [hour(lost, n) for n in range(5)]
    landing.bus.publish_hours(lost, hours)
    until("they have landed", lambda: landing.landed(lost, hours))
    script = landing.settings.home / "run" / "pulsar.sh"
    as_written = script.read_text(encoding="utf-8")
    script.write_text(re.sub(r"(?m)^.*candlewick\.local\.journal.*$", "", as_written), encoding="utf-8")
    try:
        kill_within_a_write(landing, lost)
    finally:
        script.write_text(as_written, encoding="utf-8")

    await_said(
        landing.settings,
        "it is told",
        lambda record: record.condition is Condition.DEGRADED and lost.name in record.summary,
        120,
    )
    others = [hour(sound, n) for n in range(5)]
    landing.bus.publish_hours(sound, others)

    # What `remove` and `add` do. Until then Pulsar's sink, which reads all topics or none, lands nothing.
    landing.admin.delete_series(lost)
    landing.admin.ensure_series(lost)
    more = [hour(lost, n) for n in range(5, 10)]
    landing.bus.publish_hours(lost, more)
    until("all land", lambda: landing.landed(lost, [*hours, *more]) and landing.landed(sound, others), 120)
    await_well(landing.settings)
