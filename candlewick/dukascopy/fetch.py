"""A day of one series: asked for, judged, archived.

The transports are tried in order, each only for the hours that are not settled yet. What is archived
stays unless the same transport later gives something else that is valid: that is the venue's
correction. Another transport that gives something else is reported and corrects nothing.
"""

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import date

from candlewick.archive import Archive, ArchiveDamagedError, ArchivedDay, ArchivedHour, ArchivedObject
from candlewick.calendars import calendar
from candlewick.dukascopy import judge
from candlewick.dukascopy.archived_days import (
    MINUTE_CANDLES,
    VENUE_HISTORY,
    LoadedDay,
    hour_of,
    load_day,
    renewed_hour,
)
from candlewick.dukascopy.bi5 import oddities
from candlewick.dukascopy.faults import Fault, InvalidAnswerError
from candlewick.dukascopy.judge import Evidence, Expectation, Finding, Found, Judgement
from candlewick.dukascopy.transports import Answer, Missing, Reply, Request, Transport
from candlewick.dukascopy.venue import CandleAnswer, Meter, Venue
from candlewick.dukascopy.venue_candles import Level, Side
from candlewick.dukascopy.volumes import VOLUME_SCALE
from candlewick.hours import FINAL_STATES, Hour, HourState, Quotes, content_hash
from candlewick.instruments import Instrument, Series, find
from candlewick.times import DAY_US, HOUR_US, day_us, iso

EMPTY_RETRIES = 2
"""How often an answer that is empty without evidence is asked for again before the next transport."""

INSTRUMENT_TABLE = "instrument-table"

_TOGETHER = 4


@dataclass(frozen=True, slots=True)
class HourProblem:
    """Why an hour is not final, or why the last re-check of it failed; `reason` begins with a stable name."""

    hour_us: int
    state: HourState
    reason: str


@dataclass(frozen=True, slots=True)
class Disagreement:
    """Another transport has other content for an archived hour; the archived content stays."""

    hour_us: int
    archived: str
    other: str
    detail: str

    def __str__(self) -> str:
        return f"{iso(self.hour_us)}: {self.archived} and {self.other} disagree, {self.detail}"


@dataclass(frozen=True, slots=True)
class DayResult:
    """A day as it is known now.

    Attributes:
        hours: all hours with content or known to be empty, in order (archived ones included); hours
            outside the weekly session have none unless the venue had quotes there.
        changed: starts of the hours whose revision is new.
        problems: hours that are not final, and failed re-checks of hours that are.
        transport: what the content came by, joined with `+`; empty when there is none.
        requests, bytes: what it cost.
        warnings: damaged archive objects and the like, one line each.
        crossed, repeated_times: quotes with bid above ask, and at the time of the one before: kept.
    """

    series: str
    day: date
    hours: list[Hour] = field(default_factory=list)
    changed: set[int] = field(default_factory=set)
    problems: list[HourProblem] = field(default_factory=list)
    transport: str = ""
    requests: int = 0
    bytes: int = 0
    disagreements: list[Disagreement] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    crossed: int = 0
    repeated_times: int = 0


def fetch_day(
    series: Series,
    day: date,
    *,
    venue: Venue,
    archive: Archive,
    now_us: int,
    recheck: bool = False,
    known_revisions: Mapping[int, int] | None = None,
) -> DayResult:
    """Bring the archive up to date with the venue for one UTC day, and say what is known of it.

    The caller holds `day_lock(series, day)`. Final hours are asked for again only for a `recheck`.

    Args:
        now_us: the time by which hours are judged, microseconds since 1970, UTC.
        known_revisions: by hour, revisions that are known elsewhere (a database that outlived its
            archive); new ones are higher.

    Raises:
        CandlewickError: nothing can be done at all (unknown instrument, archive or limiter away).
    """
    fetch = _DayFetch(
        series, day, venue=venue, archive=archive, now_us=now_us, known_revisions=known_revisions or {}
    )
    return fetch.run(recheck=recheck)


@dataclass(frozen=True, slots=True)
class _Content:
    """Quotes of an hour (maybe none, when `state` is closed) and the bytes behind them."""

    quotes: Quotes
    transport: str
    bodies: tuple[tuple[Request, Answer], ...]
    received_us: int


