-- name: lock_candles
-- Taken first in a READ COMMITTED transaction: each later statement sees what the last holder wrote.
-- The candles of a month, some 10 MB, are to stay in memory while they are made.
SELECT series_id, kind, pg_advisory_xact_lock(hashtextextended('candlewick candles', series_id)),
    set_config('work_mem', '64MB', true)
FROM series WHERE name = :series;

-- name: dirty_intraday_quotes
-- Hours whose content is not what their mark says, or that have a mark and no row any more.
SELECT coalesce(h.hour, m.hour) AS hour, coalesce(h.ticks, 0) AS ticks
FROM (
    SELECT hour, content_hash, ticks FROM quote_hour
    WHERE series = :series AND hour >= :start_at AND hour < :end_at
) AS h
FULL JOIN (
    SELECT hour, content_hash FROM candle_mark
    WHERE series_id = :series_id AND level = 'intraday' AND hour >= :start_at AND hour < :end_at
) AS m ON m.hour = h.hour
WHERE h.content_hash IS DISTINCT FROM m.content_hash
ORDER BY 1 LIMIT :hours_at_once;

-- name: dirty_intraday_trades
-- Hours whose content is not what their mark says, or that have a mark and no row any more.
SELECT coalesce(h.hour, m.hour) AS hour, coalesce(h.ticks, 0) AS ticks
FROM (
    SELECT hour, content_hash, ticks FROM trade_hour
    WHERE series = :series AND hour >= :start_at AND hour < :end_at
) AS h
FULL JOIN (
    SELECT hour, content_hash FROM candle_mark
    WHERE series_id = :series_id AND level = 'intraday' AND hour >= :start_at AND hour < :end_at
) AS m ON m.hour = h.hour
WHERE h.content_hash IS DISTINCT FROM m.content_hash
ORDER BY 1 LIMIT :hours_at_once;

-- name: dirty_daily
-- Hours whose intraday candles were made of something else than the daily ones.
SELECT coalesce(i.hour, d.hour) AS hour, 0 AS ticks
FROM (
    SELECT hour, content_hash FROM candle_mark
    WHERE series_id = :series_id AND level = 'intraday' AND hour >= :start_at AND hour < :end_at
) AS i
FULL JOIN (
    SELECT hour, content_hash FROM candle_mark
    WHERE series_id = :series_id AND level = 'daily' AND hour >= :start_at AND hour < :end_at
) AS d ON d.hour = i.hour
WHERE i.content_hash IS DISTINCT FROM d.content_hash
ORDER BY 1 LIMIT :hours_at_once;

-- name: dirty_series
-- Those of the series of some venues of which an hour since :start_at is dirty at either level. Hours that
-- have a mark and no row any more are left to a refresh of all.
SELECT s.name FROM series AS s
WHERE s.venue = ANY (:venues) AND EXISTS (
    SELECT FROM (
        SELECT hour, content_hash FROM quote_hour WHERE series = s.name AND hour >= :start_at
        UNION ALL
        SELECT hour, content_hash FROM trade_hour WHERE series = s.name AND hour >= :start_at
    ) AS h
    LEFT JOIN candle_mark AS i ON i.series_id = s.series_id AND i.level = 'intraday' AND i.hour = h.hour
    LEFT JOIN candle_mark AS d ON d.series_id = s.series_id AND d.level = 'daily' AND d.hour = h.hour
    WHERE h.content_hash IS DISTINCT FROM i.content_hash OR i.content_hash IS DISTINCT FROM d.content_hash
)
ORDER BY s.name;

