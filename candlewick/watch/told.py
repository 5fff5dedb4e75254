"""Who was told of what: each trouble once, and once its end. No input or output but the file at the bottom.

Each address has its own list, so that one that does not answer makes nobody else hear things twice.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from candlewick import topics
from candlewick.instruments import Kind
from candlewick.live.wanted import LIVE_VENUES
from candlewick.local.home import write_atomically
from candlewick.times import SECOND_US, iso
from candlewick.watch.judge import Check, Verdicts, failures
from candlewick.watch.look import HOLES_US, Look
from candlewick.watch.memory import Memory

OVER_US = 60 * SECOND_US
"""Something is over once it has not been seen for this long: what comes and goes is one trouble."""

_TOLD_BY_OTHERS = {Check.OPEN_GAPS, Check.DATA_MOVING}
"""Checks whose particulars, holes and stuck streams, are told one by one."""


class Told(msgspec.Struct):
    """One trouble as an address heard of it.

    Attributes:
        text: as it was told.
        since_us: when it was first seen.
        gone_us: when it was first not seen any more; 0 while it lasts.
        ages: whether it passes out of sight with time, which is no end to be told of.
    """

    text: str
    since_us: int
    gone_us: int = 0
    ages: bool = False


class Book(msgspec.Struct):
    """What the notifier keeps: what it has told each address, and what it remembers of its looks.

    Addresses are named by a digest: they may hold passwords.
    """

    told: dict[str, dict[str, Told]] = {}
    memory: Memory = msgspec.field(default_factory=Memory)


@dataclass(frozen=True, slots=True)
class Trouble:
    """Something that a person wants to know of; `at_us` is set where it is about a moment of the past."""

    text: str
    at_us: int = 0


@dataclass(frozen=True, slots=True)
class Message:
    """What is to be told to one address now."""

    new: Mapping[str, Trouble]
    over: Mapping[str, Told]

    @property
    def is_empty(self) -> bool:
        return not self.new and not self.over


@dataclass(frozen=True, slots=True)
class Troubles:
    """What is wrong at one moment, by key; `unseen`: beginnings of keys about which nothing can be said."""

    at_us: int
    found: Mapping[str, Trouble]
    unseen: tuple[str, ...]


def troubles(look: Look, verdicts: Verdicts) -> Troubles:
    """Holes, stuck streams and failed checks."""
    found: dict[str, Trouble] = {}
    unseen = [f"check {one.name}" for one in verdicts.outcomes if one.passed is None]
    for outcome in failures(verdicts.outcomes):
        if outcome.check not in _TOLD_BY_OTHERS:
            found[f"check {outcome.name}"] = Trouble(
                f"{outcome.subject}: {_words(outcome.check)}: {outcome.text}"
            )
    for stream in verdicts.stuck or ():
        found[f"stream {stream.series}"] = Trouble(f"{stream.series} does not move: {stream.text}")
    for venue in look.venues:
        worker = look.workers.get(venue)
        if worker is None or worker.record is None or worker.silent_us(look.at_us):
            unseen.append(f"stream {venue}:")
    for hole in verdicts.holes or ():
        what = "gap" if hole.reason == "gap" else f"hours missing ({hole.reason})"
        span = f"from {iso(hole.from_us, micros=True)} to {iso(hole.to_us, micros=True)}"
        found[f"hole {hole.series} {hole.from_us}"] = Trouble(f"{hole.series}: {what} {span}", hole.from_us)
    if look.database_problem:
        # Which series there are is known from what the workers say, if they say anything.
        unseen += [f"{kind} {one}" for one in LIVE_VENUES - set(look.venues) for kind in ("check", "stream")]
    if verdicts.holes is None:
        unseen.append("hole ")
    if look.sinks is None:
        unseen += [f"check {topics.sink_name(kind)}" for kind in Kind]
    return Troubles(look.at_us, found, tuple(unseen))


def compare(now: Troubles, told: dict[str, Told]) -> Message:
    """What one address has to hear; `told` is brought up to date only where nothing has to be said."""
    over: dict[str, Told] = {}
    for key, one in list(told.items()):
        if key in now.found or key.startswith(now.unseen):
            one.gone_us = 0
            continue
        if one.ages and _from_us(key) < now.at_us - HOLES_US:
            # Nobody looks so far back: it has not been filled, and is no news.
            del told[key]
            continue
        one.gone_us = one.gone_us or now.at_us
        if now.at_us - one.gone_us >= OVER_US:
            over[key] = one
    return Message({key: trouble for key, trouble in now.found.items() if key not in told}, over)


def note(message: Message, told: dict[str, Told], at_us: int) -> None:
    """An address has heard it."""
    for key, trouble in message.new.items():
        told[key] = Told(trouble.text, at_us, ages=trouble.at_us > 0)
    for key in message.over:
        told.pop(key, None)


def write(message: Message, at_us: int, shown: int = 20) -> tuple[str, str]:
    """A title and a text."""
    lines = [trouble.text for trouble in message.new.values()]
    parts = [f"{len(lines)} new"] if lines else []
    if message.over:
        parts.append(f"{len(message.over)} over")
        lines += [
            f"over after {_for(at_us - told.since_us)}: {told.text.partition('. ')[0]}"
            for told in message.over.values()
        ]
    if len(lines) > shown:
        lines = [*lines[:shown], f"and {len(lines) - shown} more: see `candlewick status`"]
    return ", ".join(parts), "\n".join(lines)


def read(file: Path) -> Book:
    """What was kept; of a file that is not there, or not readable, an empty one."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=Book)
    except (OSError, msgspec.MsgspecError):
        return Book()


def keep(file: Path, book: Book) -> None:
    """Replaces what was kept as a whole."""
    file.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(file, msgspec.json.encode(book))


def _from_us(key: str) -> int:
    return int(key.rpartition(" ")[2])


def _words(check: Check) -> str:
    return check.value.replace("_", " ")


def _for(us: int) -> str:
    minutes = us // (60 * SECOND_US)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h"
