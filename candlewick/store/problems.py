"""Hours that could not be had, and when each day was asked for."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from candlewick.hours import HourState
from candlewick.store.database import Connection, run
from candlewick.times import DAY_US, day_us, from_us


class Problem(Protocol):
    """Why an hour is not there: `state` is failed or pending."""

    @property
    def hour_us(self) -> int: ...
    @property
    def state(self) -> HourState: ...
    @property
    def reason(self) -> str: ...


@dataclass(frozen=True, slots=True)
class DayRequest:
    """The last request for a day of a series.

    Attributes:
        asked_us: when it was made, microseconds since 1970, UTC.
        transport: what gave the archived answer; None: nothing has.
        hours_out: hours that the venue had published by then.
        recheck_us: when to ask again for corrections; None: never.
        failures: requests in a row, up to this one, that left an hour failed.
    """

    asked_us: int
    transport: str | None
    hours_out: int
    recheck_us: int | None
    failures: int


def note_problems(connection: Connection, series: str, problems: Sequence[Problem], tried_us: int) -> None:
    """See `Store.note_problems`."""
    run(
        connection,
        "note_problems",
        {
            "series": series,
            "tried_at": from_us(tried_us),
            "hours": [from_us(problem.hour_us) for problem in problems],
            "states": [str(problem.state) for problem in problems],
            "reasons": [problem.reason for problem in problems],
        },
    )


def clear_problems(connection: Connection, series: str, hours_us: Iterable[int]) -> None:
    run(connection, "clear_problems", {"series": series, "hours": [from_us(hour) for hour in hours_us]})


def note_request(
    connection: Connection, series: str, day: date, request: DayRequest, problems: Sequence[Problem]
) -> None:
    """See `Store.note_request`."""
    run(
        connection,
        "note_request",
        {
            "series": series,
            "day": day,
            "asked_at": from_us(request.asked_us),
            "transport": request.transport,
            "hours_out": request.hours_out,
            "recheck_at": None if request.recheck_us is None else from_us(request.recheck_us),
            "failures": request.failures,
        },
    )
    run(
        connection,
        "clear_other_problems",
        {
            "series": series,
            "start_at": from_us(day_us(day)),
            "end_at": from_us(day_us(day) + DAY_US),
            "hours": [from_us(problem.hour_us) for problem in problems],
        },
    )
    note_problems(connection, series, problems, request.asked_us)


def day_requests(
    connection: Connection, series: str, first_day: date, end_day: date
) -> dict[date, DayRequest]:
    parameters = {"series": series, "first_day": first_day, "end_day": end_day}
    return {day: DayRequest(*request) for day, *request in run(connection, "day_requests", parameters)}
