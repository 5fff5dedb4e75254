"""What is to be thought of what is seen: verdicts on venues and sinks, with what to do. No input or output.

A single look proves little: a worker may be between two connections. What is bad counts once it has lasted
for the grace of its kind. What cannot be seen is not judged: `passed` is None.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from candlewick.health import Condition
from candlewick.instruments import Kind
from candlewick.live.stream_health import StreamHealth
from candlewick.local import programs
from candlewick.times import DAY_US, MINUTE_US, SECOND_US, from_us, iso, us_day
from candlewick.watch.look import RUNNING, Hole, Look, Sink, Worker
from candlewick.watch.memory import Memory

CONNECTED_GRACE_US = 45 * SECOND_US
STREAM_GRACE_US = 3 * MINUTE_US
LAG_GRACE_US = MINUTE_US
STILL_GRACE_US = 0
"""The worker has waited for twice of what is usual before it says so."""
HOLE_GRACE_US = 3 * MINUTE_US
FILLING_GRACE_US = 15 * MINUTE_US
SINK_GRACE_US = 3 * MINUTE_US
RECORDER_GRACE_US = 2 * MINUTE_US

LAG_MS = 10_000.0
AHEAD_MS = -2_000.0
"""An exchange time this far ahead of ours means that a clock is wrong."""
RECENT_S = 60.0
UNSENT = 1000
RECONNECTS = 10
"""In an hour; more of them mean a network or a venue that somebody should look at."""


class Check(StrEnum):
    """What is judged of a venue; the last one also of each sink."""

    CONNECTED = "connected"
    DATA_MOVING = "data_moving"
    LAG = "lag"
    OPEN_GAPS = "open_gaps"
    RECONNECT_RATE = "reconnect_rate"
    RECORDED = "recorded"
    SINK_PROGRESS = "sink_progress"


DESCRIPTIONS = {
    Check.CONNECTED: "The worker speaks, and is connected to the venue or needs not be.",
    Check.DATA_MOVING: "Every series moves, or may rightly rest.",
    Check.LAG: "Events come within seconds of happening, and Pulsar takes them.",
    Check.OPEN_GAPS: "No hour of the last day has a gap that was not filled, or is late.",
    Check.RECONNECT_RATE: f"At most {RECONNECTS} connections in an hour were lost.",
    Check.RECORDED: "The recorder reads what is streamed and makes hours of it.",
    Check.SINK_PROGRESS: "Hours that are owed to the database land.",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """A verdict.

    Attributes:
        subject: a venue, or a sink's name.
        passed: None where it cannot be seen.
        text: what is so and, where it is bad, what to do: a command that can be typed is between backticks.
        rows: the particulars, beneath `header`.
        is_warning: nothing that is done now would mend it.
    """

    subject: str
    check: Check
    passed: bool | None
    text: str
    header: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    is_warning: bool = False

    @property
    def name(self) -> str:
        return f"{self.subject}.{self.check}"


@dataclass(frozen=True, slots=True)
class StuckStream:
    """A series that should move and does not, for longer than it may."""

    series: str
    text: str


@dataclass(frozen=True, slots=True)
class Verdicts:
    """All that is thought of a look.

    Attributes:
        stuck: series that should move and do not; None where nobody says.
        holes: those that have lasted for longer than filling takes; None where they cannot be seen.
    """

    outcomes: tuple[Outcome, ...]
    stuck: tuple[StuckStream, ...] | None
    holes: tuple[Hole, ...] | None


def judge(look: Look, memory: Memory, *, patient: bool = True) -> Verdicts:
    """Judges a look, and remembers what the next one will need.

    Args:
        patient: without it what is bad counts at once: for a single look.
    """
    return _Judge(look, memory, patient=patient).verdicts()


class _Judge:
    def __init__(self, look: Look, memory: Memory, *, patient: bool) -> None:
        self._look = look
        self._memory = memory
        self._patient = patient

    def verdicts(self) -> Verdicts:
        outcomes: list[Outcome] = []
        stuck: list[StuckStream] = []
        said = False
        holes = self._lasting_holes()
        for venue in self._look.venues:
            worker = self._look.workers.get(venue, Worker(venue))
            outcomes.append(self._connected(worker))
            mute = None
            if worker.record is not None and not worker.silent_us(self._look.at_us):
                said = True
                mute = self._stuck(worker)
                stuck += mute
            outcomes.append(self._data_moving(worker, mute))
            outcomes.append(self._lag(worker))
            outcomes.append(self._open_gaps(venue, holes))
            outcomes.append(self._reconnect_rate(worker))
            outcomes.append(self._recorded(venue))
            outcomes.append(self._landing(venue))
        self._memory.forget_others("stream ", {f"stream {name}" for name in self._look.series})
        outcomes += [self._sink(sink) for sink in (self._look.sinks or {}).values()]
        return Verdicts(tuple(outcomes), tuple(stuck) if said else None, holes)

    # The worker of a venue

    def _connected(self, worker: Worker) -> Outcome:
        venue, check = worker.name, Check.CONNECTED
        bad, text = self._away(worker)
        if bad is None:
            self._memory.lasting(f"{venue}.{check}", self._look.at_us, bad=False)
            return Outcome(venue, check, passed=True, text=text)
        return self._outcome(venue, check, bad, text, CONNECTED_GRACE_US)

    def _away(self, worker: Worker) -> tuple[str | None, str]:
        """What is wrong with the connection, or None; and what to do, or how it is."""
        name, at_us, record = worker.name, self._look.at_us, worker.record
        again = f"`candlewick restart {name}` starts its worker anew"
        if not self._look.supervised and (record is None or worker.silent_us(at_us)):
            return "the platform does not run here", "`candlewick up` starts it."
        if worker.process is not None and worker.process.state != RUNNING:
            said = f"the worker's process is {worker.process.state}"
            return said, f"The supervisor starts it again; its log is `logs/{name}.log` of the home. {again}."
        if record is None:
            return "its worker has not said anything yet", f"{again}."
        if worker.silent_us(at_us):
            return f"its worker has said nothing since {iso(record.at_us)}", f"{again}."
        if not _is_configured(worker) or worker.fact("connected") == "yes" or not worker.streams:
            return None, record.summary
        trouble = worker.fact("trouble") or record.summary
        return f"not connected: {trouble}", (
            "It tries again by itself, at least every 30 s. `candlewick doctor` examines the installation, "
            f"{again}."
        )

    def _stuck(self, worker: Worker) -> list[StuckStream]:
        found: list[StuckStream] = []
        still = worker.fact("still") == "yes"
        for name, stream in worker.streams.items():
            problem = _of_stream(stream, still=still) if _is_configured(worker) else ""
            grace = STILL_GRACE_US if still else STREAM_GRACE_US
            lasted = self._memory.lasting(f"stream {name}", self._look.at_us, bad=bool(problem))
            if lasted is not None and (lasted >= grace or not self._patient):
                found.append(StuckStream(name, problem))
        return found

    def _data_moving(self, worker: Worker, mute: list[StuckStream] | None) -> Outcome:
        venue, check = worker.name, Check.DATA_MOVING
        if mute is None:
            return Outcome(venue, check, passed=None, text="its worker does not say")
        if not mute:
            states = sorted({stream.state for stream in worker.streams.values()})
            resting = ", ".join(states) or "no series"
            return Outcome(venue, check, passed=True, text=f"{len(worker.streams)} series: {resting}")
        return Outcome(
            venue,
            check,
            passed=False,
            text=f"{len(mute)} of {len(worker.streams)} series do not move. A mute symbol is "
            "subscribed to again by itself; one that the venue refuses may be misspelt. `candlewick status` "
            f"shows each series, `candlewick restart {venue}` starts the worker anew.",
            header=("series", "what"),
            rows=tuple((one.series, one.text) for one in mute),
        )

    def _lag(self, worker: Worker) -> Outcome:
        venue, check = worker.name, Check.LAG
        if worker.record is None or worker.silent_us(self._look.at_us):
            return Outcome(venue, check, passed=None, text="its worker does not say")
        rows = []
        lags = []
        for name, stream in worker.streams.items():
            if stream.waiting >= UNSENT:
                rows.append((name, f"{stream.waiting} events wait for Pulsar"))
            if not stream.last_event_us or stream.quiet_s > RECENT_S:
                continue
            lags.append(stream.lag_ms)
            if stream.lag_ms > LAG_MS or stream.lag_ms < AHEAD_MS:
                rows.append((name, f"{stream.lag_ms / 1000:.1f} s from exchange to receipt"))
        if not rows:
            self._memory.lasting(f"{venue}.{check}", self._look.at_us, bad=False)
            worst = f"{max(lags):.0f} ms at most" if lags else "no event of late"
            return Outcome(venue, check, passed=True, text=f"from exchange to receipt: {worst}")
        return self._outcome(
            venue,
            check,
            f"{len(rows)} figures of its series are out of bounds",
            "Where all are, and about equal, the clock of this machine is wrong: `timedatectl` shows it. "
            "Events that wait for Pulsar: `candlewick status` shows whether the broker runs.",
            LAG_GRACE_US,
            header=("series", "what"),
            rows=tuple(rows),
        )

    def _reconnect_rate(self, worker: Worker) -> Outcome:
        venue, check = worker.name, Check.RECONNECT_RATE
        count = worker.fact("reconnects")
        if not count.isdecimal() or worker.silent_us(self._look.at_us):
            return Outcome(venue, check, passed=None, text="its worker does not say")
        lost = self._memory.reconnected(venue, int(count), self._look.at_us)
        text = f"{lost} connections were lost within the last hour"
        if lost <= RECONNECTS:
            return Outcome(venue, check, passed=True, text=text)
        trouble = worker.fact("trouble") or "no reason is known"
        return Outcome(
            venue,
            check,
            passed=False,
            text=f"{text}, the last one because: {trouble}. Nothing is lost by it that the venue can give "
            f"again. `candlewick doctor` examines the installation; `logs/{venue}.log` has every reason.",
        )

    # What becomes of it

    def _lasting_holes(self) -> tuple[Hole, ...] | None:
        if self._look.holes is None:
            return None
        lasting: list[Hole] = []
        known: set[str] = set()
        for hole in self._look.holes:
            worker = self._look.workers.get(hole.series.partition(":")[0])
            if worker is not None and not _is_configured(worker):
                # Nothing is expected of a venue without credentials.
                continue
            what = f"hole {hole.series} {hole.from_us}"
            known.add(what)
            stream = None if worker is None else worker.streams.get(hole.series)
            grace = FILLING_GRACE_US if stream is not None and stream.open_gaps else HOLE_GRACE_US
            lasted = self._memory.lasting(what, self._look.at_us, bad=True) or 0
            if lasted >= grace or not self._patient:
                lasting.append(hole)
        self._memory.forget_others("hole ", known)
        return tuple(lasting)

    def _open_gaps(self, venue: str, holes: tuple[Hole, ...] | None) -> Outcome:
        check = Check.OPEN_GAPS
        if holes is None:
            return Outcome(venue, check, passed=None, text=self._look.database_problem)
        mine = [hole for hole in holes if hole.series.startswith(f"{venue}:")]
        if not mine:
            return Outcome(venue, check, passed=True, text="no hour of the last day has a gap, or is late")
        return Outcome(
            venue,
            check,
            passed=False,
            text=f"{len(mine)} holes in the last day. {_remedy(mine)}",
            header=("series", "from", "to", "what"),
            rows=tuple(
                (one.series, iso(one.from_us, micros=True), iso(one.to_us, micros=True), one.reason)
                for one in mine
            ),
            is_warning=all(one.reason == "gap" and one.series.endswith(f":{Kind.QUOTES}") for one in mine),
        )

    def _recorded(self, venue: str) -> Outcome:
        check, at_us = Check.RECORDED, self._look.at_us
        recorder = self._look.workers.get(programs.RECORDER, Worker(programs.RECORDER))
        again = "`candlewick restart recorder` starts it anew; nothing is lost by that."
        if recorder.record is None:
            return self._outcome(
                venue, check, "the recorder has not said anything yet", again, RECORDER_GRACE_US
            )
        if recorder.silent_us(at_us):
            since = iso(recorder.record.at_us)
            return self._outcome(venue, check, f"the recorder has said nothing since {since}", again, 0)
        rows = tuple(
            (name, problem)
            for name in self._look.of_venue(venue)
            if (problem := recorder.fact(f"{name}.problem"))
        )
        if rows or recorder.record.condition is Condition.DEGRADED:
            bad = f"the recorder: {recorder.record.summary}"
            help_ = f"`candlewick status` shows whether broker and database run; {again}"
            header = ("series", "what") if rows else ()
            return self._outcome(venue, check, bad, help_, RECORDER_GRACE_US, header=header, rows=rows)
        self._memory.lasting(f"{venue}.{check}", at_us, bad=False)
        return Outcome(venue, check, passed=True, text=f"the recorder: {recorder.record.summary}")

    def _landing(self, venue: str) -> Outcome:
        """Of the hours of one venue."""
        check, sinks = Check.SINK_PROGRESS, self._look.sinks
        if sinks is None:
            return Outcome(venue, check, passed=None, text=self._look.broker_problem)
        mine = [
            topic
            for sink in sinks.values()
            for name, topic in sink.topics.items()
            if name.startswith(f"{venue}:")
        ]
        owed, landed = sum(topic.owed for topic in mine), sum(topic.landed for topic in mine)
        stood_us = self._memory.standing(f"venue {venue}", landed, self._look.at_us, owed=owed > 0)
        if stood_us < SINK_GRACE_US:
            return Outcome(venue, check, passed=True, text=f"{owed} hours are on their way to the database")
        names = " and ".join(
            f"`candlewick restart {sink.name}`" for sink in sinks.values() if _has(sink, venue)
        )
        return Outcome(
            venue,
            check,
            passed=False,
            text=f"{owed} hours are owed to the database, and none has landed for "
            f"{_ago(stood_us)}. The guard restarts what is stuck and names rows that are refused: "
            f"`candlewick status`. By hand: {names}.",
        )

    def _sink(self, sink: Sink) -> Outcome:
        check = Check.SINK_PROGRESS
        stood_us = self._memory.standing(
            f"sink {sink.name}", sink.landed, self._look.at_us, owed=sink.owed > 0
        )
        state = f"{sink.running} of {sink.instances} instances run, {sink.owed} hours are owed"
        refused = f", {sink.poison} rows are refused by the database" if sink.poison else ""
        if not sink.exists:
            return self._outcome(
                sink.name, check, "there is no such sink", "`candlewick up` makes it anew.", 0
            )
        if sink.unreadable:
            names = ", ".join(sink.unreadable)
            bad = f"the broker cannot open the topic of {names}, and the sink waits for it"
            help_ = "docs/operating.md, A topic that cannot be opened, says what to do."
            return self._outcome(sink.name, check, bad, help_, SINK_GRACE_US)
        if sink.poison:
            return Outcome(
                sink.name,
                check,
                passed=False,
                text=f"{state}{refused}: `candlewick status` shows which and why; docs/topics.md, Poison, "
                "says how they are mended.",
            )
        if stood_us >= SINK_GRACE_US or not sink.running:
            bad = f"{state}, and none has landed for {_ago(stood_us)}" if stood_us else state
            help_ = f"The guard restarts it by itself; by hand: `candlewick restart {sink.name}`."
            return self._outcome(sink.name, check, bad, help_, SINK_GRACE_US if not stood_us else 0)
        self._memory.lasting(f"{sink.name}.{check}", self._look.at_us, bad=False)
        return Outcome(sink.name, check, passed=True, text=state)

    def _outcome(
        self,
        subject: str,
        check: Check,
        bad: str,
        remedy: str,
        grace_us: int,
        *,
        header: tuple[str, ...] = (),
        rows: tuple[tuple[str, ...], ...] = (),
    ) -> Outcome:
        """Something bad: a failure once it has lasted for longer than its grace."""
        lasted = self._memory.lasting(f"{subject}.{check}", self._look.at_us, bad=True) or 0
        if self._patient and lasted < grace_us:
            return Outcome(subject, check, passed=True, text=f"for a moment: {bad}")
        text = bad[0].upper() + bad[1:]
        return Outcome(subject, check, passed=False, text=f"{text}. {remedy}", header=header, rows=rows)


def _is_configured(worker: Worker) -> bool:
    return worker.fact("configured") != "no"


def _has(sink: Sink, venue: str) -> bool:
    return any(name.startswith(f"{venue}:") and topic.owed for name, topic in sink.topics.items())


def _of_stream(stream: StreamHealth, *, still: bool) -> str:
    """What keeps a series from moving; empty where nothing does, or where its connection does."""
    if stream.problem:
        return stream.problem
    if stream.state == "refused":
        return "the venue refuses it"
    if still and stream.state in {"quiet", "streaming"}:
        return f"connected, but nothing has come for {stream.quiet_s:.0f} s"
    if stream.state == "opening":
        return "its topics are not open yet"
    return ""


def _remedy(holes: list[Hole]) -> str:
    """What to type about holes."""
    days = sorted({us_day(hole.from_us) for hole in holes})
    last = max(hole.to_us for hole in holes)
    names = sorted({hole.series for hole in holes})
    span = f"--from {days[0]} --to {from_us(last + DAY_US - 1).date()}"
    text = f"`candlewick coverage {names[0]} {span}` shows them with their bounds."
    trades = [name for name in names if name.endswith(f":{Kind.TRADES}")]
    if trades:
        text += f" `candlewick backfill {trades[0]} {span}` asks the venue for the trades again."
    if len(trades) < len(names):
        text += " Quotes are not given again by any venue: their gaps stay, and are shown."
    return text


def _ago(us: int) -> str:
    seconds = us // SECOND_US
    return f"{seconds} s" if seconds < 120 else f"{seconds // 60} min"


def failures(outcomes: tuple[Outcome, ...]) -> Iterator[Outcome]:
    """Those that are bad."""
    return (one for one in outcomes if one.passed is False)
