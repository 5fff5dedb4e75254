"""A scripted venue and an archive with `fetch` between them, for the tests beside this."""

from datetime import date
from pathlib import Path

from candlewick.archive import Archive
from candlewick.dukascopy.fetch import DayResult, fetch_day
from candlewick.dukascopy.limiter import Unpaced
from candlewick.dukascopy.venue import Venue
from candlewick.instruments import dukascopy_series, find
from candlewick.settings import Settings
from candlewick.times import DAY_US, HOUR_US, day_us
from tests.dukascopy_encoders import HOUR_MS, Tick, bi5, json_ticks, minute_candles
from tests.scripted_venue import ScriptedVenue

SERIES = dukascopy_series(find("eurusd"))
MONDAY = date(2019, 2, 4)
DAY = day_us(MONDAY)
LATER = DAY + 16 * DAY_US
FOLDER = "/EURUSD/2019/01/04"
DAY_OBJECT = f"{FOLDER}_ticks.bi5"


def ticks_of(hour: int, count: int = 4) -> list[Tick]:
    return [Tick(i * 700_000 + hour, 108_400 + hour, 108_402 + hour + i) for i in range(count)]


def hour_path(hour: int) -> str:
    return f"{FOLDER}/{hour:02}h_ticks.bi5"


def json_path(hour: int) -> str:
    return f"/v1/ticks/EUR-USD/2019/2/4/{hour}"


def day_object(hours: dict[int, list[Tick]]) -> bytes:
    return bi5([t._replace(ms=t.ms + hour * HOUR_MS) for hour, ticks in sorted(hours.items()) for t in ticks])


FULL = {hour: ticks_of(hour) for hour in range(24)}


def without(*hours: int) -> dict[int, list[Tick]]:
    return {hour: ticks for hour, ticks in FULL.items() if hour not in hours}


class Bench:
    """A scripted venue, an archive, and `fetch` between them."""

    def __init__(self, server: ScriptedVenue, folder: Path, *, timeout_s: float = 10.0) -> None:
        self.server = server
        self.folder = folder
        self.archive = Archive(str(folder))
        self.clock = LATER
        settings = Settings(  # type: ignore[call-arg]
            _env_file=None,
            dukascopy_url=server.url,
            dukascopy_json_url=f"{server.url}/v1",
            dukascopy_timeout=timeout_s,
        )
        self.venue = Venue(settings, Unpaced(), clock=self.tick)

    def tick(self) -> int:
        self.clock += 1
        return self.clock

    def fetch(self, day: date = MONDAY, *, now_us: int = LATER, **options: object) -> DayResult:
        self.server.asked.clear()
        return fetch_day(SERIES, day, venue=self.venue, archive=self.archive, now_us=now_us, **options)  # type: ignore[arg-type]

    def serve_hours(self, hours: dict[int, list[Tick]]) -> None:
        for hour, ticks in hours.items():
            self.server.files[hour_path(hour)] = bi5(ticks)

    def serve_json(self, hours: dict[int, list[Tick]]) -> None:
        for hour, ticks in hours.items():
            self.server.files[json_path(hour)] = json_ticks(ticks, DAY + hour * HOUR_US)

    def serve_minutes(self, volumes: dict[int, float]) -> None:
        for side in ("BID", "ASK"):
            self.server.files[f"{FOLDER}/{side}_candles_min_1.bi5"] = minute_candles(volumes)


def revisions(result: DayResult) -> dict[int, int]:
    return {(hour.hour_us - DAY) // HOUR_US: hour.revision for hour in result.hours}
