"""The ways to a day's quotes: what to ask for and how to read the answer. No network here.

| transport | address | one answer covers |
| --- | --- | --- |
| `day-object` | bi5 host, `{SYM}/{YYYY}/{MM0}/{DD}_ticks.bi5` | a UTC day that is over |
| `json-feed` | JSON host, `/ticks/{CODE}/{Y}/{M}/{D}/{H}` | an hour that is over |
| `bi5-hour` | bi5 host, `{SYM}/{YYYY}/{MM0}/{DD}/{HH}h_ticks.bi5` | an hour that is over |

`MM0` counts months from zero, `M` from one. Which answer means what: `docs/dukascopy.md`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from candlewick.dukascopy import bi5, day_object, jetta
from candlewick.hours import Quotes
from candlewick.instruments import Instrument, Series
from candlewick.times import DAY_US, HOUR_US, from_us, us_day

DAY_OBJECT = "day-object"
JSON_FEED = "json-feed"
BI5_HOUR = "bi5-hour"


@dataclass(frozen=True, slots=True)
class Request:
    """One GET.

    Attributes:
        label: file name under which its answer is archived.
        hours: starts of the hours that its answer covers.
    """

    transport: str
    url: str
    label: str
    hours: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """A 200 with its whole body; zero bytes are an answer too. `received_us` is since 1970, UTC."""

    body: bytes
    received_us: int


@dataclass(frozen=True, slots=True)
class Missing:
    """The venue does not have it (yet): 404, or 400 from the JSON feed. `reason` is a stable name."""

    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class Unavailable:
    """No answer worth judging, after all attempts. `reason` is a stable name."""

    reason: str
    detail: str


Reply = Answer | Missing | Unavailable


class Transport(Protocol):
    """How to ask for hours and how to read the answers."""

    @property
    def name(self) -> str: ...

    def requests(self, instrument: Instrument, hours: Sequence[int], at_us: int) -> list[Request]:
        """Requests for hours of one UTC day; none where this transport cannot have them at `at_us`."""

    def decode(self, request: Request, body: bytes, series: Series) -> dict[int, Quotes]:
        """Quotes by hour; an hour that the answer covers and that is absent has none.

        Raises:
            InvalidAnswerError: nothing of the answer may be used.
        """


@dataclass(frozen=True, slots=True)
class DayObjects:
    base_url: str
    name: str = DAY_OBJECT

    def requests(self, instrument: Instrument, hours: Sequence[int], at_us: int) -> list[Request]:
        if not hours:
            return []
        start_us = hours[0] // DAY_US * DAY_US
        if at_us < start_us + DAY_US:
            return []
        folder = bi5_folder(self.base_url, instrument, us_day(start_us))
        covered = tuple(range(start_us, start_us + DAY_US, HOUR_US))
        return [Request(self.name, f"{folder}_ticks.bi5", "day_ticks.bi5", covered)]

    def decode(self, request: Request, body: bytes, series: Series) -> dict[int, Quotes]:
        _ = series  # bi5 integers are in the series' scale
        return day_object.decode_day(body, request.hours[0])


@dataclass(frozen=True, slots=True)
class JsonFeed:
    base_url: str
    name: str = JSON_FEED

    def requests(self, instrument: Instrument, hours: Sequence[int], at_us: int) -> list[Request]:
        if instrument.jetta_code is None:
            return []
        return [
            Request(
                self.name, self._url(instrument.jetta_code, hour_us), f"{hour:02}h_ticks.json", (hour_us,)
            )
            for hour_us, hour in _hours_over(hours, at_us)
        ]

    def decode(self, request: Request, body: bytes, series: Series) -> dict[int, Quotes]:
        return _by_hour(request, jetta.decode_hour(body, request.hours[0], series.price_scale))

    def _url(self, code: str, hour_us: int) -> str:
        moment = from_us(hour_us)
        return f"{self.base_url}/ticks/{code}/{moment.year}/{moment.month}/{moment.day}/{moment.hour}"


@dataclass(frozen=True, slots=True)
class HourFiles:
    base_url: str
    name: str = BI5_HOUR

    def requests(self, instrument: Instrument, hours: Sequence[int], at_us: int) -> list[Request]:
        return [
            Request(
                self.name,
                f"{bi5_folder(self.base_url, instrument, us_day(hour_us))}/{hour:02}h_ticks.bi5",
                f"{hour:02}h_ticks.bi5",
                (hour_us,),
            )
            for hour_us, hour in _hours_over(hours, at_us)
        ]

    def decode(self, request: Request, body: bytes, series: Series) -> dict[int, Quotes]:
        _ = series  # bi5 integers are in the series' scale
        return _by_hour(request, bi5.decode_hour(body))


ALL_TRANSPORTS: tuple[Transport, ...] = (DayObjects(""), JsonFeed(""), HourFiles(""))
"""Every transport, without an address: enough to read what came by it."""


def bi5_folder(base_url: str, instrument: Instrument, day: date) -> str:
    """Where the bi5 host keeps a day: months count from zero."""
    return f"{base_url}/{instrument.bi5_symbol}/{day.year}/{day.month - 1:02}/{day.day:02}"


def _hours_over(hours: Sequence[int], at_us: int) -> Iterator[tuple[int, int]]:
    return ((hour_us, hour_us // HOUR_US % 24) for hour_us in hours if hour_us + HOUR_US <= at_us)


def _by_hour(request: Request, quotes: Quotes) -> dict[int, Quotes]:
    return {request.hours[0]: quotes} if len(quotes) else {}
