"""What counts as landed."""

from datetime import date

import pytest

from candlewick.history import _has_arrived, rebuild_command
from candlewick.hours import HourState
from candlewick.store import LandedHour
from tests.unit.test_export import EURUSD

DATA, PENDING, CLOSED = HourState.DATA, HourState.PENDING, HourState.CLOSED


@pytest.mark.parametrize(
    ("sent", "row", "arrived"),
    [
        ((DATA, 5, b"a"), (DATA, 5, b"a"), True),
        ((DATA, 5, b"a"), (DATA, 6, b"a"), True),
        # The venue went back to what it had: what it had in between is still on its way.
        ((DATA, 5, b"a"), (DATA, 3, b"a"), False),
        ((DATA, 5, b"a"), (DATA, 3, b"b"), False),
        ((DATA, 5, b"a"), (DATA, 6, b"b"), True),
        ((DATA, 5, b"a"), (CLOSED, 6, b"b"), True),
        ((DATA, 5, b"a"), (PENDING, 6, b"a"), False),
        ((PENDING, 5, b"a"), (DATA, 3, b"b"), True),
        ((PENDING, 5, b"a"), (PENDING, 4, b"b"), False),
    ],
)
def test_a_row_is_what_was_sent_or_takes_its_place(
    sent: tuple[HourState, int, bytes], row: tuple[HourState, int, bytes], *, arrived: bool
) -> None:
    state, revision, content_hash = row
    assert _has_arrived(*sent, LandedHour(state, revision, content_hash, 0)) is arrived


def test_a_remedy_can_be_typed() -> None:
    days = [date(2019, 2, 27), date(2019, 2, 28)]
    assert rebuild_command(EURUSD, days, from_archive=True) == (
        "candlewick rebuild dukascopy:eurusd:quotes --from 2019-02-27 --to 2019-03-01 --from-archive"
    )