-- name: make_intraday_quotes
-- Candles of :hours from 1m to 1h, each timeframe from the one below, and their marks. Detached from
-- their row once by `|| '{}'`, arrays are not fetched anew for each use. Hours without a mark have no
-- candles that could have to vanish. Where no candle is there yet, a plain insert is twice as fast.
WITH m1 AS MATERIALIZED (
    SELECT a.hour + t.minute * interval '1 minute' AS ts,
        a.bid[t.first] AS bid_open, t.bid_high, t.bid_low, a.bid[t.last] AS bid_close,
        a.ask[t.first] AS ask_open, t.ask_high, t.ask_low, a.ask[t.last] AS ask_close,
        t.bid_volume, t.ask_volume, t.ticks
    FROM (
        SELECT hour, us || '{}' AS us, bid || '{}' AS bid, ask || '{}' AS ask,
            bid_volume || '{}' AS bid_volume, ask_volume || '{}' AS ask_volume
        FROM quote_hour WHERE series = :series AND hour = ANY (:hours) OFFSET 0
    ) AS a CROSS JOIN LATERAL (
        SELECT us / 60000000 AS minute, min(i) AS first, max(i) AS last,
            max(bid) AS bid_high, min(bid) AS bid_low, max(ask) AS ask_high, min(ask) AS ask_low,
            sum(bid_volume) AS bid_volume, sum(ask_volume) AS ask_volume, count(*) AS ticks
        FROM (
            SELECT unnest(a.us) AS us, unnest(a.bid) AS bid, unnest(a.ask) AS ask,
                unnest(a.bid_volume) AS bid_volume, unnest(a.ask_volume) AS ask_volume,
                generate_series(1, cardinality(a.us)) AS i
        ) AS tick
        GROUP BY 1
    ) AS t
),
m5 AS MATERIALIZED (
    SELECT date_bin('5 minutes', ts, 'epoch') AS ts,
        (array_agg(bid_open ORDER BY ts))[1] AS bid_open,
        max(bid_high) AS bid_high, min(bid_low) AS bid_low,
        (array_agg(bid_close ORDER BY ts))[count(*)] AS bid_close,
        (array_agg(ask_open ORDER BY ts))[1] AS ask_open,
        max(ask_high) AS ask_high, min(ask_low) AS ask_low,
        (array_agg(ask_close ORDER BY ts))[count(*)] AS ask_close,
        sum(bid_volume) AS bid_volume, sum(ask_volume) AS ask_volume,
        sum(ticks)::bigint AS ticks
    FROM m1 GROUP BY 1
),
m15 AS MATERIALIZED (
    SELECT date_bin('15 minutes', ts, 'epoch') AS ts,
        (array_agg(bid_open ORDER BY ts))[1] AS bid_open,
        max(bid_high) AS bid_high, min(bid_low) AS bid_low,
        (array_agg(bid_close ORDER BY ts))[count(*)] AS bid_close,
        (array_agg(ask_open ORDER BY ts))[1] AS ask_open,
        max(ask_high) AS ask_high, min(ask_low) AS ask_low,
        (array_agg(ask_close ORDER BY ts))[count(*)] AS ask_close,
        sum(bid_volume) AS bid_volume, sum(ask_volume) AS ask_volume,
        sum(ticks)::bigint AS ticks
    FROM m5 GROUP BY 1
),
m30 AS MATERIALIZED (
    SELECT date_bin('30 minutes', ts, 'epoch') AS ts,
        (array_agg(bid_open ORDER BY ts))[1] AS bid_open,
        max(bid_high) AS bid_high, min(bid_low) AS bid_low,
        (array_agg(bid_close ORDER BY ts))[count(*)] AS bid_close,
        (array_agg(ask_open ORDER BY ts))[1] AS ask_open,
        max(ask_high) AS ask_high, min(ask_low) AS ask_low,
        (array_agg(ask_close ORDER BY ts))[count(*)] AS ask_close,
        sum(bid_volume) AS bid_volume, sum(ask_volume) AS ask_volume,
        sum(ticks)::bigint AS ticks
    FROM m15 GROUP BY 1
),
h1 AS MATERIALIZED (
    SELECT date_bin('1 hour', ts, 'epoch') AS ts,
        (array_agg(bid_open ORDER BY ts))[1] AS bid_open,
        max(bid_high) AS bid_high, min(bid_low) AS bid_low,
        (array_agg(bid_close ORDER BY ts))[count(*)] AS bid_close,
        (array_agg(ask_open ORDER BY ts))[1] AS ask_open,
        max(ask_high) AS ask_high, min(ask_low) AS ask_low,
        (array_agg(ask_close ORDER BY ts))[count(*)] AS ask_close,
        sum(bid_volume) AS bid_volume, sum(ask_volume) AS ask_volume,
        sum(ticks)::bigint AS ticks
    FROM m30 GROUP BY 1
),
made AS (
    SELECT '1m' AS timeframe, * FROM m1
    UNION ALL SELECT '5m', * FROM m5
    UNION ALL SELECT '15m', * FROM m15
    UNION ALL SELECT '30m', * FROM m30
    UNION ALL SELECT '1h', * FROM h1
),
kept AS MATERIALIZED (
    SELECT EXISTS (
        SELECT FROM quote_candle WHERE series_id = :series_id AND timeframe IN ('1m', '5m', '15m', '30m', '1h')
            AND ts >= :start_at AND ts < :end_at
    ) AS any_there
),
removed AS (
    DELETE FROM quote_candle AS c
    USING candle_mark AS k
    WHERE k.series_id = :series_id AND k.level = 'intraday' AND k.hour = ANY (:hours)
        AND c.series_id = :series_id AND c.timeframe IN ('1m', '5m', '15m', '30m', '1h')
        AND c.ts >= k.hour AND c.ts < k.hour + interval '1 hour'
        AND c.ts >= :start_at AND c.ts < :end_at
        AND NOT EXISTS (SELECT FROM made WHERE made.timeframe = c.timeframe AND made.ts = c.ts)
),
new AS (
    INSERT INTO quote_candle (series_id, timeframe, ts,
        bid_open, bid_high, bid_low, bid_close, ask_open, ask_high, ask_low, ask_close,
        bid_volume, ask_volume, ticks)
    SELECT :series_id, timeframe, ts,
        bid_open, bid_high, bid_low, bid_close, ask_open, ask_high, ask_low, ask_close,
        bid_volume, ask_volume, ticks
    FROM made WHERE NOT (SELECT any_there FROM kept)
),
changed AS (
    INSERT INTO quote_candle AS c (series_id, timeframe, ts,
        bid_open, bid_high, bid_low, bid_close, ask_open, ask_high, ask_low, ask_close,
        bid_volume, ask_volume, ticks)
    SELECT :series_id, timeframe, ts,
        bid_open, bid_high, bid_low, bid_close, ask_open, ask_high, ask_low, ask_close,
        bid_volume, ask_volume, ticks
    FROM made WHERE (SELECT any_there FROM kept)
    ON CONFLICT (series_id, timeframe, ts) DO UPDATE SET
        (bid_open, bid_high, bid_low, bid_close, ask_open, ask_high, ask_low, ask_close,
        bid_volume, ask_volume, ticks) = (
        EXCLUDED.bid_open, EXCLUDED.bid_high, EXCLUDED.bid_low, EXCLUDED.bid_close,
        EXCLUDED.ask_open, EXCLUDED.ask_high, EXCLUDED.ask_low, EXCLUDED.ask_close,
        EXCLUDED.bid_volume, EXCLUDED.ask_volume, EXCLUDED.ticks)
    WHERE (c.bid_open, c.bid_high, c.bid_low, c.bid_close, c.ask_open, c.ask_high, c.ask_low,
        c.ask_close, c.bid_volume, c.ask_volume, c.ticks) IS DISTINCT FROM (
        EXCLUDED.bid_open, EXCLUDED.bid_high, EXCLUDED.bid_low, EXCLUDED.bid_close,
        EXCLUDED.ask_open, EXCLUDED.ask_high, EXCLUDED.ask_low, EXCLUDED.ask_close,
        EXCLUDED.bid_volume, EXCLUDED.ask_volume, EXCLUDED.ticks)
),
marked AS (
    INSERT INTO candle_mark (series_id, level, hour, content_hash)
    SELECT :series_id, 'intraday', hour, content_hash FROM quote_hour
    WHERE series = :series AND hour = ANY (:hours)
    ON CONFLICT (series_id, level, hour) DO UPDATE SET content_hash = EXCLUDED.content_hash
),
unmarked AS (
    DELETE FROM candle_mark AS k
    WHERE k.series_id = :series_id AND k.level = 'intraday' AND k.hour = ANY (:hours)
        AND NOT EXISTS (SELECT FROM quote_hour AS h WHERE h.series = :series AND h.hour = k.hour)
)
SELECT count(*) FROM made;

