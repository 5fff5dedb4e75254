"""What series need to be collected: topics, schemas, subscriptions, sessions, and last their rows."""

from collections.abc import Sequence
from datetime import date

from candlewick import access
from candlewick.bus_admin import BusAdmin
from candlewick.bus_needs import Need, hour_need, live_needs
from candlewick.calendars import calendar
from candlewick.control.resolving import Found, historical
from candlewick.control.steps import Report, StepName, nobody, step
from candlewick.history import History
from candlewick.instruments import Series, UnknownInstrumentError, find
from candlewick.live.wanted import is_live
from candlewick.settings import Settings
from candlewick.store import Store
from candlewick.times import day_us

# Sessions are written for as long as anyone may ask about; clock changes to come are those of today's law.
SESSIONS_FROM = date(1998, 1, 1)
SESSIONS_TO = date(2050, 1, 1)


def admin_of(settings: Settings) -> BusAdmin:
    """The broker's admin API, as the one who may make things there."""
    token = access.pulsar_token(settings, access.PULSAR_ADMIN)
    return BusAdmin(access.pulsar_admin_url(settings), token)


def add_history(history: History, spelling: str, *, price_scale: int | None = None) -> Found:
    """Collects Dukascopy's history of an instrument and nothing else.

    Raises:
        CandlewickError: see `resolving.historical`.
    """
    found = historical(history, spelling, price_scale=price_scale)
    collect(history, found.series)
    return found


def collect(history: History, *series: Series, report: Report = nobody) -> None:
    """Makes everything that series need; doing it again repairs what is missing.

    Raises:
        CandlewickError: a server does not answer, or refuses; then none of them counts as collected.
    """
    _collect(history.settings, history.store, series, report)


def collect_live(settings: Settings, store: Store, series: Series) -> None:
    """Makes everything that a live series needs.

    Workers, recorder and refresher follow its row within two seconds.
    """
    _collect(settings, store, [series], nobody)


def _collect(settings: Settings, store: Store, series: Sequence[Series], report: Report) -> None:
    needs = [need for one in series for need in _needs(one)]
    with admin_of(settings) as admin:
        with step(report, StepName.TOPICS, f"{len(needs)} topics"):
            admin.ensure_topics(needs)
        with step(report, StepName.SCHEMAS, f"{len(needs)} schemas"):
            admin.ensure_schemas(needs)
        read = [need for need in needs if need.reader is not None]
        with step(report, StepName.SUBSCRIPTIONS, f"{len(read)} subscriptions"):
            admin.ensure_subscriptions(read)
    with step(report, StepName.SERIES, ", ".join(one.name for one in series)):
        for name in {one.calendar for one in series}:
            write_sessions(store, name)
        # Last: from here on they count as collected, and workers subscribe within two seconds.
        store.collect_series([(one, _first_tick_us(one)) for one in series])


def _needs(series: Series) -> list[Need]:
    return [hour_need(series), *(live_needs(series) if is_live(series) else ())]


def write_sessions(store: Store, name: str) -> None:
    """Writes the weekly sessions of a calendar."""
    start_us, end_us = day_us(SESSIONS_FROM), day_us(SESSIONS_TO)
    week = calendar(name)
    store.write_sessions(week.name, week.sessions(start_us, end_us), (start_us, end_us))


def _first_tick_us(series: Series) -> int | None:
    """Before it the venue has no history; a live series has none at all before it was added."""
    if is_live(series):
        return None
    try:
        return find(series.symbol).first_tick_us
    except UnknownInstrumentError:
        return None
