"""What people write for a time."""

import pytest

from candlewick.errors import CandlewickError
from candlewick.times import HOUR_US, iso, parse_time


def test_without_a_zone_it_is_utc() -> None:
    assert iso(parse_time("2019-02-04T10:30")) == "2019-02-04T10:30:00Z"
    assert parse_time("2019-02-04T10:30+02:00") == parse_time("2019-02-04T10:30Z") - 2 * HOUR_US


@pytest.mark.parametrize("text", ["", "yesterday", "2019-13-01", "9999-12-31T23:59-10:00"])
def test_what_is_no_time_is_said(text: str) -> None:
    with pytest.raises(CandlewickError, match="is not a time"):
        parse_time(text)
