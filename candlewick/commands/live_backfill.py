"""`candlewick backfill` of a live venue's series: in this process, an hour after the other."""

import sys
import time

import orjson
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from candlewick.control.filling import fill, wanted_hours
from candlewick.instruments import Series
from candlewick.settings import Settings
from candlewick.store import Store
from candlewick.times import MINUTE_US, iso
from candlewick.venues.kraken_history import SETTLED_US

HOLES_NAMED = 3


def run(  # noqa: PLR0917
    settings: Settings,
    store: Store,
    series: Series,
    asked: tuple[int, int],
    dry_run: bool,  # noqa: FBT001
    as_json: bool,  # noqa: FBT001
) -> bool:
    """Fills the hours of a span that are over and not whole; whether the span is complete afterwards.

    Raises:
        CandlewickError: the venue has no history of this series, or a server does not answer.
    """
    hours = wanted_hours(store, series, *asked)
    if dry_run:
        _say({"series": series.name, "hours": [iso(hour_us) for hour_us in hours]}, as_json=as_json)
        return True
    began = time.monotonic()
    trades = 0
    columns = (
        TextColumn("{task.completed:.0f} of {task.total:.0f} hours"),
        BarColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[status]}"),
    )
    with Progress(*columns, console=Console(stderr=True), refresh_per_second=2) as bar:
        task = bar.add_task("hours", total=len(hours), status="")
        for filled in fill(settings, store, series, hours):
            trades += filled.trades
            bar.update(task, advance=1, status=f"{iso(filled.hour_us)}: {filled.trades:,} trades")
    holes = [
        f"{iso(row.hour_us)} {row.reason or 'has a gap'}"
        for row in store.coverage(series.name, *asked)
        if row.hole
    ]
    facts: dict[str, object] = {
        "series": series.name,
        "complete": not holes,
        "hours": len(hours),
        "trades": trades,
        "holes": len(holes),
        "seconds": round(time.monotonic() - began, 1),
    }
    if holes:
        facts["first_holes"] = holes[:HOLES_NAMED]
    _say(facts, as_json=as_json)
    if holes and not as_json:
        span = " ".join(f"--{word} {iso(us)}" for word, us in zip(("from", "to"), asked, strict=True))
        sys.stderr.write(
            f"→ `candlewick coverage {series.name} {span}` names all; an hour can be asked for "
            f"{SETTLED_US // MINUTE_US} minutes after its end\n"
        )
    return not holes


def _say(facts: dict[str, object], *, as_json: bool) -> None:
    if as_json:
        sys.stdout.buffer.write(orjson.dumps(facts) + b"\n")
        return
    name = facts.pop("series")
    shown = "; ".join(
        f"{key}: {', '.join(value) or 'none'}" if isinstance(value, list) else f"{key}: {value}"
        for key, value in facts.items()
    )
    sys.stdout.write(f"{name}: {shown}\n")
