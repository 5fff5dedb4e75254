"""Hours landed the way the JDBC sink lands them, and what must come of them."""

from dataclasses import dataclass, field

import numpy as np
import psycopg

from candlewick.candles import CANDLE_COLUMNS, Level, Timeframe, all_candles, trading_day
from candlewick.hours import Gap, Hour, HourState, Quotes, Ticks, Trades
from candlewick.instruments import AssetClass, Kind, Series
from candlewick.store import Store
from candlewick.times import iso

EURUSD = Series("dukascopy", "eurusd", Kind.QUOTES, AssetClass.FOREX, 5, 6, "fx")
BTCUSD = Series("kraken", "btcusd", Kind.TRADES, AssetClass.CRYPTO, 1, 8, "crypto")
DAX = Series("dukascopy", "deuidxeur", Kind.QUOTES, AssetClass.INDEX, 3, 6, "deu-idx")

COLUMNS = (
    *("series", "hour", "revision", "state", "source", "ticks", "content_hash"),
    *("price_scale", "volume_scale", "gap_from", "gap_to"),
)


def literal(values: np.ndarray) -> str:
    return "{" + ",".join(map(str, values.tolist())) + "}"


def fields(hour: Hour) -> dict[str, str | int]:
    """A message's fields: text and numbers only, as the sink binds them."""
    bounds = np.array([(gap.from_us, gap.to_us) for gap in hour.gaps], dtype=np.int64).reshape(-1, 2)
    return {
        "series": hour.series,
        "hour": iso(hour.hour_us),
        "revision": hour.revision,
        "state": str(hour.state),
        "source": hour.source,
        "ticks": len(hour.ticks),
        "content_hash": f"\\x{hour.hash.hex()}",
        "price_scale": hour.price_scale,
        "volume_scale": hour.volume_scale,
        "gap_from": literal(bounds[:, 0] - hour.hour_us),
        "gap_to": literal(bounds[:, 1] - hour.hour_us),
        **{
            name: literal(values) for name, values in zip(hour.ticks.names, hour.ticks.columns(), strict=True)
        },
    }


def upsert(connection: psycopg.Connection, kind: Kind, values: dict[str, str | int]) -> None:
    """The sink's statement."""
    names = ", ".join(values)
    changes = ", ".join(f"{name} = EXCLUDED.{name}" for name in values if name not in {"series", "hour"})
    marks = ", ".join(["%s"] * len(values))
    connection.execute(
        f"INSERT INTO {kind.removesuffix('s')}_hour ({names}) VALUES ({marks}) "  # noqa: S608
        f"ON CONFLICT (series, hour) DO UPDATE SET {changes}".encode(),
        list(values.values()),
    )


@dataclass
class Landing:
    """A database with the three series above."""

    url: str
    store: Store
    connection: psycopg.Connection
    revision: int = field(default=0)

    def land(self, hour: Hour) -> None:
        upsert(self.connection, hour.ticks.kind, fields(hour))

    def hour(
        self,
        series: Series,
        hour_us: int,
        ticks: Ticks | None = None,
        state: HourState = HourState.DATA,
        gaps: tuple[Gap, ...] = (),
    ) -> Hour:
        """An hour with the next revision."""
        self.revision += 1
        empty: Ticks = Quotes() if series.kind is Kind.QUOTES else Trades()
        return Hour(
            series=series.name,
            hour_us=hour_us,
            revision=self.revision,
            state=state,
            source="test",
            price_scale=series.price_scale,
            volume_scale=series.volume_scale,
            ticks=empty if ticks is None else ticks,
            gaps=gaps,
        )

    def refresh(self, series: Series) -> int:
        """Refreshes both levels; returns how many hours were dirty at either."""
        return sum(self.store.refresh(series.name, level).hours for level in Level)

    def stored_candles(self, series: Series) -> list[tuple[object, ...]]:
        """Every stored candle: timeframe, start in microseconds, then its columns."""
        kind = series.kind
        columns = ", ".join(CANDLE_COLUMNS[kind])
        return self.connection.execute(
            f"SELECT timeframe, (extract(epoch FROM ts) * 1000000)::bigint, {columns} "  # noqa: S608
            f"FROM {kind.removesuffix('s')}_candle AS c JOIN series USING (series_id) "
            "WHERE name = %s ORDER BY array_position('{1m,5m,15m,30m,1h,4h,1d,1w}', timeframe), ts".encode(),
            [series.name],
        ).fetchall()

    def expected_candles(self, series: Series) -> list[tuple[object, ...]]:
        """What the numpy reference makes of the stored hours."""
        hours = [(hour.hour_us, hour.ticks) for hour in self.store.read_hours(series, 0, 2**52)]
        day = trading_day(series.asset_class, series.venue)
        made = all_candles(hours, day)
        return [
            (str(timeframe), ts, *(int(values[i]) for values in candles.columns.values()))
            for timeframe in Timeframe
            if (candles := made.get(timeframe)) is not None
            for i, ts in enumerate(candles.ts.tolist())
        ]
