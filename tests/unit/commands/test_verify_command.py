"""What `candlewick verify` says of its proofs."""

from datetime import date

import pytest

from candlewick.commands.verify import Outcome, _print_text
from candlewick.store.proofs import Proof, ProofKind
from tests.unit.test_export import EURUSD

DAYS = [date(2019, 2, day) for day in (4, 5, 6)]


def test_equal_days_differing_days_and_days_not_compared_are_told_apart(
    capsys: pytest.CaptureFixture[str],
) -> None:
    proofs = [
        Proof(DAYS[0], holds=True),
        Proof(DAYS[1], holds=False, detail="1m 00:00 is missing"),
        Proof(DAYS[2], holds=None, detail="the day is not final"),
    ]
    _print_text(EURUSD, DAYS, [Outcome(ProofKind.VENUE, proof) for proof in proofs])
    assert capsys.readouterr().out.splitlines() == [
        "dukascopy:eurusd:quotes: 3 days",
        "the venue's own candles: 1 equal, 1 differ, 1 not compared (the day is not final)",
        "  2019-02-05: 1m 00:00 is missing",
    ]


def test_what_was_not_compared_is_not_called_equal(capsys: pytest.CaptureFixture[str]) -> None:
    proof = Proof(DAYS[0], holds=None, detail="the venue gives no BID and no ASK candles of the day")
    _print_text(EURUSD, DAYS[:1], [Outcome(ProofKind.VENUE, proof)])
    assert "equal" not in capsys.readouterr().out
