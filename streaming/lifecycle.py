"""The one lifecycle of a worker: signals, an interval, a health record at each turn.

A worker does its work between being entered and left, in threads or an event loop of its own or
within its turn, and at every turn says how it is. SIGTERM and SIGINT end it after the turn. What a
worker cannot foresee ends the process: the supervisor starts it again.
"""

import logging
import signal
import sys
import threading
import time
from contextlib import AbstractContextManager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Protocol

import structlog

from candlewick import access, health, topics
from candlewick.broker import BusError, Sender, json_schema
from candlewick.errors import CandlewickError
from candlewick.health import Condition, Health
from candlewick.times import now_us

if TYPE_CHECKING:
    from candlewick.settings import Settings

INTERVAL_S = 5.0
LIBRARY_LOG = "/dev/stderr"
FAREWELL_S = 2.0
"""How long a stopping worker waits for its last health record to be taken."""

_log = structlog.get_logger(__name__)


class Worker(AbstractContextManager["Worker"], Protocol):
    """A long-running program of the platform."""

    @property
    def name(self) -> str:
        """Its name in health records; one process at a time has it."""

    def turn(self) -> Health:
        """Does what is due, and says how it is.

        Raises:
            CandlewickError: what it needs is away; told as `waiting`, and the next turn comes.
        """


def run(worker: Worker, settings: "Settings", *, role: str, interval_s: float = INTERVAL_S) -> None:
    """Runs a worker until a signal ends it.

    Args:
        role: the Pulsar role that may publish its health records.
    """
    url, token = access.pulsar_url(settings), access.pulsar_token(settings, role)
    run_at(worker, settings.home, url, token, interval_s=interval_s)


def run_at(worker: Worker, home: Path, pulsar_url: str, token: str | None, *, interval_s: float) -> None:
    """Like `run`, for a process that has no settings at hand."""
    log_to_stderr()
    stopping = threading.Event()

    def stop(signum: int, _frame: FrameType | None) -> None:
        _log.info("stopping", worker=worker.name, signal=signal.Signals(signum).name)
        stopping.set()

    for signum in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signum, stop)
    with worker, _Announcer(Sender(pulsar_url, token, log=LIBRARY_LOG)) as announcer:
        _log.info("started", worker=worker.name)
        last: tuple[Condition, str] | None = None
        while not stopping.is_set():
            began = time.monotonic()
            record = _turn(worker)
            if (record.condition, record.summary) != last:
                last = (record.condition, record.summary)
                _log.info("health", condition=record.condition.value, summary=record.summary)
            _keep(home, record)
            announcer.offer(record)
            stopping.wait(max(0.0, interval_s - (time.monotonic() - began)))


def log_to_stderr() -> None:
    """One line per event on standard error, also of what libraries log."""
    stamp = structlog.processors.TimeStamper(fmt="iso", utc=True)
    shared: list[structlog.typing.Processor] = [structlog.stdlib.add_log_level, stamp]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processor=structlog.processors.LogfmtRenderer(key_order=["timestamp", "level", "event"]),
            foreign_pre_chain=shared,
        )
    )
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    logging.getLogger("httpx").setLevel(logging.WARNING)


def _turn(worker: Worker) -> Health:
    try:
        return worker.turn()
    except CandlewickError as error:
        return Health(worker.name, now_us(), Condition.WAITING, str(error))


def _keep(home: Path, record: Health) -> None:
    try:
        health.write(home, record)
    except OSError as error:
        # A full disk must not end a worker that could still do its work.
        _log.warning("the health record could not be written", error=str(error))


class _Announcer:
    """Publishes health records from a thread of its own, the newest only: a broker away holds nobody up."""

    def __init__(self, sender: Sender) -> None:
        self._sender = sender
        self._changed = threading.Condition()
        self._next: Health | None = None
        self._closing = False
        self._thread = threading.Thread(target=self._publish, name="health", daemon=True)

    def __enter__(self) -> "_Announcer":
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join(timeout=FAREWELL_S)
        # A call to a broker that is away would go on for a minute; closing ends it. Python must not end
        # before: a daemon thread inside the client library takes the process down with it.
        with self._changed:
            self._next = None
        self._sender.close()
        self._thread.join(timeout=FAREWELL_S)

    def offer(self, record: Health) -> None:
        with self._changed:
            self._next = record
            self._changed.notify_all()

    def _publish(self) -> None:
        schema = json_schema(health.DEFINITION)
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._next or self._closing)
                record, self._next = self._next, None
            if record is None:
                return
            try:
                self._sender.send(topics.HEALTH_TOPIC, schema, record.encode(), record.worker)
            except BusError as error:
                _log.warning("the health record could not be published", error=error.problem)