-- name: make_daily_quotes
-- Every 4h, 1d and 1w candle that one of :hours lies in, each timeframe from the one below, and the
-- marks. Whole weeks are made: what a 1d or 1w candle needs of clean hours is read from 1h.
WITH week AS (
    SELECT DISTINCT s.day_zone, s.day_turn, s.week_start,
        candle_start('1w', hour, s.day_zone, s.day_turn, s.week_start) AS start_at
    FROM series AS s, unnest((:hours)::timestamptz[]) AS hour WHERE s.series_id = :series_id
),
h1 AS MATERIALIZED (
    SELECT c.*, w.day_zone, w.day_turn, w.week_start
    FROM week AS w JOIN quote_candle AS c
        ON c.ts >= w.start_at AND c.ts < w.start_at + interval '8 days'
    WHERE c.series_id = :series_id AND c.timeframe = '1h'
        AND c.ts >= :start_at AND c.ts < :end_at
        AND candle_start('1w', c.ts, w.day_zone, w.day_turn, w.week_start) = w.start_at
),
h4 AS MATERIALIZED (
    SELECT candle_start('4h', ts, day_zone, day_turn, week_start) AS ts,
        (array_agg(bid_open ORDER BY ts))[1] AS bid_open,
        max(bid_high) AS bid_high, min(bid_low) AS bid_low,
        (array_agg(bid_close ORDER BY ts))[count(*)] AS bid_close,
        (array_agg(ask_open ORDER BY ts))[1] AS ask_open,
        max(ask_high) AS ask_high, min(ask_low) AS ask_low,
        (array_agg(ask_close ORDER BY ts))[count(*)] AS ask_close,
        sum(bid_volume) AS bid_volume, sum(ask_volume) AS ask_volume,
        sum(ticks)::bigint AS ticks,
        day_zone, day_turn, week_start
    FROM h1 GROUP BY 1, day_zone, day_turn, week_start
),
d1 AS MATERIALIZED (
    SELECT candle_start('1d', ts, day_zone, day_turn, week_start) AS ts,
        (array_agg(bid_open ORDER BY ts))[1] AS bid_open,
        max(bid_high) AS bid_high, min(bid_low) AS bid_low,
        (array_agg(bid_close ORDER BY ts))[count(*)] AS bid_close,
        (array_agg(ask_open ORDER BY ts))[1] AS ask_open,
        max(ask_high) AS ask_high, min(ask_low) AS ask_low,
        (array_agg(ask_close ORDER BY ts))[count(*)] AS ask_close,
        sum(bid_volume) AS bid_volume, sum(ask_volume) AS ask_volume,
        sum(ticks)::bigint AS ticks,
        day_zone, day_turn, week_start
    FROM h4 GROUP BY 1, day_zone, day_turn, week_start
),
w1 AS MATERIALIZED (
    SELECT candle_start('1w', ts, day_zone, day_turn, week_start) AS ts,
        (array_agg(bid_open ORDER BY ts))[1] AS bid_open,
        max(bid_high) AS bid_high, min(bid_low) AS bid_low,
        (array_agg(bid_close ORDER BY ts))[count(*)] AS bid_close,
        (array_agg(ask_open ORDER BY ts))[1] AS ask_open,
        max(ask_high) AS ask_high, min(ask_low) AS ask_low,
        (array_agg(ask_close ORDER BY ts))[count(*)] AS ask_close,
        sum(bid_volume) AS bid_volume, sum(ask_volume) AS ask_volume,
        sum(ticks)::bigint AS ticks,
        day_zone, day_turn, week_start
    FROM d1 GROUP BY 1, day_zone, day_turn, week_start
),
made AS (
    SELECT '4h' AS timeframe, ts,
        bid_open, bid_high, bid_low, bid_close, ask_open, ask_high, ask_low, ask_close,
        bid_volume, ask_volume, ticks
    FROM h4
    UNION ALL
    SELECT '1d' AS timeframe, ts,
        bid_open, bid_high, bid_low, bid_close, ask_open, ask_high, ask_low, ask_close,
        bid_volume, ask_volume, ticks
    FROM d1
    UNION ALL
    SELECT '1w' AS timeframe, ts,
        bid_open, bid_high, bid_low, bid_close, ask_open, ask_high, ask_low, ask_close,
        bid_volume, ask_volume, ticks
    FROM w1
),
kept AS MATERIALIZED (
    SELECT EXISTS (
        SELECT FROM quote_candle WHERE series_id = :series_id AND timeframe IN ('4h', '1d', '1w')
            AND ts >= :start_at AND ts < :end_at
    ) AS any_there
),
removed AS (
    DELETE FROM quote_candle AS c
    USING week AS w
    WHERE c.series_id = :series_id AND c.timeframe IN ('4h', '1d', '1w')
        AND c.ts >= w.start_at AND c.ts < w.start_at + interval '8 days'
        AND c.ts >= :start_at AND c.ts < :end_at
        AND candle_start('1w', c.ts, w.day_zone, w.day_turn, w.week_start) = w.start_at
        AND NOT EXISTS (SELECT FROM made WHERE made.timeframe = c.timeframe AND made.ts = c.ts)
),
new AS (
    INSERT INTO quote_candle (series_id, timeframe, ts,
        bid_open, bid_high, bid_low, bid_close, ask_open, ask_high, ask_low, ask_close,
        bid_volume, ask_volume, ticks)
    SELECT :series_id, timeframe, ts,
        bid_open, bid_high, bid_low, bid_close, ask_open, ask_high, ask_low, ask_close,
        bid_volume, ask_volume, ticks
    FROM made WHERE NOT (SELECT any_there FROM kept)
),
changed AS (
    INSERT INTO quote_candle AS c (series_id, timeframe, ts,
        bid_open, bid_high, bid_low, bid_close, ask_open, ask_high, ask_low, ask_close,
        bid_volume, ask_volume, ticks)
    SELECT :series_id, timeframe, ts,
        bid_open, bid_high, bid_low, bid_close, ask_open, ask_high, ask_low, ask_close,
        bid_volume, ask_volume, ticks
    FROM made WHERE (SELECT any_there FROM kept)
    ON CONFLICT (series_id, timeframe, ts) DO UPDATE SET
        (bid_open, bid_high, bid_low, bid_close, ask_open, ask_high, ask_low, ask_close,
        bid_volume, ask_volume, ticks) = (
        EXCLUDED.bid_open, EXCLUDED.bid_high, EXCLUDED.bid_low, EXCLUDED.bid_close,
        EXCLUDED.ask_open, EXCLUDED.ask_high, EXCLUDED.ask_low, EXCLUDED.ask_close,
        EXCLUDED.bid_volume, EXCLUDED.ask_volume, EXCLUDED.ticks)
    WHERE (c.bid_open, c.bid_high, c.bid_low, c.bid_close, c.ask_open, c.ask_high, c.ask_low,
        c.ask_close, c.bid_volume, c.ask_volume, c.ticks) IS DISTINCT FROM (
        EXCLUDED.bid_open, EXCLUDED.bid_high, EXCLUDED.bid_low, EXCLUDED.bid_close,
        EXCLUDED.ask_open, EXCLUDED.ask_high, EXCLUDED.ask_low, EXCLUDED.ask_close,
        EXCLUDED.bid_volume, EXCLUDED.ask_volume, EXCLUDED.ticks)
),
marked AS (
    INSERT INTO candle_mark (series_id, level, hour, content_hash)
    SELECT series_id, 'daily', hour, content_hash FROM candle_mark
    WHERE series_id = :series_id AND level = 'intraday' AND hour = ANY (:hours)
    ON CONFLICT (series_id, level, hour) DO UPDATE SET content_hash = EXCLUDED.content_hash
),
unmarked AS (
    DELETE FROM candle_mark AS d
    WHERE d.series_id = :series_id AND d.level = 'daily' AND d.hour = ANY (:hours)
        AND NOT EXISTS (
            SELECT FROM candle_mark AS i
            WHERE i.series_id = :series_id AND i.level = 'intraday' AND i.hour = d.hour
        )
)
SELECT count(*) FROM made;

