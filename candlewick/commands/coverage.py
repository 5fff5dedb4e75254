"""`candlewick coverage`: what is there, what is not, and why."""

import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Annotated

import orjson
import typer

from candlewick.client import Client
from candlewick.commands.spans import From, SeriesName, To, span
from candlewick.hours import HourState
from candlewick.store import CoverageRow
from candlewick.times import HOUR_US, iso

NOT_BEGUN = "not begun"


def register(app: typer.Typer) -> None:
    app.command()(coverage)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Hours in a row of one state and for one reason; [start, end) in microseconds since 1970, UTC."""

    start_us: int
    end_us: int
    state: HourState
    reason: str

    def __str__(self) -> str:
        count = (self.end_us - self.start_us) // HOUR_US
        hours = "1 hour" if count == 1 else f"{count} hours"
        return f"{iso(self.start_us)} .. {iso(self.end_us)}  {self.state}  {hours}: {self.reason}"


def missing_stretches(rows: Iterable[CoverageRow]) -> list[Stretch]:
    """Hours that have begun and are neither data nor closed, neighbours of one kind joined."""
    found: list[Stretch] = []
    for row in rows:
        if not row.hole or row.state in (HourState.DATA, HourState.CLOSED):
            continue
        last = found[-1] if found else None
        reason = row.reason or ""
        if last and (last.end_us, last.state, last.reason) == (row.hour_us, row.state, reason):
            row_start = found.pop().start_us
        else:
            row_start = row.hour_us
        found.append(Stretch(row_start, row.hour_us + HOUR_US, row.state, reason))
    return found


def _report(rows: list[CoverageRow]) -> Iterator[str]:
    """Lines that name every hole, gap and failed re-check."""
    for stretch in missing_stretches(rows):
        yield str(stretch)
    for row in rows:
        for gap in row.gaps:
            yield f"{iso(gap.from_us, micros=True)} .. {iso(gap.to_us, micros=True)}  gap"
    for row in rows:
        if row.problem and row.state is not row.problem and not row.hole:
            yield f"{iso(row.hour_us)}  {row.state}, though asking again failed: {row.problem_reason}"


def _counts(rows: list[CoverageRow]) -> dict[str, int]:
    counts = Counter(NOT_BEGUN if row.reason == NOT_BEGUN else str(row.state) for row in rows)
    return {name: counts[name] for name in (*map(str, HourState), NOT_BEGUN)}


def _as_json(series: str, rows: list[CoverageRow]) -> dict[str, object]:
    return {
        "series": series,
        "complete": not any(row.hole for row in rows),
        "hours": {name.replace(" ", "_"): count for name, count in _counts(rows).items()},
        "ticks": sum(row.ticks for row in rows),
        "holes": [
            {
                "from": iso(stretch.start_us),
                "to": iso(stretch.end_us),
                "state": str(stretch.state),
                "reason": stretch.reason,
            }
            for stretch in missing_stretches(rows)
        ],
        "gaps": [
            {"from": iso(gap.from_us, micros=True), "to": iso(gap.to_us, micros=True)}
            for row in rows
            for gap in row.gaps
        ],
        "problems": [
            {
                "hour": iso(row.hour_us),
                "state": str(row.state),
                "problem": str(row.problem),
                "reason": row.problem_reason,
                "attempts": row.attempts,
                "last_try": iso(row.last_try_us or 0),
            }
            for row in rows
            if row.problem
        ],
    }


def coverage(
    series: SeriesName,
    *,
    start: From,
    end: To,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Say what is there of a span and name every hole; exits 1 if anything is missing.

    Missing are hours that have begun and are neither data nor closed, and gaps that were not filled.
    """
    start_us, end_us = span(start, end)
    with Client() as client:
        name = client.series(series).name
        rows = client.coverage_rows(name, start_us, end_us)
    complete = not any(row.hole for row in rows)
    if as_json:
        sys.stdout.buffer.write(orjson.dumps(_as_json(name, rows), option=orjson.OPT_INDENT_2) + b"\n")
    else:
        counts = ", ".join(f"{count} {state}" for state, count in _counts(rows).items() if count)
        ticks = sum(row.ticks for row in rows)
        verdict = "complete" if complete else "incomplete"
        lines = [f"{name}: {verdict}; hours: {counts}; {ticks:,} ticks", *_report(rows)]
        sys.stdout.write("\n".join(lines) + "\n")
    if not complete:
        raise typer.Exit(1)
