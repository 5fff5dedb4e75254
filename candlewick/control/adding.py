"""Add an instrument: one function for page, command line and Python."""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from candlewick.bus_sinks import sink_database
from candlewick.control.backfilling import Launched, backfill
from candlewick.control.collecting import admin_of, collect
from candlewick.control.resolving import Found, Meaning, resolve
from candlewick.control.steps import Report, StepName, nobody, step
from candlewick.dagster_client import DagsterClient, dagster_url
from candlewick.errors import CandlewickError
from candlewick.history import History
from candlewick.instruments import Kind
from candlewick.live.wanted import is_live
from candlewick.store.changes import AWAITED_S, awaited, changing
from candlewick.store.series import SeriesState
from candlewick.times import iso, now_us


@dataclass(slots=True)
class Outcome:
    """What came of an addition.

    Attributes:
        added: what is collected from now on.
        refused: why something of it could not be done; each says how to go on.
    """

    added: list[Found] = field(default_factory=list)
    refused: list[CandlewickError] = field(default_factory=list)
    backfills: list[Launched] = field(default_factory=list)


def add(
    history: History,
    spelling: str,
    *,
    from_us: int | None = None,
    price_scale: int | None = None,
    report: Report = nobody,
) -> Outcome:
    """Collects an instrument from now on, at every venue that has it: history, and live.

    Doing it again repairs what is missing, and resumes what is paused. Either all of its series are collected
    afterwards or, where a server refuses, none of those that were not before. A venue that cannot be asked
    does not keep the others out; nor does a Dagster that is away: it shows the assets once it is back.

    Args:
        spelling: a series' name (`dukascopy:eurusd:quotes`, `kraken:btcusd:trades`), or any usual spelling
            of an instrument.
        from_us: asks for the history from then on, microseconds since 1970; None: for the last seven days,
            which Dagster's sensor does.
        price_scale: decimal digits of its prices, where neither the packaged table nor the venue can say.
        report: is told of each step as it begins and ends, in this thread.

    Raises:
        CandlewickError: the spelling means no instrument or several, or a server does not answer.
    """
    if from_us is not None and from_us >= now_us():
        raise CandlewickError(f"no history begins at {iso(from_us)}", "give a time that has passed")
    outcome = Outcome()
    with step(report, StepName.FIND, f"looking for {spelling}") as going:
        meaning = resolve(history, spelling, price_scale=price_scale)
        going.say(", ".join(one.series.name for one in meaning.found))
    outcome.refused += meaning.refused
    with changing(history.store.database_url, meaning.symbol):
        states = history.store.series_states()
        gone = {None, SeriesState.REMOVED}
        is_news = any(states.get(one.series.name) in gone for one in meaning.found)
        with awaited(history.store.database_url):
            # Dagster's new process takes seconds to begin; then it waits for the rows.
            began = time.monotonic()
            reading = _beside(lambda: _reload(history)) if is_news else None
            _make(history, meaning, report)
        in_time = time.monotonic() - began < AWAITED_S
    outcome.added = meaning.found
    if reading is not None:
        try:
            _told(report, reading.result if in_time else lambda: _reload(history))
        except CandlewickError as error:
            outcome.refused.append(error)
    if from_us is not None:
        _backfill(history, outcome, from_us, report)
    return outcome


def _make(history: History, meaning: Meaning, report: Report) -> None:
    series = [one.series for one in meaning.found]
    with step(report, StepName.SINK, "the sinks") as going, admin_of(history.settings) as admin:
        target = sink_database(history.settings)
        made = [kind for kind in Kind if admin.ensure_sink(kind, target)]
        going.say(f"{len(made)} sinks made or changed" if made else "the sinks are there")
    collect(history, *series, report=report)
    history.store.set_series_state([one.name for one in series], SeriesState.COLLECTED)


def _backfill(history: History, outcome: Outcome, from_us: int, report: Report) -> None:
    for one in outcome.added:
        if is_live(one.series):
            continue
        try:
            outcome.backfills.append(backfill(history, one.series, from_us, now_us(), report=report))
        except CandlewickError as error:
            outcome.refused.append(error)


def show(history: History, report: Report = nobody) -> None:
    """Makes Dagster read what is collected anew.

    Raises:
        CandlewickError: it does not answer, or cannot read it; what is collected is collected all the same.
    """
    _told(report, lambda: _reload(history))


def _told(report: Report, reload: Callable[[], None]) -> None:
    with step(report, StepName.DAGSTER, "Dagster reads its definitions anew"):
        try:
            reload()
        except CandlewickError as error:
            remedy = (
                "its assets appear there when `candlewick up` starts it, or by Reload at its Deployment page"
            )
            raise CandlewickError(error.problem, remedy) from error


def _beside(work: Callable[[], None]) -> Future[None]:
    """Does something in a thread of its own."""
    thread = ThreadPoolExecutor(1)
    try:
        return thread.submit(work)
    finally:
        thread.shutdown(wait=False)


def _reload(history: History) -> None:
    with DagsterClient(dagster_url(history.settings)) as dagster:
        dagster.reload()


def add_defaults(history: History) -> tuple[list[Found], list[CandlewickError]]:
    """Collects what a new installation is to collect; one that ever had a series has made its own choice.

    Series that are collected already are mended, should a server have been set up anew. Returns what was
    added, and why others could not be: one that fails does not keep the rest out.
    """
    states = history.store.series_states()
    known = [one for one in history.store.all_series() if states.get(one.name) is not SeriesState.REMOVED]
    if known:
        collect(history, *known)
    added: list[Found] = []
    refused: list[CandlewickError] = []
    for spelling in [] if states else history.settings.default_spellings:
        try:
            meaning = resolve(history, spelling)
            collect(history, *(one.series for one in meaning.found))
        except CandlewickError as error:
            refused.append(error)
        else:
            added += meaning.found
            refused += meaning.refused
    return added, refused
