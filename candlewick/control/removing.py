"""Stop collecting, for a while or for good. What is stored stays, unless it is to be deleted by name."""

import contextlib
import time

from candlewick import topics
from candlewick.bus_admin import BusAdmin
from candlewick.control.adding import show
from candlewick.control.backfilling import cancel
from candlewick.control.collecting import admin_of, collect
from candlewick.control.steps import Report, StepName, nobody, step
from candlewick.errors import CandlewickError
from candlewick.history import History
from candlewick.instruments import Series
from candlewick.live.wanted import is_live
from candlewick.store.changes import changing
from candlewick.store.series import SeriesState

LEAVING_S = 4.0
"""Workers and the recorder leave a series within two seconds."""

LANDING_S = 20.0
_POLL_S = 0.2


def pause(history: History, name: str, *, report: Report = nobody) -> Series:
    """Stops collecting a series until it is resumed; its topics stay, and nobody writes to them.

    Runs that fetch its history end. Doing it again goes on where it stopped.

    Raises:
        CandlewickError: it is not collected, or a server does not answer.
    """
    series = _set(history, name, SeriesState.PAUSED, report)
    try:
        cancel(history, series, report=report)
    except CandlewickError as error:
        raise CandlewickError(
            f"{series.name} is paused, but its backfills may go on: {error.problem}",
            f"`candlewick cancel {series.name}` once Dagster answers",
        ) from error
    return series


def resume(history: History, name: str, *, report: Report = nobody) -> Series:
    """Goes on collecting a series; what was missed of a live one is a gap.

    Raises:
        CandlewickError: it is not collected, or a server does not answer.
    """
    return _set(history, name, SeriesState.COLLECTED, report)


def remove(history: History, name: str, *, delete_data: str | None = None, report: Report = nobody) -> Series:
    """Stops collecting a series, and removes its topics with what they are owed once all has landed.

    Doing it again goes on where it stopped.

    Args:
        delete_data: the series' name again: its hours, candles and row are deleted. The venue's own bytes
            stay in the archive.

    Raises:
        CandlewickError: there is no such series, `delete_data` is another name, or a server does not answer.
    """
    series = history.series(name)
    if delete_data not in {None, series.name}:
        raise CandlewickError(
            f"{delete_data!r} is not the name of the series that is to be removed",
            f"to delete its data, say {series.name}",
        )
    with changing(history.store.database_url, series.symbol):
        with step(report, StepName.STOP, f"{series.name} is left by all who read and write it"):
            history.store.set_series_state([series.name], SeriesState.REMOVED)
            if is_live(series):
                time.sleep(LEAVING_S)
        # The step tells what fails; without a topic, a run that goes on fails.
        with contextlib.suppress(CandlewickError):
            cancel(history, series, report=report)
        with step(report, StepName.TOPICS, "what is on its way lands, then its topics go") as going:
            with admin_of(history.settings) as admin:
                owed = _await_landing(admin, series)
                admin.delete_series(series)
            if owed is None:
                going.say("its topics are gone; the broker could not open them: what had not landed is lost")
            elif owed:
                going.say(f"{owed} hours did not land: the database refused them")
            else:
                going.say("its topics are gone")
        if delete_data is not None:
            with step(report, StepName.DATA, f"hours and candles of {series.name} are deleted"):
                history.store.delete_series(series)
    # The step tells what fails; the series is removed all the same.
    with contextlib.suppress(CandlewickError):
        show(history, report)
    return series


def _set(history: History, name: str, state: SeriesState, report: Report) -> Series:
    series = history.series(name)
    with changing(history.store.database_url, series.symbol):
        if history.store.series_states().get(series.name) is SeriesState.REMOVED:
            raise CandlewickError(f"{series.name} is not collected any more", "add it again")
        if state is SeriesState.COLLECTED:
            collect(history, series)
        with step(report, StepName.STOP, f"{series.name} is {state}"):
            history.store.set_series_state([series.name], state)
    return series


def _await_landing(admin: BusAdmin, series: Series) -> int | None:
    """Waits until the sink has taken all hours of a series; how many it has not, None if nobody can say."""
    deadline = time.monotonic() + LANDING_S
    topic = topics.hour_topic(series)
    while True:
        standing = next((one for one in admin.backlog(series.kind) if one.topic == topic), None)
        owed = 0 if standing is None else None if standing.problem else standing.owed
        if owed == 0 or time.monotonic() > deadline:
            return owed
        time.sleep(_POLL_S)