-- name: make_intraday_trades
-- Candles of :hours from 1m to 1h, each timeframe from the one below, and their marks. Detached from
-- their row once by `|| '{}'`, arrays are not fetched anew for each use. Hours without a mark have no
-- candles that could have to vanish. Where no candle is there yet, a plain insert is twice as fast.
WITH m1 AS MATERIALIZED (
    SELECT a.hour + t.minute * interval '1 minute' AS ts,
        a.price[t.first] AS open, t.high, t.low, a.price[t.last] AS close,
        t.volume, t.buy_volume, t.trades
    FROM (
        SELECT hour, us || '{}' AS us, price || '{}' AS price, quantity || '{}' AS quantity,
            side || '{}' AS side
        FROM trade_hour WHERE series = :series AND hour = ANY (:hours) OFFSET 0
    ) AS a CROSS JOIN LATERAL (
        SELECT us / 60000000 AS minute, min(i) AS first, max(i) AS last,
            max(price) AS high, min(price) AS low, sum(quantity) AS volume,
            coalesce(sum(quantity) FILTER (WHERE side = 1), 0) AS buy_volume, count(*) AS trades
        FROM (
            SELECT unnest(a.us) AS us, unnest(a.price) AS price, unnest(a.quantity) AS quantity,
                unnest(a.side) AS side, generate_series(1, cardinality(a.us)) AS i
        ) AS tick
        GROUP BY 1
    ) AS t
),
m5 AS MATERIALIZED (
    SELECT date_bin('5 minutes', ts, 'epoch') AS ts,
        (array_agg(open ORDER BY ts))[1] AS open, max(high) AS high, min(low) AS low,
        (array_agg(close ORDER BY ts))[count(*)] AS close,
        sum(volume) AS volume, sum(buy_volume) AS buy_volume, sum(trades)::bigint AS trades
    FROM m1 GROUP BY 1
),
m15 AS MATERIALIZED (
    SELECT date_bin('15 minutes', ts, 'epoch') AS ts,
        (array_agg(open ORDER BY ts))[1] AS open, max(high) AS high, min(low) AS low,
        (array_agg(close ORDER BY ts))[count(*)] AS close,
        sum(volume) AS volume, sum(buy_volume) AS buy_volume, sum(trades)::bigint AS trades
    FROM m5 GROUP BY 1
),
m30 AS MATERIALIZED (
    SELECT date_bin('30 minutes', ts, 'epoch') AS ts,
        (array_agg(open ORDER BY ts))[1] AS open, max(high) AS high, min(low) AS low,
        (array_agg(close ORDER BY ts))[count(*)] AS close,
        sum(volume) AS volume, sum(buy_volume) AS buy_volume, sum(trades)::bigint AS trades
    FROM m15 GROUP BY 1
),
h1 AS MATERIALIZED (
    SELECT date_bin('1 hour', ts, 'epoch') AS ts,
        (array_agg(open ORDER BY ts))[1] AS open, max(high) AS high, min(low) AS low,
        (array_agg(close ORDER BY ts))[count(*)] AS close,
        sum(volume) AS volume, sum(buy_volume) AS buy_volume, sum(trades)::bigint AS trades
    FROM m30 GROUP BY 1
),
made AS (
    SELECT '1m' AS timeframe, * FROM m1
    UNION ALL SELECT '5m', * FROM m5
    UNION ALL SELECT '15m', * FROM m15
    UNION ALL SELECT '30m', * FROM m30
    UNION ALL SELECT '1h', * FROM h1
),
kept AS MATERIALIZED (
    SELECT EXISTS (
        SELECT FROM trade_candle WHERE series_id = :series_id AND timeframe IN ('1m', '5m', '15m', '30m', '1h')
            AND ts >= :start_at AND ts < :end_at
    ) AS any_there
),
removed AS (
    DELETE FROM trade_candle AS c
    USING candle_mark AS k
    WHERE k.series_id = :series_id AND k.level = 'intraday' AND k.hour = ANY (:hours)
        AND c.series_id = :series_id AND c.timeframe IN ('1m', '5m', '15m', '30m', '1h')
        AND c.ts >= k.hour AND c.ts < k.hour + interval '1 hour'
        AND c.ts >= :start_at AND c.ts < :end_at
        AND NOT EXISTS (SELECT FROM made WHERE made.timeframe = c.timeframe AND made.ts = c.ts)
),
new AS (
    INSERT INTO trade_candle (series_id, timeframe, ts,
        open, high, low, close, volume, buy_volume, trades)
    SELECT :series_id, timeframe, ts,
        open, high, low, close, volume, buy_volume, trades
    FROM made WHERE NOT (SELECT any_there FROM kept)
),
changed AS (
    INSERT INTO trade_candle AS c (series_id, timeframe, ts,
        open, high, low, close, volume, buy_volume, trades)
    SELECT :series_id, timeframe, ts,
        open, high, low, close, volume, buy_volume, trades
    FROM made WHERE (SELECT any_there FROM kept)
    ON CONFLICT (series_id, timeframe, ts) DO UPDATE SET
        (open, high, low, close, volume, buy_volume, trades) = (
        EXCLUDED.open, EXCLUDED.high, EXCLUDED.low, EXCLUDED.close, EXCLUDED.volume,
        EXCLUDED.buy_volume, EXCLUDED.trades)
    WHERE (c.open, c.high, c.low, c.close, c.volume, c.buy_volume, c.trades) IS DISTINCT FROM (
        EXCLUDED.open, EXCLUDED.high, EXCLUDED.low, EXCLUDED.close, EXCLUDED.volume,
        EXCLUDED.buy_volume, EXCLUDED.trades)
),
marked AS (
    INSERT INTO candle_mark (series_id, level, hour, content_hash)
    SELECT :series_id, 'intraday', hour, content_hash FROM trade_hour
    WHERE series = :series AND hour = ANY (:hours)
    ON CONFLICT (series_id, level, hour) DO UPDATE SET content_hash = EXCLUDED.content_hash
),
unmarked AS (
    DELETE FROM candle_mark AS k
    WHERE k.series_id = :series_id AND k.level = 'intraday' AND k.hour = ANY (:hours)
        AND NOT EXISTS (SELECT FROM trade_hour AS h WHERE h.series = :series AND h.hour = k.hour)
)
SELECT count(*) FROM made;

