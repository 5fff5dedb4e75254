"""`candlewick backfill`: history of a span, through Dagster."""

import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated

import orjson
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from candlewick import access
from candlewick.backfill import Backfill, Chunk, launch_all, plan, watch
from candlewick.commands import live_backfill
from candlewick.commands.coverage import Stretch, missing_stretches
from candlewick.commands.spans import From, SeriesName, To, span
from candlewick.control.backfilling import wanted_days
from candlewick.dagster_client import DagsterClient, RunStatus, dagster_url
from candlewick.errors import CandlewickError
from candlewick.instruments import Series, find, parse_series
from candlewick.live.wanted import is_live
from candlewick.settings import Settings
from candlewick.store import Store
from candlewick.times import DAY_US, day_us, iso, now_us, us_day

POLL_S = 1.0
_HOLES_SHOWN = 20


def register(app: typer.Typer) -> None:
    app.command()(backfill)


def backfill(
    series: SeriesName,
    *,
    start: From,
    end: To,
    wait: Annotated[
        bool,
        typer.Option("--wait", help="Show progress until it is done; exit 0 only if nothing is missing."),
    ] = False,
    missing: Annotated[
        bool,
        typer.Option(
            "--missing",
            help="Leave alone what is complete; otherwise the venue is asked for corrections of it.",
        ),
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be asked for.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for programs.")] = False,
) -> None:
    """Fetch, publish, land and make candles of the days that a span touches, a month in a run.

    Trades of a live venue come by its REST side, an hour after the other, in this process.
    """
    settings = Settings()
    start_us, end_us = span(start, end)
    with Store(access.database_url(settings)) as store:
        known = collected(store, series)
        if is_live(known):
            complete = live_backfill.run(settings, store, known, (start_us, end_us), dry_run, as_json)
            raise typer.Exit(0 if complete else 1)
        days = wanted_days(store, known, start_us, end_us, only_missing=missing)
        job = plan(known, days, recheck=not missing)
        if dry_run:
            _print_plan(job, as_json=as_json)
            return
        if not days:
            sys.stderr.write("nothing is missing: no run is needed\n")
        with DagsterClient(dagster_url(settings)) as dagster:
            if not wait:
                asked = list(launch_all(job, dagster))
                _print_launched(job, asked, dagster.url, as_json=as_json)
                if job.cancelled:
                    raise typer.Exit(1)
                return
            began = time.monotonic()
            _watch(job, dagster, store)
        complete = _report(job, store, (start_us, end_us), time.monotonic() - began, as_json=as_json)
    if not complete:
        raise typer.Exit(1)


def collected(store: Store, text: str) -> Series:
    """The collected series that a name or an instrument's spelling means.

    Raises:
        CandlewickError: it means none, or it is not collected.
    """
    name = ":".join(parse_series(text)) if ":" in text else f"dukascopy:{find(text).symbol}:quotes"
    series = store.series(name)
    if series is None:
        raise CandlewickError(f"{name} is not collected here", f"add it first: candlewick add {text}")
    return series


def _watch(job: Backfill, dagster: DagsterClient, store: Store) -> None:
    total = sum(len(chunk.days) for chunk in job.chunks)
    began_us = now_us()
    done: list[Chunk] = []
    ticks = holes = 0
    with _progress(total) as (bar, task):
        for finished in watch(job, dagster, lambda: time.sleep(POLL_S)):
            for chunk in finished:
                done.append(chunk)
                rows = store.coverage(job.series.name, day_us(chunk.days[0]), day_us(chunk.days[-1]) + DAY_US)
                ticks += sum(row.ticks for row in rows)
                holes += sum(row.hole for row in rows)
                if chunk.status is not RunStatus.SUCCESS:
                    bar.console.print(f"{_span(chunk)}: {chunk.reason}", highlight=False)
            seconds = max((now_us() - began_us) / 1e6, 0.001)
            fetched = _fetched(store, job, began_us)
            status = f"{ticks:,} ticks, {ticks / seconds / 1e6:.2f} M/s, {holes} hours missing so far"
            bar.update(task, completed=max(fetched, sum(len(chunk.days) for chunk in done)), status=status)


def _fetched(store: Store, job: Backfill, began_us: int) -> int:
    """Days that have been asked for since this began."""
    first, last = job.chunks[0].days[0], job.chunks[-1].days[-1]
    asked = store.day_requests(job.series.name, first, us_day(day_us(last) + DAY_US))
    return sum(request.asked_us >= began_us for request in asked.values())


@contextmanager
def _progress(total: int) -> Iterator[tuple[Progress, TaskID]]:
    columns = (
        TextColumn("{task.completed:.0f} of {task.total:.0f} days"),
        BarColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[status]}"),
    )
    with Progress(*columns, console=Console(stderr=True), refresh_per_second=2) as bar:
        yield bar, bar.add_task("days", total=total, status="")


