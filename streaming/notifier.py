"""`python -m streaming.notifier`: tells the addresses of CANDLEWICK_NOTIFY_URL what is wrong, and its end.

A worker of its own, and only where addresses are set: it has to speak when Dagster does not. What it has
told is kept in the home as soon as the address has taken it, so that a restart tells nothing twice; only
being killed between the two does.
"""

import hashlib
import logging
import time
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import apprise
import structlog

from candlewick import access
from candlewick.health import Condition, Health
from candlewick.settings import Settings
from candlewick.times import now_us
from candlewick.watch import told
from candlewick.watch.judge import judge
from candlewick.watch.look import take
from streaming import lifecycle

NAME = "notifier"
INTERVAL_S = 10.0
FIRST_WAIT_S = 5.0
LONGEST_WAIT_S = 300.0

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Address:
    """One address: how it is reached, and when it is tried again. Shown by its number and scheme alone."""

    label: str
    digest: str
    to: apprise.Apprise | None
    failures: int = 0
    again_at: float = 0.0


class Notifier(AbstractContextManager["Notifier"]):
    """A worker of `lifecycle.py`."""

    name = NAME

    def __init__(self, settings: Settings) -> None:
        # The library names whole addresses, with their passwords, in what it logs.
        logging.getLogger("apprise").disabled = True
        self._settings = settings
        self._file = file(settings)
        self._book = told.read(self._file)
        self._kind = "Candlewick demo" if settings.demo else "Candlewick"
        self._addresses = [_address(number, url) for number, url in enumerate(settings.notify_urls, 1)]
        # Who is no longer told anything is forgotten.
        digests = {one.digest for one in self._addresses}
        self._book.told = {digest: self._book.told.get(digest, {}) for digest in digests}
        self._sent = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        told.keep(self._file, self._book)

    def turn(self) -> Health:
        """Looks, and tells what is new."""
        look = take(self._settings)
        now = told.troubles(look, judge(look, self._book.memory))
        for address in self._addresses:
            self._tell(address, now)
        told.keep(self._file, self._book)
        return self._health(len(now.found))

    def _tell(self, address: _Address, now: told.Troubles) -> None:
        known = self._book.told[address.digest]
        message = told.compare(now, known)
        if message.is_empty or address.to is None or time.monotonic() < address.again_at:
            return
        title, text = told.write(message, now.at_us)
        kind = apprise.NotifyType.WARNING if message.new else apprise.NotifyType.SUCCESS
        if not address.to.notify(body=text, title=f"{self._kind}: {title}", notify_type=kind):
            address.failures += 1
            wait_s = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** (address.failures - 1))
            address.again_at = time.monotonic() + wait_s
            _log.warning("not taken", address=address.label, again_in_s=wait_s)
            return
        address.failures = 0
        self._sent += 1
        told.note(message, known, now.at_us)
        told.keep(self._file, self._book)
        _log.info("told", address=address.label, new=len(message.new), over=len(message.over))

    def _health(self, wrong: int) -> Health:
        facts = {"addresses": str(len(self._addresses)), "sent": str(self._sent), "troubles": str(wrong)}
        bad = [one.label for one in self._addresses if one.to is None]
        failing = [one.label for one in self._addresses if one.failures]
        condition, summary = Condition.OK, f"{wrong} troubles known to {len(self._addresses)} addresses"
        if bad:
            condition = Condition.DEGRADED
            summary = f"CANDLEWICK_NOTIFY_URL: {', '.join(bad)} is no address that Apprise knows"
        elif failing:
            condition, summary = Condition.WAITING, f"{', '.join(failing)} does not take what it is told"
        return Health(NAME, now_us(), condition, summary, facts)


def file(settings: Settings) -> Path:
    """Where it is kept what was told."""
    return settings.home / "notifier" / "told.json"


def _address(number: int, url: str) -> _Address:
    label = f"address {number} ({url.partition('://')[0]})" if "://" in url else f"address {number}"
    to = apprise.Apprise()
    is_sound = to.add(url)
    return _Address(label, hashlib.sha256(url.encode()).hexdigest(), to if is_sound else None)


def main() -> None:
    settings = Settings()
    lifecycle.run(Notifier(settings), settings, role=access.PULSAR_GUARD, interval_s=INTERVAL_S)


if __name__ == "__main__":
    main()