-- name: make_daily_trades
-- Every 4h, 1d and 1w candle that one of :hours lies in, each timeframe from the one below, and the
-- marks. Whole weeks are made: what a 1d or 1w candle needs of clean hours is read from 1h.
WITH week AS (
    SELECT DISTINCT s.day_zone, s.day_turn, s.week_start,
        candle_start('1w', hour, s.day_zone, s.day_turn, s.week_start) AS start_at
    FROM series AS s, unnest((:hours)::timestamptz[]) AS hour WHERE s.series_id = :series_id
),
h1 AS MATERIALIZED (
    SELECT c.*, w.day_zone, w.day_turn, w.week_start
    FROM week AS w JOIN trade_candle AS c
        ON c.ts >= w.start_at AND c.ts < w.start_at + interval '8 days'
    WHERE c.series_id = :series_id AND c.timeframe = '1h'
        AND c.ts >= :start_at AND c.ts < :end_at
        AND candle_start('1w', c.ts, w.day_zone, w.day_turn, w.week_start) = w.start_at
),
h4 AS MATERIALIZED (
    SELECT candle_start('4h', ts, day_zone, day_turn, week_start) AS ts,
        (array_agg(open ORDER BY ts))[1] AS open, max(high) AS high, min(low) AS low,
        (array_agg(close ORDER BY ts))[count(*)] AS close,
        sum(volume) AS volume, sum(buy_volume) AS buy_volume, sum(trades)::bigint AS trades,
        day_zone, day_turn, week_start
    FROM h1 GROUP BY 1, day_zone, day_turn, week_start
),
d1 AS MATERIALIZED (
    SELECT candle_start('1d', ts, day_zone, day_turn, week_start) AS ts,
        (array_agg(open ORDER BY ts))[1] AS open, max(high) AS high, min(low) AS low,
        (array_agg(close ORDER BY ts))[count(*)] AS close,
        sum(volume) AS volume, sum(buy_volume) AS buy_volume, sum(trades)::bigint AS trades,
        day_zone, day_turn, week_start
    FROM h4 GROUP BY 1, day_zone, day_turn, week_start
),
w1 AS MATERIALIZED (
    SELECT candle_start('1w', ts, day_zone, day_turn, week_start) AS ts,
        (array_agg(open ORDER BY ts))[1] AS open, max(high) AS high, min(low) AS low,
        (array_agg(close ORDER BY ts))[count(*)] AS close,
        sum(volume) AS volume, sum(buy_volume) AS buy_volume, sum(trades)::bigint AS trades,
        day_zone, day_turn, week_start
    FROM d1 GROUP BY 1, day_zone, day_turn, week_start
),
made AS (
    SELECT '4h' AS timeframe, ts,
        open, high, low, close, volume, buy_volume, trades
    FROM h4
    UNION ALL
    SELECT '1d' AS timeframe, ts,
        open, high, low, close, volume, buy_volume, trades
    FROM d1
    UNION ALL
    SELECT '1w' AS timeframe, ts,
        open, high, low, close, volume, buy_volume, trades
    FROM w1
),
kept AS MATERIALIZED (
    SELECT EXISTS (
        SELECT FROM trade_candle WHERE series_id = :series_id AND timeframe IN ('4h', '1d', '1w')
            AND ts >= :start_at AND ts < :end_at
    ) AS any_there
),
removed AS (
    DELETE FROM trade_candle AS c
    USING week AS w
    WHERE c.series_id = :series_id AND c.timeframe IN ('4h', '1d', '1w')
        AND c.ts >= w.start_at AND c.ts < w.start_at + interval '8 days'
        AND c.ts >= :start_at AND c.ts < :end_at
        AND candle_start('1w', c.ts, w.day_zone, w.day_turn, w.week_start) = w.start_at
        AND NOT EXISTS (SELECT FROM made WHERE made.timeframe = c.timeframe AND made.ts = c.ts)
),
new AS (
    INSERT INTO trade_candle (series_id, timeframe, ts,
        open, high, low, close, volume, buy_volume, trades)
    SELECT :series_id, timeframe, ts,
        open, high, low, close, volume, buy_volume, trades
    FROM made WHERE NOT (SELECT any_there FROM kept)
),
changed AS (
    INSERT INTO trade_candle AS c (series_id, timeframe, ts,
        open, high, low, close, volume, buy_volume, trades)
    SELECT :series_id, timeframe, ts,
        open, high, low, close, volume, buy_volume, trades
    FROM made WHERE (SELECT any_there FROM kept)
    ON CONFLICT (series_id, timeframe, ts) DO UPDATE SET
        (open, high, low, close, volume, buy_volume, trades) = (
        EXCLUDED.open, EXCLUDED.high, EXCLUDED.low, EXCLUDED.close, EXCLUDED.volume,
        EXCLUDED.buy_volume, EXCLUDED.trades)
    WHERE (c.open, c.high, c.low, c.close, c.volume, c.buy_volume, c.trades) IS DISTINCT FROM (
        EXCLUDED.open, EXCLUDED.high, EXCLUDED.low, EXCLUDED.close, EXCLUDED.volume,
        EXCLUDED.buy_volume, EXCLUDED.trades)
),
marked AS (
    INSERT INTO candle_mark (series_id, level, hour, content_hash)
    SELECT series_id, 'daily', hour, content_hash FROM candle_mark
    WHERE series_id = :series_id AND level = 'intraday' AND hour = ANY (:hours)
    ON CONFLICT (series_id, level, hour) DO UPDATE SET content_hash = EXCLUDED.content_hash
),
unmarked AS (
    DELETE FROM candle_mark AS d
    WHERE d.series_id = :series_id AND d.level = 'daily' AND d.hour = ANY (:hours)
        AND NOT EXISTS (
            SELECT FROM candle_mark AS i
            WHERE i.series_id = :series_id AND i.level = 'intraday' AND i.hour = d.hour
        )
)
SELECT count(*) FROM made;

