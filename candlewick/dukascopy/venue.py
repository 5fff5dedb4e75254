"""Dukascopy over HTTP: one client for all transports, at the limiter's pace."""

import random
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from types import TracebackType
from typing import Self

import httpx

from candlewick.dukascopy import jetta
from candlewick.dukascopy.faults import Fault, InvalidAnswerError
from candlewick.dukascopy.limiter import HostClosedError, Limiter, Outcome, retry_after
from candlewick.dukascopy.transports import (
    Answer,
    DayObjects,
    HourFiles,
    JsonFeed,
    Missing,
    Reply,
    Transport,
    Unavailable,
)
from candlewick.dukascopy.venue_candles import Level, Side, VenueCandles, decode_bi5, decode_json
from candlewick.errors import CandlewickError
from candlewick.instruments import Instrument, Series
from candlewick.settings import Settings
from candlewick.times import DAY_US, now_us, us_day

MAX_BODY_BYTES = 64 * 2**20
"""Compressed size beyond which no answer is read on; a busy day object has one million bytes."""

ATTEMPTS = 4
_LONGEST_ANSWER_S = 300.0
_LONGEST_PAUSE_S = 30.0
_THROTTLED = frozenset({202, 403, 429, 503})

# The JSON host answers 202 without a body to clients that do not look like a browser.
_HEADERS = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "Referer": "https://freeserv.dukascopy.com/",
    "Accept": "*/*",
}


class Meter:
    """Counts requests that went out and bytes that came back; threads share it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.requests = 0
        self.bytes = 0

    def count(self, size: int) -> None:
        with self._lock:
            self.requests += 1
            self.bytes += size


class Venue:
    """Dukascopy over HTTP: its transports in the order in which they are tried.

    Safe to share between threads. Every request takes its turn at the limiter.
    """

    def __init__(self, settings: Settings, limiter: Limiter, *, clock: Callable[[], int] = now_us) -> None:
        for url in (settings.dukascopy_url, settings.dukascopy_json_url):
            _require_address(url)
        self.transports: tuple[Transport, ...] = (
            DayObjects(settings.dukascopy_url),
            *((JsonFeed(settings.dukascopy_json_url),) if _has_json(settings) else ()),
            HourFiles(settings.dukascopy_url),
        )
        self.settings = settings
        self._limiter = limiter
        self._clock = clock
        self._history_starts: dict[str, HistoryStart | None] = {}
        # Under load the venue takes 15 to 45 s to answer.
        self._client = httpx.Client(
            timeout=httpx.Timeout(settings.dukascopy_timeout, connect=min(10.0, settings.dukascopy_timeout)),
            headers=_HEADERS,
            limits=httpx.Limits(max_connections=8),
            trust_env=True,
        )

    def close(self) -> None:
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def get(self, url: str, meter: Meter | None = None) -> Reply:
        """One resource, after up to four attempts with jittered pauses between them."""
        meter = meter or Meter()
        address = httpx.URL(url)
        host = address.netloc.decode()
        for attempt in range(ATTEMPTS):
            try:
                return self._get_once(address, host, meter)
            except HostClosedError as error:
                return Unavailable("host-closed", error.problem)
            except _AgainError as error:
                failure = error
            if attempt + 1 < ATTEMPTS:
                longest = self._limiter.pause_s(host) * 2**attempt
                time.sleep(random.uniform(0, min(_LONGEST_PAUSE_S, longest)))  # noqa: S311 (full jitter)
        return Unavailable(failure.reason, f"{failure.detail}, {ATTEMPTS} times")

    def _get_once(self, url: httpx.URL, host: str, meter: Meter) -> Reply:
        self._limiter.acquire(host)
        try:
            status, headers, body = self._read(url, meter)
        except InvalidAnswerError as error:
            self._limiter.report(host, Outcome.ANSWERED)
            return Unavailable(error.fault, error.detail)
        except httpx.TimeoutException as error:
            self._limiter.report(host, Outcome.FAILED)
            raise _AgainError(
                "timed-out", f"{host} did not answer in time ({type(error).__name__})"
            ) from None
        except httpx.ConnectError as error:
            self._limiter.report(host, Outcome.UNREACHABLE)
            raise _AgainError("unreachable", f"{host}: {error}") from None
        except httpx.HTTPError as error:
            self._limiter.report(host, Outcome.FAILED)
            raise _AgainError("unreachable", f"{host}: {error}") from None
        if status in _THROTTLED:
            self._limiter.report(
                host,
                Outcome.THROTTLED,
                retry_after_s=retry_after(headers.get("Retry-After", ""), self._clock()),
            )
            raise _AgainError("throttled", f"{host} answered {status}")
        if status >= 500:
            self._limiter.report(host, Outcome.FAILED)
            raise _AgainError("server-error", f"{host} answered {status}")
        self._limiter.report(host, Outcome.ANSWERED)
        if status == 200:
            return Answer(body, self._clock())
        if status == 404:
            return Missing("not-published", f"{host} answered 404")
        if status == 400:
            return Missing("too-late", f"{host} answered 400")
        return Unavailable(f"http-{status}", f"{host} answered {status}")

    def _read(self, url: httpx.URL, meter: Meter) -> tuple[int, httpx.Headers, bytes]:
        deadline = time.monotonic() + max(_LONGEST_ANSWER_S, self.settings.dukascopy_timeout)
        parts: list[bytes] = []
        size = 0
        try:
            with self._client.stream("GET", url) as response:
                for part in response.iter_bytes():
                    size += len(part)
                    if size > MAX_BODY_BYTES:
                        raise InvalidAnswerError(Fault.TOO_LARGE, f"more than {MAX_BODY_BYTES} bytes")
                    if time.monotonic() > deadline:
                        raise httpx.ReadTimeout("the body does not end")
                    parts.append(part)
        finally:
            meter.count(size)
        return response.status_code, response.headers, b"".join(parts)

    def candles(
        self,
        instrument: Instrument,
        series: Series,
        level: Level,
        day: date,
        side: Side,
        *,
        meter: Meter | None = None,
    ) -> "CandleAnswer | None":
        """The venue's own candles of the period that covers a day; None where no host has sound ones."""
        for url, label in self._candle_urls(instrument, level, day, side):
            try:
                reply = self.get(url, meter)
                if isinstance(reply, Answer):
                    is_json = label.endswith(".json")
                    candles = (
                        decode_json(reply.body, level, day, series.price_scale)
                        if is_json
                        else decode_bi5(reply.body, level, day)
                    )
                    return CandleAnswer(candles, label, reply)
            except InvalidAnswerError:
                continue
        return None

    def history_start(self, instrument: Instrument, meter: Meter | None = None) -> "HistoryStart | None":
        """Where the venue says that an instrument's ticks begin; None where it does not say. Asked once."""
        if instrument.symbol not in self._history_starts:
            self._history_starts[instrument.symbol] = self._ask_history_start(instrument, meter)
        return self._history_starts[instrument.symbol]

    def _ask_history_start(self, instrument: Instrument, meter: Meter | None) -> "HistoryStart | None":
        if not (instrument.jetta_code and _has_json(self.settings)):
            return None
        reply = self.get(f"{self.settings.dukascopy_json_url}/instruments/{instrument.jetta_code}", meter)
        if not isinstance(reply, Answer):
            return None
        try:
            histories = jetta.parse(reply.body)["histories"]
            first_ms = next(entry["from"] for entry in histories if entry["period"] == "TICK")
            return HistoryStart(int(first_ms) * 1000, reply)
        except (InvalidAnswerError, KeyError, TypeError, ValueError, StopIteration):
            return None

    def _candle_urls(
        self, instrument: Instrument, level: Level, day: date, side: Side
    ) -> Iterator[tuple[str, str]]:
        folders = {
            Level.MINUTE: f"{day.year}/{day.month - 1:02}/{day.day:02}",
            Level.HOUR: f"{day.year}/{day.month - 1:02}",
            Level.DAY: f"{day.year}",
        }
        name = {Level.MINUTE: "min", Level.HOUR: "hour", Level.DAY: "day"}[level]
        file = f"{side.value}_candles_{name}_1"
        yield (
            f"{self.settings.dukascopy_url}/{instrument.bi5_symbol}/{folders[level]}/{file}.bi5",
            f"{file}.bi5",
        )
        if _has_json(self.settings) and instrument.jetta_code:
            dates = {
                Level.MINUTE: f"{day.year}/{day.month}/{day.day}",
                Level.HOUR: f"{day.year}/{day.month}",
                Level.DAY: f"{day.year}",
            }
            long_name = {Level.MINUTE: "minute", Level.HOUR: "hour", Level.DAY: "day"}[level]
            yield (
                f"{self.settings.dukascopy_json_url}/candles/{long_name}/{instrument.jetta_code}/{side.value}"
                f"/{dates[level]}",
                f"{file}.json",
            )


