"""PostgreSQL: what is stored, what is known of it, and the candles made from it."""

from candlewick.store.database import DatabaseUnavailableError
from candlewick.store.hours import LandedHour
from candlewick.store.refresh import Refreshed
from candlewick.store.store import Store

__all__ = ["DatabaseUnavailableError", "LandedHour", "Refreshed", "Store"]
