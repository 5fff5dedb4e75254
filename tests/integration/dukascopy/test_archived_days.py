"""Days archived from a scripted venue, decoded again without it."""

from dataclasses import replace

import pytest

from candlewick.dukascopy import bi5
from candlewick.dukascopy.archived_days import load_day, renew_day
from candlewick.errors import CandlewickError
from candlewick.times import HOUR_US
from tests.integration.dukascopy.bench import (
    DAY,
    DAY_OBJECT,
    FULL,
    LATER,
    MONDAY,
    SERIES,
    Bench,
    day_object,
    revisions,
)


def test_what_is_archived_is_read_without_network(bench: Bench) -> None:
    bench.server.files[DAY_OBJECT] = day_object(FULL)
    fetched = bench.fetch()
    loaded = load_day(SERIES, MONDAY, bench.archive, bench.venue.transports)
    assert loaded is not None
    assert {us: (h.hash, h.revision, h.state) for us, h in loaded.hours.items()} == {
        h.hour_us: (h.hash, h.revision, h.state) for h in fetched.hours
    }
    assert (loaded.damaged, loaded.outdated) == ([], set())


def test_hours_of_a_damaged_object_are_absent_and_it_is_named(bench: Bench) -> None:
    bench.serve_hours(FULL)
    bench.fetch()
    (file,) = bench.folder.rglob("*-07h_ticks.bi5")
    file.write_bytes(file.read_bytes()[:-1])
    loaded = load_day(SERIES, MONDAY, bench.archive, bench.venue.transports)
    assert loaded is not None
    assert len(loaded.hours) == 23
    assert file.name in loaded.damaged[0]


def test_a_mended_codec_gives_new_revisions(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.serve_hours(FULL)
    before = bench.fetch()
    decode = bi5.decode_hour

    def mended(body: bytes) -> object:
        quotes = decode(body)
        return type(quotes)(quotes.us, quotes.bid + (quotes.us[0] == 3000), *quotes.columns()[2:])

    monkeypatch.setattr(bi5, "decode_hour", mended)
    renewed = renew_day(SERIES, MONDAY, bench.archive, bench.venue.transports, now_us=LATER)
    assert renewed is not None
    assert renewed.outdated == {DAY + 3 * HOUR_US}
    assert renewed.hours[DAY + 3 * HOUR_US].revision > revisions(before)[3]
    again = renew_day(SERIES, MONDAY, bench.archive, bench.venue.transports, now_us=LATER)
    assert again is not None
    assert again.outdated == set()
    assert again.hours[DAY + 3 * HOUR_US].revision == renewed.hours[DAY + 3 * HOUR_US].revision


def test_an_archive_of_another_scale_is_refused(bench: Bench) -> None:
    bench.serve_hours(FULL)
    bench.fetch()
    other = replace(SERIES, price_scale=3)
    with pytest.raises(CandlewickError, match="archived with 5 price decimals"):
        load_day(other, MONDAY, bench.archive, bench.venue.transports)
