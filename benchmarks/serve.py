"""What charts ask of the web server: bars at any zoom over ten years of one series, from fifty clients.

Fifty requests a second together; figure and limit are percentiles of what a client waits for the answer, and
of the bare query by one connection. Then as many requests as the server sustains.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import aiohttp

from benchmarks.figure import Figure, percentile
from benchmarks.inputs import another
from benchmarks.platform import opened_database, serving
from candlewick.candles import Timeframe
from candlewick.instruments import Series
from candlewick.local import programs
from candlewick.settings import Settings
from candlewick.store import Store
from candlewick.store.candles import read_candles
from candlewick.store.database import Database
from candlewick.store.database import run as run_query
from candlewick.times import DAY_US, from_us, parse_time
from web import zoom

FIRST_US = parse_time("2010-01-04")
YEARS_US = 10 * 365 * DAY_US
CLIENTS = 50
PER_S = 50
SECONDS = 30
AT_MOST_SECONDS = 10
POINTS = zoom.MOST_BARS
CONNECTIONS = 8


@dataclass(frozen=True, slots=True)
class Ask:
    """One question of a chart, and the timeframe that answers it."""

    from_us: int
    to_us: int
    timeframe: Timeframe


def asks(chance: random.Random) -> Iterator[Ask]:
    """Spans from a day and a half, where ticks end, to all of it: as likely at one zoom as at another."""
    while True:
        length_us = int(1.5 * DAY_US * (YEARS_US / (1.5 * DAY_US)) ** chance.random())
        from_us = FIRST_US + chance.randrange(max(YEARS_US - length_us, 1))
        to_us = from_us + length_us
        yield Ask(from_us, to_us, zoom.finest(from_us, to_us, POINTS))


def run() -> Iterator[Figure]:
    series = another("benchserve")
    with serving(programs.POSTGRES) as settings, opened_database(settings) as database:
        _fill(settings, database, series)
        questions = asks(random.Random(7))  # noqa: S311 (the same spans at each run)
        bare = _bare(database, series, questions, PER_S * SECONDS // 3)
        waited = asyncio.run(_paced(settings, series, questions))
        for name, share in (("serve p50", 0.5), ("serve p99", 0.99)):
            detail: dict[str, object] = {"requests": len(waited), "a_second": PER_S, "clients": CLIENTS}
            figure, limit = percentile(waited, share) * 1000, percentile(bare, share) * 1000
            yield Figure(name, figure, "ms", limit, "lower", detail)
        limit = _bare_at_most(database, series, questions)
        figure, busy = asyncio.run(_at_most(settings, series, questions))
        yield Figure("serve at most", figure, "requests/s", limit, detail={"p99_ms": round(busy * 1000, 1)})


def _fill(settings: Settings, database: Database, series: Series) -> None:
    with Store(database.url) as store:
        store.add_series(series)
    span = {"start_at": from_us(FIRST_US), "end_at": from_us(FIRST_US + YEARS_US)}
    with database.transaction() as connection:
        run_query(connection, "benchmark_years", {"series": series.name, **span})
        scales = {"price_scale": series.price_scale, "volume_scale": series.volume_scale}
        run_query(connection, "benchmark_hours", {"series": series.name, **scales, **span})
        run_query(connection, "benchmark_analyze")


def _bare(database: Database, series: Series, questions: Iterator[Ask], count: int) -> list[float]:
    seconds = []
    with database.reading() as connection:
        for _ in range(count):
            ask = next(questions)
            began = time.perf_counter()
            list(read_candles(connection, series, ask.timeframe, ask.from_us, ask.to_us))
            seconds.append(time.perf_counter() - began)
    return seconds


def _bare_at_most(database: Database, series: Series, questions: Iterator[Ask]) -> float:
    """Bare queries a second, by as many connections as the server has."""
    asked = [next(questions) for _ in range(400)]

    def ask(one: Ask) -> None:
        with database.reading() as connection:
            list(read_candles(connection, series, one.timeframe, one.from_us, one.to_us))

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        began = time.perf_counter()
        list(pool.map(ask, asked))
        return len(asked) / (time.perf_counter() - began)


Get = Callable[[], Awaitable[float]]


def _getter(
    session: aiohttp.ClientSession, settings: Settings, series: Series, questions: Iterator[Ask]
) -> Get:
    url = f"http://127.0.0.1:{settings.ports.web}/api/chart/{series.name}/bars"

    async def get() -> float:
        ask = next(questions)
        span = {"from_us": str(ask.from_us), "to_us": str(ask.to_us), "points": str(POINTS)}
        began = time.perf_counter()
        async with session.get(url, params=span) as answer:
            answer.raise_for_status()
            await answer.read()
        return time.perf_counter() - began

    return get


async def _paced(settings: Settings, series: Series, questions: Iterator[Ask]) -> list[float]:
    """Each client asks once a second, each at a moment of its own; those that wait do not ask later."""
    waited: list[float] = []
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=CLIENTS)) as session:
        get = _getter(session, settings, series, questions)
        for _ in range(20):
            await get()

        async def client(number: int) -> None:
            begin = asyncio.get_running_loop().time() + number / PER_S
            for turn in range(PER_S * SECONDS // CLIENTS):
                await asyncio.sleep(begin + turn * CLIENTS / PER_S - asyncio.get_running_loop().time())
                waited.append(await get())

        await asyncio.gather(*(client(number) for number in range(CLIENTS)))
    return waited


async def _at_most(settings: Settings, series: Series, questions: Iterator[Ask]) -> tuple[float, float]:
    """Answers a second while every client asks again at once, and the 99th percentile of the waits."""
    waited: list[float] = []
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=CLIENTS)) as session:
        get = _getter(session, settings, series, questions)
        end = time.perf_counter() + AT_MOST_SECONDS

        async def client() -> None:
            while time.perf_counter() < end:
                waited.append(await get())

        await asyncio.gather(*(client() for _ in range(CLIENTS)))
    return len(waited) / AT_MOST_SECONDS, percentile(waited, 0.99)