-- name: distrust_quotes!
-- Gives every hour of the span that has a row, a mark or a candle a mark that fits no content, so
-- that the next refresh makes all of it anew.
INSERT INTO candle_mark (series_id, level, hour, content_hash)
SELECT :series_id, level, hour, ''
FROM (
    SELECT l.level, h.hour FROM quote_hour AS h, unnest('{intraday,daily}'::text[]) AS l (level)
    WHERE h.series = :series AND h.hour >= :start_at AND h.hour < :end_at
    UNION
    SELECT level, hour FROM candle_mark
    WHERE series_id = :series_id AND hour >= :start_at AND hour < :end_at
    UNION
    SELECT CASE WHEN timeframe IN ('4h', '1d', '1w') THEN 'daily' ELSE 'intraday' END,
        date_bin('1 hour', ts, 'epoch')
    FROM quote_candle
    WHERE series_id = :series_id AND timeframe IN ('1m', '5m', '15m', '30m', '1h', '4h', '1d', '1w')
        AND ts >= :start_at AND ts < :end_at
) AS distrusted
ON CONFLICT (series_id, level, hour) DO UPDATE SET content_hash = '';

-- name: distrust_trades!
-- Gives every hour of the span that has a row, a mark or a candle a mark that fits no content, so
-- that the next refresh makes all of it anew.
INSERT INTO candle_mark (series_id, level, hour, content_hash)
SELECT :series_id, level, hour, ''
FROM (
    SELECT l.level, h.hour FROM trade_hour AS h, unnest('{intraday,daily}'::text[]) AS l (level)
    WHERE h.series = :series AND h.hour >= :start_at AND h.hour < :end_at
    UNION
    SELECT level, hour FROM candle_mark
    WHERE series_id = :series_id AND hour >= :start_at AND hour < :end_at
    UNION
    SELECT CASE WHEN timeframe IN ('4h', '1d', '1w') THEN 'daily' ELSE 'intraday' END,
        date_bin('1 hour', ts, 'epoch')
    FROM trade_candle
    WHERE series_id = :series_id AND timeframe IN ('1m', '5m', '15m', '30m', '1h', '4h', '1d', '1w')
        AND ts >= :start_at AND ts < :end_at
) AS distrusted
ON CONFLICT (series_id, level, hour) DO UPDATE SET content_hash = '';
