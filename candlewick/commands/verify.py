"""`candlewick verify`: prove what is stored, or say where it is wrong."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Annotated

import orjson
import typer

from candlewick import pipeline
from candlewick.commands.backfill import collected
from candlewick.commands.spans import From, SeriesName, To, span
from candlewick.errors import CandlewickError
from candlewick.history import History
from candlewick.instruments import Series
from candlewick.live.wanted import is_live
from candlewick.settings import Settings
from candlewick.store.proofs import Proof, ProofKind
from candlewick.times import now_us, us_day
from candlewick.verify import against_venue, recount_daily, recount_intraday, rehash

_TITLES = {
    ProofKind.LANDED: "content hashes",
    ProofKind.RECOUNT_INTRADAY: "candles 1m to 1h",
    ProofKind.RECOUNT_DAILY: "candles 4h to 1w",
    ProofKind.VENUE: "the venue's own candles",
}


def register(app: typer.Typer) -> None:
    app.command()(verify)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one kind of proof gave for one day."""

    kind: ProofKind
    proof: Proof


def verify(
    series: SeriesName,
    *,
    start: From,
    end: To,
    offline: Annotated[
        bool, typer.Option("--offline", help="Do not ask the venue for its own candles.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Make hashes and candles anew from the stored ticks and compare; also with the venue's candles.

    Whole UTC days. Exits 1 if anything differs. Changes nothing but what is known to be proved.
    """
    start_us, end_us = span(start, end)
    with History(Settings()) as history:
        known = collected(history.store, series)
        last = us_day(min(end_us - 1, now_us()))
        days = pipeline.partition_days(known, us_day(start_us), last)
        if not days:
            raise CandlewickError(f"{known.name} has no trading day in that span", "give another one")
        outcomes: list[Outcome] = []
        for outcome in prove(history, known, days, offline=offline):
            outcomes.append(outcome)
            history.store.note_proofs(known.name, outcome.kind, [outcome.proof], checked_us=history.clock())
    differing = [outcome for outcome in outcomes if outcome.proof.holds is False]
    if as_json:
        _print_json(known, days, outcomes)
    else:
        _print_text(known, days, outcomes)
    if differing:
        raise typer.Exit(1)


def prove(history: History, series: Series, days: list[date], *, offline: bool) -> Iterator[Outcome]:
    """Every proof of every day, as it is made."""
    for day in days:
        yield Outcome(ProofKind.LANDED, rehash(history.store, series, day))
    for recounted in recount_intraday(history.store, series, days):
        yield Outcome(ProofKind.RECOUNT_INTRADAY, recounted.proof)
    for recounted in recount_daily(history.store, series, days, from_ticks=True):
        yield Outcome(ProofKind.RECOUNT_DAILY, recounted.proof)
    if offline or is_live(series):
        # What was streamed has no day candles of its own to be held against.
        return
    for day in days:
        proof = against_venue(history.store, history.venue, series, day, history.clock())
        yield Outcome(ProofKind.VENUE, proof)


def _print_text(series: Series, days: list[date], outcomes: list[Outcome]) -> None:
    sys.stdout.write(f"{series.name}: {len(days)} days\n")
    for kind, title in _TITLES.items():
        proofs = [outcome.proof for outcome in outcomes if outcome.kind is kind]
        if not proofs:
            continue
        differing = [proof for proof in proofs if proof.holds is False]
        open_days = [proof for proof in proofs if proof.holds is None]
        equal = len(proofs) - len(differing) - len(open_days)
        counts = {"equal": equal, "differ": len(differing), "not compared": len(open_days)}
        verdict = ", ".join(f"{count} {word}" for word, count in counts.items() if count)
        why = f" ({open_days[0].detail})" if open_days else ""
        sys.stdout.write(f"{title}: {verdict}{why}\n")
        for proof in differing:
            sys.stdout.write(f"  {proof.day}: {proof.detail}\n")


def _print_json(series: Series, days: list[date], outcomes: list[Outcome]) -> None:
    body = {
        "series": series.name,
        "days": len(days),
        "equal": not any(outcome.proof.holds is False for outcome in outcomes),
        "proofs": [
            {
                "day": str(outcome.proof.day),
                "proof": outcome.kind.value,
                "holds": outcome.proof.holds,
                "detail": outcome.proof.detail,
            }
            for outcome in outcomes
        ],
    }
    sys.stdout.buffer.write(orjson.dumps(body, option=orjson.OPT_INDENT_2) + b"\n")
