"""What can be wrong with bytes that a venue sent. The names are stable: users and tests rely on them."""

from enum import StrEnum

from candlewick.errors import CandlewickError


class Fault(StrEnum):
    """Each way in which an answer is refused; `docs/dukascopy.md` explains them to users."""

    NOT_LZMA = "not-lzma"
    """The bytes do not begin like an LZMA file (often an HTML error page)."""
    TRUNCATED = "truncated"
    """The compressed stream ends before all that its header announces was there."""
    DAMAGED = "damaged"
    """The compressed stream contradicts itself."""
    SIZE_MISMATCH = "size-mismatch"
    """The stream is complete but is not as long as its header says."""
    TRAILING_GARBAGE = "trailing-garbage"
    """Bytes follow the end of the stream."""
    TOO_LARGE = "too-large"
    """More bytes than such a file can hold."""
    RAGGED_RECORDS = "ragged-records"
    """The content is no whole number of records, or columns differ in length."""
    TIME_OUTSIDE_HOUR = "time-outside-hour"
    TIME_OUTSIDE_DAY = "time-outside-day"
    TIMES_FALL = "times-fall"
    """A record is earlier than the one before it."""
    HOURS_NOT_PLACED = "hours-not-placed"
    """A day object made of hours does not tell which hours they are."""
    PRICE_NOT_POSITIVE = "price-not-positive"
    PRICE_INEXACT = "price-inexact"
    """A price is no whole number of the stated price steps."""
    SCALE_MISMATCH = "scale-mismatch"
    """The venue states another number of decimals than the series has."""
    VOLUME_INVALID = "volume-invalid"
    """A volume is negative, infinite or no number."""
    VOLUME_INEXACT = "volume-inexact"
    """A volume is no whole number of units."""
    NOT_JSON = "not-json"
    FIELDS_MISSING = "fields-missing"
    """JSON, but without the fields of its kind or with values of another type."""
    WRONG_PERIOD = "wrong-period"
    """The answer is about another hour, day, month or year than was asked for."""
    CANDLE_INVALID = "candle-invalid"
    """A candle whose open or close lies outside its low and high."""


class InvalidAnswerError(CandlewickError):
    """Bytes that break a rule of their format; nothing of them is kept.

    Attributes:
        fault: the broken rule.
        detail: where and how, for a person.
    """

    def __init__(self, fault: Fault, detail: str) -> None:
        super().__init__(f"{fault}: {detail}", "fetch it again, or from another source")
        self.fault = fault
        self.detail = detail
