"""How often a host may be asked: one pace for all runs and processes, kept in PostgreSQL.

Additive increase, multiplicative decrease: a host begins at a polite rate, gains a quarter of it with
every 20 answers (up to eight times), and is halved when it refuses (429, 403, 503, an empty 202).
`Retry-After` is honoured by everybody. Ten refusals in a row, or fewer failures, open a circuit: the
host is left alone for a while, then one request tries it. The table `venue_host` shows all of it.
"""

import ipaddress
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from email.utils import parsedate_to_datetime
from enum import Enum
from types import TracebackType
from typing import Protocol, Self

import psycopg

from candlewick.errors import CandlewickError
from candlewick.instruments import Series
from candlewick.settings import Settings
from candlewick.store import DatabaseUnavailableError, Store
from candlewick.store.database import Database, run
from candlewick.store.locks import held
from candlewick.times import to_us

POLITE_RATE = 1.0
"""Requests a second to begin with: one to two seconds between requests are known to be suffered."""

PATIENCE_S = 180.0
"""A turn further away than this is none: the caller goes on with something else."""

_PROBE_S = 120.0
_LONGEST_RETRY_AFTER_S = 3600.0
_LOCK_PATIENCE_S = 1800


class Outcome(Enum):
    """What became of a request; the value is how much it weighs towards opening the circuit."""

    ANSWERED = 0
    THROTTLED = 1
    FAILED = 2
    UNREACHABLE = 4


class HostClosedError(CandlewickError):
    """The host is left alone for a while, or so many wait for it that no turn comes soon."""

    def __init__(self, host: str, wait_s: float) -> None:
        super().__init__(
            f"{host} has no turn for {max(1, round(wait_s))} s: it refused or failed repeatedly, "
            "or asked for a pause, or many requests wait",
            "it is tried again then",
        )
        self.host = host
        self.wait_s = wait_s


class Limiter(Protocol):
    """Shared by all that ask a host."""

    def pause_s(self, host: str) -> float:
        """Seconds to wait, at first, before a request that failed is made again."""

    def acquire(self, host: str, patience_s: float = PATIENCE_S) -> None:
        """Wait for this request's turn; raises HostClosedError when that is not within `patience_s`."""

    def report(self, host: str, outcome: Outcome, *, retry_after_s: float | None = None) -> None:
        """Say what became of it."""


@dataclass(frozen=True, slots=True)
class Pace:
    """How a kind of host is treated.

    Attributes:
        rate: requests a second to begin with; infinite: not paced.
        pause_s: after a refusal that names no time.
        open_s: how long the circuit stays open at first; doubles up to twenty times that.
    """

    rate: float
    pause_s: float
    open_s: float


REMOTE = Pace(POLITE_RATE, pause_s=2.0, open_s=30.0)
LOCAL = Pace(float("inf"), pause_s=0.05, open_s=1.0)
"""A venue on this machine is a simulator: nobody else's server is to be spared."""


class DatabaseLimiter:
    """The limiter of an installation. Safe to share between threads; a context manager.

    Every method raises DatabaseUnavailableError when the database does not answer: without it nobody
    knows what others are asking, and nothing is asked.
    """

    def __init__(
        self,
        database_url: str,
        settings: Settings,
        *,
        sleep: Callable[[float], None] = time.sleep,
        connect_timeout_s: float = 30.0,
    ) -> None:
        self._database = Database(database_url, timeout_s=connect_timeout_s)
        self._rate = settings.dukascopy_rate
        self._sleep = sleep

    def __enter__(self) -> Self:
        self._database.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._database.close()

    def pace(self, host: str) -> Pace:
        """How a host (`name` or `name:port`) is treated."""
        usual = LOCAL if is_local(host) else REMOTE
        return Pace(self._rate, usual.pause_s, usual.open_s) if self._rate else usual

    def pause_s(self, host: str) -> float:
        return self.pace(host).pause_s

    def acquire(self, host: str, patience_s: float = PATIENCE_S) -> None:
        rate = self.pace(host).rate
        parameters = {"host": host, "rate": rate, "patience_s": patience_s, "probe_s": _PROBE_S}
        while True:
            with self._transaction() as connection:
                row = run(connection, "reserve_turn", parameters).fetchone()
            assert row is not None  # noqa: S101 (the function gives one row)
            wait_s, may_ask = row
            if not may_ask:
                raise HostClosedError(host, wait_s)
            if wait_s <= 0:
                return
            self._sleep(wait_s)
            # Meanwhile another process may have been told to wait.
            with self._transaction() as connection:
                blocked = run(connection, "is_blocked", {"host": host}).fetchone()
            if blocked is None or not blocked[0]:
                return

    def report(self, host: str, outcome: Outcome, *, retry_after_s: float | None = None) -> None:
        pace = self.pace(host)
        jitter = random.uniform(0.75, 1.25)  # noqa: S311 (spreads retries, keeps no secret)
        parameters = {
            "host": host,
            "outcome": outcome.name.lower(),
            "weight": outcome.value,
            "retry_after_s": None if retry_after_s is None else min(retry_after_s, _LONGEST_RETRY_AFTER_S),
            "pause_s": pace.pause_s * jitter,
            "open_s": pace.open_s * jitter,
        }
        with self._transaction() as connection:
            run(connection, "report_request", parameters)

    @contextmanager
    def _transaction(self) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
        try:
            with self._database.transaction() as connection:
                yield connection
        except DatabaseUnavailableError as error:
            raise LimiterUnavailableError(error) from error


class LimiterUnavailableError(DatabaseUnavailableError):
    """No pace without the database, so no request."""

    def __init__(self, error: DatabaseUnavailableError) -> None:
        super().__init__("")
        self.problem = f"no request is made without the shared limiter, and {error.problem}"
        self.args = (self.problem,)


class Unpaced:
    """No limit at all, for a venue inside a test."""

    def pause_s(self, host: str) -> float:
        _ = host
        return 0.001

    def acquire(self, host: str, patience_s: float = PATIENCE_S) -> None:
        """Never waits."""

    def report(self, host: str, outcome: Outcome, *, retry_after_s: float | None = None) -> None:
        """Nothing to learn."""


def retry_after(text: str, at_us: int) -> float | None:
    """Seconds that a `Retry-After` header asks to wait, by number or HTTP date; None where it is neither."""
    text = text.strip()
    if text.isdigit():
        return float(text)
    try:
        return max(0.0, (to_us(parsedate_to_datetime(text)) - at_us) / 1e6)
    except ValueError:
        return None


def is_local(host: str) -> bool:
    """Whether a host (`name` or `name:port`) is this machine, by its name alone."""
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
    name = name.strip("[]")
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


@contextmanager
def day_lock(store: Store, series: Series, day: date) -> Iterator[None]:
    """Hold the right to fetch and archive a (series, day); others that want it wait.

    It is a session's advisory lock on a connection of its own, so a killed process lets go of it.

    Raises:
        CandlewickError: another process has held it for half an hour.
        DatabaseUnavailableError: the database does not answer.
    """
    refusal = CandlewickError(
        f"{series.name} {day} is being fetched by another process, for half an hour already",
        "see `candlewick status`; end that process if it hangs",
    )
    with held(store.database_url, f"archive {series.name} {day}", _LOCK_PATIENCE_S, refusal):
        yield
