"""Names of topics and sinks: one series one topic, taken by its own sink alone."""

import re

from hypothesis import given
from hypothesis import strategies as st

from candlewick import topics
from candlewick.instruments import AssetClass, Kind, Series
from candlewick.local.pulsar import PATTERN_MAX_LENGTH

SYMBOLS = st.from_regex(r"[a-z0-9]{1,20}", fullmatch=True)


def series(venue: str, symbol: str, kind: Kind) -> Series:
    return Series(venue, symbol, kind, AssetClass.FOREX, 5, 0, "fx")


@given(SYMBOLS, SYMBOLS, st.sampled_from(list(Kind)), st.sampled_from(list(Kind)))
def test_a_topic_is_taken_by_the_sink_of_its_kind_only(venue: str, symbol: str, kind: Kind, of: Kind) -> None:
    topic = topics.hour_topic(series(venue, symbol, kind))
    assert topics.is_hour_topic(topic, of) == (of is kind)


@given(SYMBOLS, SYMBOLS, st.sampled_from(list(Kind)))
def test_a_topic_tells_its_series(venue: str, symbol: str, kind: Kind) -> None:
    wanted = series(venue, symbol, kind)
    assert topics.series_name(topics.hour_topic(wanted)) == wanted.name


def test_the_broker_evaluates_the_sinks_patterns_itself() -> None:
    # Longer ones are polled by the client, once a minute.
    assert max(len(topics.hour_topic_pattern(kind)) for kind in Kind) <= PATTERN_MAX_LENGTH


def test_local_names_hold_no_slash() -> None:
    local = topics.hour_topic(series("dukascopy", "eurusd", Kind.QUOTES)).removeprefix("persistent://")
    assert re.fullmatch(r"market-data/historical/[^/]+", local)