@dataclass(frozen=True, slots=True)
class CandleAnswer:
    """Decoded candles with the bytes that they were decoded from; `label` names their file."""

    candles: VenueCandles
    label: str
    answer: Answer


@dataclass(frozen=True, slots=True)
class HistoryStart:
    """The first tick that the venue has, microseconds since 1970, UTC, and where it says so."""

    first_tick_us: int
    answer: Answer


class _AgainError(Exception):
    """An attempt failed in a way that another may not."""

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail


def _require_address(url: str) -> None:
    try:
        address = httpx.URL(url)
    except httpx.InvalidURL:
        address = httpx.URL()
    if url.lower() != "none" and not (address.scheme in ("http", "https") and address.host):
        raise CandlewickError(
            f"{url!r} is no address of a venue",
            "set CANDLEWICK_DUKASCOPY_URL and CANDLEWICK_DUKASCOPY_JSON_URL to http:// or https:// addresses",
        )


def _has_json(settings: Settings) -> bool:
    return settings.dukascopy_json_url.lower() != "none"


def confirm_scale(venue: Venue, instrument: Instrument) -> int:
    """The instrument's decimal digits by the venue's own word: `/instruments/{CODE}` of the JSON feed.

    Where that has no scale, the price step of its latest day candles tells.

    Raises:
        CandlewickError: the venue does not say.
    """
    if instrument.jetta_code and _has_json(venue.settings):
        base = venue.settings.dukascopy_json_url
        reply = venue.get(f"{base}/instruments/{instrument.jetta_code}")
        if isinstance(reply, Answer):
            payload = jetta.parse(reply.body)
            if payload.get("priceScale") is not None:
                return jetta.integer(payload, "priceScale")
        year = us_day(now_us() - 400 * DAY_US).year
        reply = venue.get(f"{base}/candles/day/{instrument.jetta_code}/BID/{year}")
        if isinstance(reply, Answer):
            return jetta.stated_scale(jetta.parse(reply.body))
    raise CandlewickError(
        f"Dukascopy does not say how many decimals {instrument.name} has",
        "give them with --price-scale once you know them from a price you trust",
    )
