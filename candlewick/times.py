"""Time as integer microseconds since 1970, UTC; `datetime` and text only at the edges.

Standard library only: the AWS Lambda ships this module.
"""

from datetime import UTC, date, datetime, timedelta

from candlewick.errors import CandlewickError

SECOND_US = 1_000_000
MINUTE_US = 60 * SECOND_US
HOUR_US = 60 * MINUTE_US
DAY_US = 24 * HOUR_US

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_EPOCH_DATE = _EPOCH.date()


def now_us() -> int:
    """The wall clock in microseconds since 1970, UTC."""
    return to_us(datetime.now(UTC))


def to_us(moment: datetime) -> int:
    """An aware `datetime` as exact integer microseconds since 1970, UTC."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment!r} has no time zone")
    return (moment - _EPOCH) // timedelta(microseconds=1)


def from_us(us: int) -> datetime:
    """Microseconds since 1970 as an aware UTC `datetime`."""
    return _EPOCH + timedelta(microseconds=us)


def day_us(day: date) -> int:
    """The first microsecond of a UTC day."""
    return (day - _EPOCH_DATE).days * DAY_US


def us_day(us: int) -> date:
    """The UTC day that a moment lies in."""
    return _EPOCH_DATE + timedelta(days=us // DAY_US)


def floor_hour(us: int) -> int:
    """The start of the UTC hour that a moment lies in."""
    return us // HOUR_US * HOUR_US


def hours_between(start_us: int, end_us: int) -> range:
    """The starts of the UTC hours that overlap [start, end)."""
    return range(floor_hour(start_us), end_us, HOUR_US)


def iso(us: int, *, micros: bool = False) -> str:
    """ISO 8601 with `Z`; `micros` gives six fraction digits, otherwise none are printed."""
    text = from_us(us).strftime("%Y-%m-%dT%H:%M:%S")
    return f"{text}.{us % SECOND_US:06d}Z" if micros else f"{text}Z"


def parse_time(text: str) -> int:
    """Microseconds since 1970 from `2019-02-04`, `2019-02-04T10:30`, with `Z`, an offset or none (UTC).

    Raises:
        CandlewickError: the text is no ISO 8601 date or time.
    """
    try:
        moment = datetime.fromisoformat(text.strip())
        # Far ends of the calendar have no counterpart in another zone.
        return to_us(moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        raise CandlewickError(
            f"{text!r} is not a time", "write it as 2019-02-04 or 2019-02-04T10:30:00Z"
        ) from None