def _report(job: Backfill, store: Store, asked: tuple[int, int], seconds: float, *, as_json: bool) -> bool:
    rows = store.coverage(job.series.name, *asked)
    holes = missing_stretches(rows)
    complete = job.complete and not any(row.hole for row in rows)
    ticks = sum(row.ticks for row in rows)
    if as_json:
        body = {
            "series": job.series.name,
            "complete": complete,
            "ticks": ticks,
            "seconds": round(seconds, 3),
            "runs": [_chunk_json(chunk) for chunk in job.chunks],
            "holes": [_hole_json(hole) for hole in holes],
        }
        sys.stdout.buffer.write(orjson.dumps(body, option=orjson.OPT_INDENT_2) + b"\n")
        return complete
    verdict = "complete" if complete else "incomplete"
    lines = [f"{job.series.name}: {verdict}; {len(rows)} hours, {ticks:,} ticks, {seconds:.1f} s"]
    lines += [f"{_span(chunk)}: {chunk.reason}" for chunk in job.chunks if chunk.reason]
    lines += [str(hole) for hole in holes[:_HOLES_SHOWN]]
    if len(holes) > _HOLES_SHOWN:
        lines.append(f"and {len(holes) - _HOLES_SHOWN} more: `candlewick coverage` lists all")
    sys.stdout.write("\n".join(lines) + "\n")
    return complete


def _print_plan(job: Backfill, *, as_json: bool) -> None:
    if as_json:
        runs = [{"from": str(chunk.days[0]), "to": str(chunk.days[-1])} for chunk in job.chunks]
        sys.stdout.buffer.write(orjson.dumps({"series": job.series.name, "runs": runs}) + b"\n")
        return
    days = sum(len(chunk.days) for chunk in job.chunks)
    sys.stdout.write(f"{job.series.name}: {days} days in {len(job.chunks)} runs\n")
    for chunk in job.chunks:
        sys.stdout.write(f"{_span(chunk)}  {len(chunk.days)} days\n")


def _print_launched(job: Backfill, asked: Sequence[Chunk], url: str, *, as_json: bool) -> None:
    if as_json:
        runs = [_chunk_json(chunk) for chunk in asked]
        body = {"series": job.series.name, "cancelled": job.cancelled, "runs": runs}
        sys.stdout.buffer.write(orjson.dumps(body) + b"\n")
        return
    if job.cancelled:
        sys.stderr.write(f"cancelled after {len(asked)} of {len(job.chunks)} runs\n")
    sys.stdout.write(f"{job.series.name}: {len(asked)} runs asked for; see {url}/runs\n")


def _chunk_json(chunk: Chunk) -> dict[str, object]:
    return {
        "run": chunk.run_id,
        "from": str(chunk.days[0]),
        "to": str(chunk.days[-1]),
        "status": chunk.status.value,
        "reason": chunk.reason,
    }


def _hole_json(hole: Stretch) -> dict[str, object]:
    return {
        "from": iso(hole.start_us),
        "to": iso(hole.end_us),
        "state": str(hole.state),
        "reason": hole.reason,
    }


def _span(chunk: Chunk) -> str:
    return f"{chunk.days[0]} .. {chunk.days[-1]}"
