"""What the settings page says of each series."""

from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from async_lru import alru_cache

from candlewick.control import Launched
from candlewick.dagster_client import dagster_url
from candlewick.health import STALE_US, Health
from candlewick.instruments import Kind, Series
from candlewick.live.stream_health import StreamHealth, streams
from candlewick.live.wanted import is_live
from candlewick.settings import Settings
from candlewick.times import SECOND_US, iso, now_us
from web.catalogue import Catalogue, Collected, title
from web.database import Database
from web.hour_map import HourMap
from web.hour_maps import HourMaps
from web.jobs import Jobs
from web.staleness import Staleness
from web.under_way import UnderWay

SIZE_S = 60.0
"""How often the tables are measured."""

NOT_OUT_YET = 3
"""A venue publishes an hour some time after its end: so many are always awaited."""

_TABLES = {Kind.QUOTES: "quote_hour", Kind.TRADES: "trade_hour"}


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the runs are that were asked for; days a second, None before anything can be said."""

    done: int
    total: int
    rate_per_s: float | None
    eta_s: float | None


def progress(launched: Launched, asked_us: list[int], at_us: int) -> Progress | None:
    """Of a backfill: None once all of its days have been asked for.

    Args:
        asked_us: when each of its days was last asked for, of those that ever were.
    """
    done = sum(one >= launched.began_us for one in asked_us)
    total = len(launched.days)
    if done >= total:
        return None
    rate = done / max((at_us - launched.began_us) / SECOND_US, 1.0) if done else None
    return Progress(done, total, rate, (total - done) / rate if rate else None)


def state_of(
    one: Collected, hours: dict[str, int], stream: StreamHealth | None, said: Health | None, at_us: int
) -> tuple[str, str]:
    """A word for how a series is, and a line for people."""
    if one.state == "paused":
        return "paused", "rests until it is resumed"
    if is_live(one.series):
        return _live_state(one.series, stream, said, at_us)
    if hours["failed"]:
        return "failed", f"{hours['failed']:,} hours could not be had"
    if not hours["data"]:
        return "empty", "nothing is stored yet; what was asked for, or the last seven days, is on its way"
    if hours["pending"] > NOT_OUT_YET:
        return "filling", f"{hours['pending']:,} hours are not here yet"
    return "complete", "every hour that is out is here" if hours["pending"] else "every hour is here"


def _live_state(
    series: Series, stream: StreamHealth | None, said: Health | None, at_us: int
) -> tuple[str, str]:
    if said is None:
        return "unknown", f"the worker for {series.venue} has not said anything yet"
    if at_us - said.at_us > STALE_US:
        return "unknown", f"the worker for {series.venue} has said nothing since {iso(said.at_us)}"
    if said.facts.get("configured") == "no":
        return "not configured", said.summary
    if stream is None:
        return "opening", "its worker will subscribe within seconds"
    if stream.problem:
        return stream.state, stream.problem
    quiet = f", the last event {stream.quiet_s:.0f} s ago" if stream.last_event_us else ""
    return stream.state, f"{stream.events:,} events since the worker started{quiet}"


class SeriesView:
    """Puts together what database, workers and jobs know of series."""

    def __init__(
        self,
        settings: Settings,
        *,
        database: Database,
        catalogue: Catalogue,
        maps: HourMaps,
        jobs: Jobs,
        staleness: Staleness,
        under_way: UnderWay,
    ) -> None:
        self._settings = settings
        self._database = database
        self._catalogue = catalogue
        self._maps = maps
        self._jobs = jobs
        self._staleness = staleness
        self._under_way = under_way
        self._bytes = alru_cache(maxsize=1, ttl=SIZE_S)(self._measure)

    async def all(self) -> list[dict[str, Any]]:
        """Every series that is not removed."""
        known = await self._catalogue.all()
        maps = {name: await self._maps.fresh(one) for name, one in known.items()}
        return [await self._one(one, maps[name], maps, known) for name, one in known.items()]

    async def one(self, name: str) -> dict[str, Any]:
        """One of them.

        Raises:
            UnknownSubjectError: it is not collected.
        """
        name = (await self._catalogue.series(name)).series.name
        return next(one for one in await self.all() if one["name"] == name)

    async def _one(
        self, one: Collected, hours: HourMap, maps: dict[str, HourMap], known: dict[str, Collected]
    ) -> dict[str, Any]:
        series, at_us = one.series, now_us()
        said = (await self._staleness.records()).get(series.venue)
        stream = streams(said).get(series.name) if said else None
        counts = hours.counts()
        state, text = state_of(one, counts, stream, said, at_us)
        last = await self._database.rows(f"last_tick_{series.kind}", {"series": series.name})
        last_us = last[0][0] if last else None
        kin = [name for name, other in known.items() if other.series.kind is series.kind]
        ticks, all_ticks = int(hours.ticks.sum()), sum(int(maps[name].ticks.sum()) for name in kin)
        size = (await self._bytes()).get(series.kind, 0)
        return {
            "name": series.name,
            "venue": series.venue,
            "symbol": series.symbol,
            "kind": series.kind,
            "title": title(series.symbol),
            "asset_class": series.asset_class,
            "price_scale": series.price_scale,
            "live": is_live(series),
            "paused": one.state == "paused",
            "state": state,
            "state_text": text,
            "hours": counts,
            "ticks": ticks,
            "bytes": size * ticks // all_ticks if all_ticks else 0,
            "first_us": hours.first_us,
            "last_tick_us": last_us,
            "lag_s": _lag_s(series, stream, last_us, at_us),
            "open_gaps": len(hours.gaps),
            "backfill": await self._backfill(series, at_us),
        }

    async def _measure(self) -> dict[Kind, int]:
        """What the tables of hours take on disk, by kind."""
        ((is_hypertable,),) = await self._database.rows("hypertables")
        name = "hypertable_bytes" if is_hypertable else "table_bytes"
        sizes: dict[Kind, int] = {}
        for kind, table in _TABLES.items():
            ((size,),) = await self._database.rows(name, {"name": table})
            sizes[kind] = int(size or 0)
        return sizes

    async def _backfill(self, series: Series, at_us: int) -> dict[str, Any] | None:
        under_way = await self._under_way.of(series)
        if under_way is None:
            return None
        # What this server asked for itself it knows whole, also what is through already.
        own = self._jobs.launched.get(series.name)
        is_own = own is not None and not set(own.run_ids).isdisjoint(under_way.run_ids)
        found = await self._progress(own if own is not None and is_own else under_way, at_us)
        return {**asdict(found), "url": f"{dagster_url(self._settings)}/runs"} if found else None

    async def _progress(self, launched: Launched, at_us: int) -> Progress | None:
        parameters = {
            "series": launched.series.name,
            "first_day": launched.days[0],
            "end_day": launched.days[-1] + timedelta(days=1),
        }
        asked = [row[1] for row in await self._database.rows("day_requests", parameters)]
        return progress(launched, asked, at_us)


def _lag_s(series: Series, stream: StreamHealth | None, last_us: int | None, at_us: int) -> float | None:
    if is_live(series):
        return stream.lag_ms / 1000 if stream is not None and stream.last_event_us else None
    return None if last_us is None else (at_us - last_us) / SECOND_US
