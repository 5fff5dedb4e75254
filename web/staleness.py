"""Whether what is stored of a live series keeps up; a page says so where it does not."""

import asyncio

from async_lru import alru_cache

from candlewick import health
from candlewick.health import STALE_US, Health
from candlewick.settings import Settings
from candlewick.times import iso, now_us
from web.catalogue import Subject

FRESH_S = 1.0
_RECORDER = "recorder"


class Staleness:
    """Reads what the workers on this machine say of themselves, once a second at most."""

    def __init__(self, settings: Settings) -> None:
        self._home = settings.home
        self._records = alru_cache(maxsize=1, ttl=FRESH_S)(self._read)

    async def records(self) -> dict[str, Health]:
        """What each worker said last, by its name."""
        return await self._records()

    async def _read(self) -> dict[str, Health]:
        records = await asyncio.to_thread(health.read_all, self._home)
        return {one.worker: one for one in records}

    async def of(self, subject: Subject) -> str | None:
        """Why the live edge of a subject may be old; None where it is not, or there is none."""
        if subject.live is None:
            return None
        return why_stale(await self.records(), subject.live.venue, now_us())


def why_stale(records: dict[str, Health], venue: str, at_us: int) -> str | None:
    """What keeps a venue's events from coming or from being stored; None for nothing."""
    for name in (venue, _RECORDER):
        record = records.get(name)
        if record is None:
            return f"{name} has not said anything yet"
        if at_us - record.at_us > STALE_US:
            return f"{name} has said nothing since {iso(record.at_us)}"
        if record.facts.get("configured") == "no":
            return record.summary
        if record.facts.get("connected") == "no" and record.facts.get("trouble"):
            return f"{name} is not connected: {record.facts['trouble']}"
    return None
