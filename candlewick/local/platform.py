"""The whole platform: servers, then tables and topics, then what works on them."""

import os
import subprocess
import sys
from dataclasses import dataclass

import psycopg

from candlewick import access, dagster_home
from candlewick.errors import CandlewickError
from candlewick.local import postgres, programs, servers, supervisor
from candlewick.local.home import Home, exclusive, prepare
from candlewick.settings import Settings
from candlewick.store import Store

_RECOVERY_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Page:
    """Something of the platform that a browser or a client can open."""

    name: str
    url: str


def start(settings: Settings, report: servers.Report) -> None:
    """Bring everything up and return when all of it is ready.

    Raises:
        CandlewickError: with what stands in the way.
    """
    home = prepare(settings)
    names = [program.name for program in programs.all_programs(settings, home)]
    with exclusive(home, "start"):
        if settings.database_url is not None:
            prepare_external_database(settings, report)
            _prepare_database(settings, home, report)
        servers.start(
            settings,
            programs.SERVERS,
            report=report,
            # While Pulsar, which takes longer, is still starting.
            after={programs.POSTGRES: lambda: _prepare_database(settings, home, report)},
        )
        _prepare_topics(settings, report)
        servers.start(settings, programs.SIMULATORS, report=report)
        _add_default_series(settings, report)
        # Last: the daemon asks but once for runs that a crash ended, and without a code server in vain.
        last = [programs.DAGSTER_DAEMON]
        done = {*programs.SERVERS, *programs.SIMULATORS, *last}
        servers.start(settings, [name for name in names if name not in done], report=report)
        servers.start(settings, last, report=report)


def pages(settings: Settings, home: Home) -> list[Page]:
    """Where the user finds what; of programs that this installation has."""
    names = {program.name for program in programs.all_programs(settings, home)}
    found: list[Page] = []
    if programs.WEB in names:
        found.append(Page("Charts and settings", f"http://127.0.0.1:{settings.ports.web}"))
    if programs.DAGSTER_WEB in names:
        found.append(Page("Dagster", f"http://127.0.0.1:{settings.ports.dagster}"))
    workers = (
        (programs.KRAKEN, "Kraken", settings.ports.kraken),
        (programs.OANDA, "OANDA", settings.ports.oanda),
    )
    for venue, title, port in workers:
        if venue in names:
            found.append(Page(f"{title}'s worker", f"http://127.0.0.1:{port}/health"))
    if settings.database_url is None:
        found.append(Page("PostgreSQL", f"127.0.0.1:{settings.ports.postgres}, database {access.DATABASE}"))
    found.append(Page("Pulsar", access.pulsar_url(settings)))
    if programs.SIMULATOR in names:
        found.append(Page("simulated Dukascopy", settings.dukascopy_url))
    return found


def prepare_external_database(settings: Settings, report: servers.Report) -> None:
    """See that the server of `CANDLEWICK_DATABASE_URL` answers and has a database for Dagster.

    Raises:
        CandlewickError: it does not answer, or its role may not make that database.
    """
    with report.step("preparing the database of CANDLEWICK_DATABASE_URL"):
        url = access.database_url(settings)
        name = access.database_url(settings, database=access.DAGSTER_DATABASE).rpartition("/")[2]
        try:
            with psycopg.connect(url, autocommit=True, connect_timeout=10) as connection:
                owner = connection.info.user
                postgres.create_database(connection, name.partition("?")[0], owner)
        except psycopg.errors.InsufficientPrivilege as error:
            raise CandlewickError(
                f"the role of CANDLEWICK_DATABASE_URL may not create the database {name}",
                f"create it by hand, or `ALTER ROLE ... CREATEDB CREATEROLE` ({str(error).strip()})",
            ) from error
        except psycopg.OperationalError as error:
            raise CandlewickError(
                f"CANDLEWICK_DATABASE_URL's server does not answer: {str(error).strip().splitlines()[0]}",
                "start that server or mend the address; unset, Candlewick runs a server of its own",
            ) from error


def _prepare_database(settings: Settings, home: Home, report: servers.Report) -> None:
    prepare_tables(settings, report)
    dagster_home.prepare(settings)
    _recover_runs(settings, home, report)


def prepare_tables(settings: Settings, report: servers.Report) -> None:
    """Bring the database to this version: tables, stamp, the sink's and the readers' roles."""
    with report.step("preparing tables and database roles"), Store(access.database_url(settings)) as store:
        store.migrate()
        store.stamp("demo" if settings.demo else "real")
        store.prepare_roles(
            access.database_password(settings, access.SINK), access.database_password(settings, access.READER)
        )


def _prepare_topics(settings: Settings, report: servers.Report) -> None:
    # Not before it is needed: it loads numpy and Pulsar's client.
    from candlewick.bus_admin import BusAdmin  # noqa: PLC0415
    from candlewick.bus_sinks import sink_database  # noqa: PLC0415

    with report.step("preparing topics and sinks"):
        token = access.pulsar_token(settings, access.PULSAR_ADMIN)
        with BusAdmin(access.pulsar_admin_url(settings), token) as admin:
            admin.ensure_platform(sink_database(settings))


def _add_default_series(settings: Settings, report: servers.Report) -> None:
    """What a new installation collects; one that has any series has its own choice already."""
    # Not before it is needed: it loads numpy and Pulsar's client.
    from candlewick import control  # noqa: PLC0415
    from candlewick.history import History  # noqa: PLC0415

    with report.step("preparing what is collected"), History(settings) as history:
        added, refused = control.add_defaults(history)
    if added:
        report.say(f"collecting {', '.join(one.series.name for one in added)}")
    for error in refused:
        report.say(str(error))


def _recover_runs(settings: Settings, home: Home, report: servers.Report) -> None:
    """End the runs that a crash left as if at work, before a code server could start any."""
    if _is_alive(home, programs.DAGSTER_CODE):
        # It may have launched runs that are about to begin.
        return
    with report.step("looking for runs that a crash left"):
        result = subprocess.run(
            [sys.executable, "-m", "pipeline_defs.recover"],
            env={**os.environ, **programs.environment(settings)},
            cwd=home.root,
            capture_output=True,
            text=True,
            check=False,
            timeout=_RECOVERY_SECONDS,
        )
    if result.returncode != 0:
        last = result.stderr.strip().splitlines()[-1:] or ["it said nothing"]
        raise CandlewickError(f"runs of before could not be looked at: {last[0]}", "run `candlewick doctor`")
    for line in result.stderr.strip().splitlines()[-1:]:
        report.say(line)


def _is_alive(home: Home, name: str) -> bool:
    try:
        state = supervisor.states(home).get(name)
    except supervisor.NotRunningError:
        return False
    return state is not None and state.state in servers.ALIVE
