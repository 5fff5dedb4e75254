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
    loaded = load_day(SERIES, MONDAY, bench.archive)
    assert loaded is not None
    assert {us: (h.hash, h.revision, h.state) for us, h in loaded.hours.items()} == {
        h.hour_us: (h.hash, h.revision, h.state) for h in fetched.hours
    }
    assert (loaded.damaged, loaded.outdated) == ([], set())


def test_what_came_by_another_transport_is_read_whatever_is_asked_now(bench: Bench) -> None:
    """An archive made by the JSON feed, which may have been switched off since."""
    bench.serve_json(FULL)
    fetched = bench.fetch()
    bench.venue.transports = ()
    loaded = load_day(SERIES, MONDAY, bench.archive)
    assert loaded is not None
    assert {us: h.hash for us, h in loaded.hours.items()} == {h.hour_us: h.hash for h in fetched.hours}
    assert bench.fetch(recheck=True).changed == set()


def test_what_came_by_a_transport_that_nobody_knows_is_named_and_left_out(bench: Bench) -> None:
    bench.serve_hours(FULL)
    bench.fetch()
    manifest = bench.archive.read_day(SERIES, MONDAY)
    assert manifest is not None
    name = manifest.hours[DAY + 7 * HOUR_US].objects[0]
    stranger = replace(manifest.objects[name], transport="carrier-pigeon")
    bench.archive.write_day(SERIES, replace(manifest, objects={**manifest.objects, name: stranger}))
    loaded = load_day(SERIES, MONDAY, bench.archive)
    assert loaded is not None
    assert len(loaded.hours) == 23
    assert "carrier-pigeon" in loaded.damaged[0]
    assert loaded.outdated == set()


def test_hours_of_a_damaged_object_are_absent_and_it_is_named(bench: Bench) -> None:
    bench.serve_hours(FULL)
    bench.fetch()
    (file,) = bench.folder.rglob("*-07h_ticks.bi5")
    file.write_bytes(file.read_bytes()[:-1])
    loaded = load_day(SERIES, MONDAY, bench.archive)
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
    renewed = renew_day(SERIES, MONDAY, bench.archive, now_us=LATER)
    assert renewed is not None
    assert renewed.outdated == {DAY + 3 * HOUR_US}
    assert renewed.hours[DAY + 3 * HOUR_US].revision > revisions(before)[3]
    again = renew_day(SERIES, MONDAY, bench.archive, now_us=LATER)
    assert again is not None
    assert again.outdated == set()
    assert again.hours[DAY + 3 * HOUR_US].revision == renewed.hours[DAY + 3 * HOUR_US].revision


def test_an_archive_of_another_scale_is_refused(bench: Bench) -> None:
    bench.serve_hours(FULL)
    bench.fetch()
    other = replace(SERIES, price_scale=3)
    with pytest.raises(CandlewickError, match="archived with 5 price decimals"):
        load_day(other, MONDAY, bench.archive)