class _DayFetch:
    """The state of one `fetch_day`."""

    def __init__(
        self,
        series: Series,
        day: date,
        *,
        venue: Venue,
        archive: Archive,
        now_us: int,
        known_revisions: Mapping[int, int],
    ) -> None:
        if series.volume_scale != VOLUME_SCALE:
            raise ValueError(
                f"{series.name} has volume scale {series.volume_scale}, Dukascopy's is {VOLUME_SCALE}"
            )
        self.series = series
        self.day = day
        self.venue = venue
        self.archive = archive
        self.now_us = now_us
        self.known_revisions = known_revisions
        self.instrument: Instrument = find(series.symbol)
        self.hours = range(day_us(day), day_us(day) + DAY_US, HOUR_US)
        self.result = DayResult(series.name, day)
        self.meter = Meter()
        self.loaded = self._load()
        self.found: dict[int, list[Found]] = {}
        self.content: dict[int, _Content] = {}
        self.replies: dict[str, Reply] = {}
        self._evidence: list[CandleAnswer] | None = None
        self._written: dict[int, str] = {}

    def run(self, *, recheck: bool) -> DayResult:
        expected = {hour_us: self._expect(hour_us) for hour_us in self.hours}
        queues = {
            hour_us: self._transports_for(hour_us)
            for hour_us, expectation in expected.items()
            if expectation is Expectation.OUT and (recheck or not self._is_settled(hour_us))
        }
        asked = set(queues)
        while queue := {hour_us: names for hour_us, names in queues.items() if names}:
            transport = next(t for t in self.venue.transports if any(t.name == n[0] for n in queue.values()))
            hours = [hour_us for hour_us, names in queue.items() if names[0] == transport.name]
            self._ask(transport, hours)
            for hour_us in hours:
                queues[hour_us] = [] if self._has_an_answer(hour_us) else queues[hour_us][1:]
        self._prove_absent(asked)
        return self._finish(expected, asked)

    def _load(self) -> LoadedDay:
        nothing = ArchivedDay(self.series.name, self.day, self.series.price_scale, self.series.volume_scale)
        try:
            loaded = load_day(self.series, self.day, self.archive)
        except ArchiveDamagedError as error:
            return LoadedDay(nothing, {}, set(), [str(error)])
        return loaded or LoadedDay(nothing, {}, set(), [])

    def _archived(self, hour_us: int) -> ArchivedHour | None:
        return self.loaded.manifest.hours.get(hour_us)

    # Asking

    def _expect(self, hour_us: int) -> Expectation:
        return judge.expect(
            hour_us,
            now_us=self.now_us,
            is_open=calendar(self.series.calendar).is_open(hour_us),
            first_tick_us=self.instrument.first_tick_us,
        )

    def _is_settled(self, hour_us: int) -> bool:
        archived = self._archived(hour_us)
        return (
            archived is not None
            and archived.state in FINAL_STATES
            and archived.transport != INSTRUMENT_TABLE
            and hour_us in self.loaded.hours
        )

    def _transports_for(self, hour_us: int) -> list[str]:
        names = [transport.name for transport in self.venue.transports]
        archived = self._archived(hour_us)
        if archived is None or archived.transport not in names:
            return names
        # A re-check uses the transport of the archived bytes; for an hour that is not final yet, or
        # whose bytes are lost, the others stand by.
        names.remove(archived.transport)
        return [archived.transport, *([] if self._is_settled(hour_us) else names)]

    def _has_an_answer(self, hour_us: int) -> bool:
        return hour_us in self.content or any(
            entry.reason == Fault.SCALE_MISMATCH for entry in self.found.get(hour_us, ())
        )

    def _ask(self, transport: Transport, hours: Sequence[int]) -> None:
        requests = transport.requests(self.instrument, hours, self.now_us)
        for _ in range(1 + EMPTY_RETRIES):
            for request, reply in zip(requests, self._get_all(requests), strict=True):
                self._take(transport, request, reply, set(hours) & set(request.hours))
            self._believe_empty(transport.name, hours)
            requests = [request for request in requests if self._is_doubtful(request, hours)]
            if not requests:
                return
            for request in requests:
                self.replies.pop(request.url, None)

    def _get_all(self, requests: Sequence[Request]) -> list[Reply]:
        if len(requests) < 2:
            return [self._get(request) for request in requests]
        with ThreadPoolExecutor(min(_TOGETHER, len(requests))) as pool:
            return list(pool.map(self._get, requests))

    def _get(self, request: Request) -> Reply:
        if request.url not in self.replies:
            self.replies[request.url] = self.venue.get(request.url, self.meter)
        return self.replies[request.url]

    def _take(self, transport: Transport, request: Request, reply: Reply, asked: set[int]) -> None:
        quotes: dict[int, Quotes] = {}
        if isinstance(reply, Answer):
            try:
                quotes = transport.decode(request, reply.body, self.series)
                finding = Found(Finding.EMPTY, transport.name)
            except InvalidAnswerError as error:
                finding = Found(Finding.REFUSED, transport.name, error.fault, error.detail)
        elif isinstance(reply, Missing):
            finding = Found(Finding.MISSING, transport.name, reply.reason, reply.detail)
        else:
            finding = Found(Finding.UNAVAILABLE, transport.name, reply.reason, reply.detail)
        for hour_us in request.hours:
            if hour_us in quotes and isinstance(reply, Answer):
                content = _Content(quotes[hour_us], transport.name, ((request, reply),), reply.received_us)
                self._take_quotes(hour_us, content, is_asked=hour_us in asked)
            elif hour_us in asked:
                self.found.setdefault(hour_us, []).append(finding)

    def _take_quotes(self, hour_us: int, content: _Content, *, is_asked: bool) -> None:
        archived = self._archived(hour_us)
        if (
            not is_asked
            and archived is not None
            and archived.transport not in (content.transport, INSTRUMENT_TABLE)
        ):
            self._compare(archived, content)
        elif hour_us not in self.content:
            self.content[hour_us] = content
            self.found.setdefault(hour_us, []).append(Found(Finding.QUOTES, content.transport))

    def _compare(self, archived: ArchivedHour, content: _Content) -> None:
        other = content_hash(self.series.price_scale, self.series.volume_scale, content.quotes).hex()
        if archived.state in FINAL_STATES and archived.content_hash != other:
            self.result.disagreements.append(
                Disagreement(
                    archived.hour_us,
                    archived.transport,
                    content.transport,
                    f"{archived.ticks} quotes against {len(content.quotes)}",
                )
            )

    # Evidence for empty hours

    def _believe_empty(self, transport: str, hours: Sequence[int]) -> None:
        for hour_us in hours:
            if self._is_empty(hour_us, transport) and self._evidence_of(hour_us) is Evidence.NO_VOLUME:
                self.content[hour_us] = self._no_volume(transport)

    def _no_volume(self, transport: str) -> _Content:
        bodies = tuple(
            (Request(MINUTE_CANDLES, "", entry.label, tuple(self.hours)), entry.answer)
            for entry in self._minute_candles()
        )
        return _Content(Quotes(), transport, bodies, max(answer.received_us for _, answer in bodies))

    def _prove_absent(self, hours: Iterable[int]) -> None:
        """Hours that no transport has, long after: closed where the venue shows that nothing ever was."""
        for hour_us in hours:
            found = self.found.get(hour_us, [])
            if hour_us in self.content or not judge.is_never_published(hour_us, found, self.now_us):
                continue
            if self._evidence_of(hour_us) is Evidence.NO_VOLUME:
                self.content[hour_us] = self._no_volume(found[-1].transport)
                continue
            history = self.venue.history_start(self.instrument, self.meter)
            if history is not None and hour_us + HOUR_US <= history.first_tick_us:
                request = Request(VENUE_HISTORY, "", "instrument.json", tuple(self.hours))
                self.content[hour_us] = _Content(
                    Quotes(), VENUE_HISTORY, ((request, history.answer),), history.answer.received_us
                )

    def _is_doubtful(self, request: Request, hours: Sequence[int]) -> bool:
        return any(
            hour_us in request.hours and self._is_empty(hour_us, request.transport) for hour_us in hours
        )

    def _is_empty(self, hour_us: int, transport: str) -> bool:
        found = self.found.get(hour_us, ())
        return hour_us not in self.content and any(
            entry.finding is Finding.EMPTY and entry.transport == transport for entry in found
        )

    def _evidence_of(self, hour_us: int) -> Evidence:
        if self._has_volume(hour_us):
            return Evidence.VOLUME
        # Candles without volume where there are quotes are not the whole day's.
        sound = all(self._has_volume(other) for other in self.hours if self._has_quotes(other))
        return Evidence.NO_VOLUME if sound and len(self._minute_candles()) == len(Side) else Evidence.UNKNOWN

    def _has_volume(self, hour_us: int) -> bool:
        return any(entry.candles.has_volume(hour_us, hour_us + HOUR_US) for entry in self._minute_candles())

    def _has_quotes(self, hour_us: int) -> bool:
        content, archived = self.content.get(hour_us), self._archived(hour_us)
        return bool(content and len(content.quotes)) or bool(archived and archived.ticks)

    def _minute_candles(self) -> list[CandleAnswer]:
        """The complete minute candles of the day, bid and ask; none before the day is over."""
        if self._evidence is None:
            self._evidence = []
            if judge.is_mature(self.hours[-1], self.now_us):
                for side in Side:
                    answer = self.venue.candles(
                        self.instrument, self.series, Level.MINUTE, self.day, side, meter=self.meter
                    )
                    if answer is not None and answer.candles.complete:
                        self._evidence.append(answer)
        return self._evidence

    # Judging and archiving

    def _finish(self, expected: Mapping[int, Expectation], asked: set[int]) -> DayResult:
        manifest = self.loaded.manifest
        kept, hours, problems = dict(manifest.hours), dict(self.loaded.hours), []
        objects = dict(manifest.objects)
        for hour_us in self.hours:
            content, judgement = self._judged(hour_us, expected[hour_us], is_asked=hour_us in asked)
            if judgement is not None and judgement.state not in FINAL_STATES:
                problems.append(HourProblem(hour_us, judgement.state, judgement.reason))
            if content is None or judgement is None or judgement.state is HourState.FAILED:
                continue
            archived = self._merged(hour_us, judgement, content, objects)
            if archived is not None:
                kept[hour_us] = archived
                hours[hour_us] = hour_of(self.series, archived, content.quotes)
        for hour_us in self.loaded.outdated & {h for h, entry in kept.items() if entry == self._archived(h)}:
            kept[hour_us] = renewed_hour(kept[hour_us], hours[hour_us], self.now_us)
            hours[hour_us] = hour_of(self.series, kept[hour_us], _quotes(hours[hour_us]))
        changed = {h for h, entry in kept.items() if _revision(manifest.hours.get(h)) != entry.revision}
        referenced = {name for entry in kept.values() for name in entry.objects}
        archived_day = replace(
            manifest,
            hours=kept,
            objects={name: entry for name, entry in objects.items() if name in referenced},
        )
        if archived_day != manifest:
            self.archive.write_day(self.series, archived_day)
        counts = [oddities(_quotes(hour)) for hour in hours.values()]
        used = {entry.transport for hour_us, entry in kept.items() if entry.ticks and hour_us in hours}
        return replace(
            self.result,
            hours=[hours[hour_us] for hour_us in sorted(hours)],
            changed=changed,
            problems=problems,
            transport="+".join(t.name for t in self.venue.transports if t.name in used),
            requests=self.meter.requests,
            bytes=self.meter.bytes,
            warnings=self.loaded.damaged,
            crossed=sum(count.crossed for count in counts),
            repeated_times=sum(count.repeated_times for count in counts),
        )

    def _judged(
        self, hour_us: int, expectation: Expectation, *, is_asked: bool
    ) -> tuple[_Content | None, Judgement | None]:
        content = self.content.get(hour_us)
        if content is not None and content.transport == VENUE_HISTORY:
            return content, Judgement(HourState.CLOSED, judge.BEFORE_HISTORY)
        if content is not None or is_asked:
            evidence = Evidence.UNKNOWN if content and len(content.quotes) else self._evidence_of(hour_us)
            found = self.found.get(hour_us, ())
            return content, judge.judge(hour_us, found, now_us=self.now_us, evidence=evidence)
        if expectation is Expectation.RUNNING:
            return None, Judgement(HourState.PENDING, judge.RUNNING)
        if expectation is Expectation.BEFORE_HISTORY and self._archived(hour_us) is None:
            before = _Content(Quotes(), INSTRUMENT_TABLE, (), self.now_us)
            return before, Judgement(HourState.CLOSED, judge.BEFORE_HISTORY)
        return None, None

    def _merged(
        self, hour_us: int, judgement: Judgement, content: _Content, objects: dict[str, ArchivedObject]
    ) -> ArchivedHour | None:
        """The hour's new entry; None where the archived one stands."""
        before = self._archived(hour_us)
        if before is not None and before.state in FINAL_STATES and judgement.state not in FINAL_STATES:
            return None
        new_hash = content_hash(self.series.price_scale, self.series.volume_scale, content.quotes).hex()
        revision = max(content.received_us, self.known_revisions.get(hour_us, 0) + 1)
        if before is not None:
            is_same = (before.state, before.content_hash) == (judgement.state, new_hash)
            revision = before.revision if is_same else max(revision, before.revision + 1)
        names = tuple(self._archive_object(request, answer, objects) for request, answer in content.bodies)
        return ArchivedHour(
            hour_us,
            judgement.state,
            judgement.reason,
            revision,
            content.transport,
            names,
            new_hash,
            len(content.quotes),
        )

    def _archive_object(self, request: Request, answer: Answer, objects: dict[str, ArchivedObject]) -> str:
        # An answer may be about many hours; it is written once.
        if id(answer) not in self._written:
            entry = self.archive.write_object(
                self.series,
                self.day,
                request.label,
                answer.body,
                transport=request.transport,
                received_us=answer.received_us,
                hours=request.hours,
            )
            objects.setdefault(entry.name, entry)
            self._written[id(answer)] = entry.name
        return self._written[id(answer)]


def _revision(archived: ArchivedHour | None) -> int | None:
    return None if archived is None else archived.revision


def _quotes(hour: Hour) -> Quotes:
    assert isinstance(hour.ticks, Quotes)  # noqa: S101 (the kind of every Dukascopy series)
    return hour.ticks
