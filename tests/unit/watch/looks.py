"""Looks at a live side that is as a test wants it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from candlewick.health import Condition, Health
from candlewick.instruments import Kind
from candlewick.live.stream_health import StreamHealth, to_fact
from candlewick.times import DAY_US, HOUR_US, SECOND_US
from candlewick.watch.look import WORKERS, Hole, Look, Process, Sink, Topic, Worker

NOW_US = 20_000 * DAY_US + 13 * HOUR_US
TRADES, QUOTES = "kraken:btcusd:trades", "kraken:btcusd:quotes"
STREAMING = StreamHealth("streaming", 100, 100, 0, NOW_US, 0.1, 6.0, 40.0)


def worker(
    name: str = "kraken",
    *,
    at_us: int = NOW_US,
    said_us: int | None = None,
    condition: Condition = Condition.OK,
    streams: Mapping[str, StreamHealth] | None = None,
    state: str = "RUNNING",
    age_s: int = 3600,
    **facts: str,
) -> Worker:
    """A worker; `said_us` is when its last record was written."""
    known = {"connected": "yes", "still": "no", "configured": "yes", "reconnects": "0", "trouble": ""}
    if streams is None:
        streams = {TRADES: STREAMING, QUOTES: STREAMING} if name == "kraken" else {}
    said = {series: to_fact(stream) for series, stream in streams.items()}
    record = Health(
        name, at_us if said_us is None else said_us, condition, "fine", {**known, **facts, **said}
    )
    return Worker(name, record, Process(state, 4711, at_us - age_s * SECOND_US))


def sink(
    kind: Kind = Kind.TRADES, owed: int = 0, landed: int = 10, running: int = 2, *, poison: int = 0
) -> Sink:
    name = "trade-hours" if kind is Kind.TRADES else "quote-hours"
    series = TRADES if kind is Kind.TRADES else QUOTES
    return Sink(name, kind, True, running, 2, (), {series: Topic(owed, landed)}, poison)  # noqa: FBT003


@dataclass(frozen=True)
class Scene:
    """What a look shows; each change makes another one."""

    at_us: int = NOW_US
    kraken: Worker = field(default_factory=worker)
    recorder: Worker = field(default_factory=lambda: worker("recorder"))
    guard: Worker = field(default_factory=lambda: worker("guard"))
    sinks: Sequence[Sink] | None = (sink(Kind.QUOTES), sink(Kind.TRADES))
    holes: Sequence[Hole] | None = ()
    series: Sequence[str] = (QUOTES, TRADES)
    database_problem: str = ""

    def look(self, **changes: object) -> Look:
        scene = replace(self, **changes)  # type: ignore[arg-type]
        workers = {name: worker(name, at_us=scene.at_us) for name in WORKERS}
        workers |= {"kraken": scene.kraken, "recorder": scene.recorder, "guard": scene.guard}
        return Look(
            scene.at_us,
            supervised=True,
            workers=workers,
            series=tuple(scene.series),
            sinks=None if scene.sinks is None else {one.name: one for one in scene.sinks},
            holes=None if scene.holes is None else tuple(scene.holes),
            broker_problem="" if scene.sinks is not None else "the broker does not answer",
            database_problem=scene.database_problem,
        )

    def later(self, seconds: float, **changes: object) -> "Scene":
        """The same later, everybody having spoken just now."""
        at_us = self.at_us + round(seconds * SECOND_US)
        spoken = {
            name: replace(one, record=replace(one.record, at_us=at_us))
            for name, one in (("kraken", self.kraken), ("recorder", self.recorder), ("guard", self.guard))
            if one.record is not None
        }
        return replace(self, at_us=at_us, **{**spoken, **changes})  # type: ignore[arg-type]
