"""PostgreSQL: what is stored, what is known of it, and the candles made from it."""

from candlewick.store.coverage import CoverageRow
from candlewick.store.database import DatabaseUnavailableError
from candlewick.store.hours import LandedHour
from candlewick.store.problems import DayRequest
from candlewick.store.refresh import Refreshed
from candlewick.store.series import UnknownSeriesError
from candlewick.store.store import Store

__all__ = [
    "CoverageRow",
    "DatabaseUnavailableError",
    "DayRequest",
    "LandedHour",
    "Refreshed",
    "Store",
    "UnknownSeriesError",
]
