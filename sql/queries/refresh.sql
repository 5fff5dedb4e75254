-- Making candles. All of it runs in one READ COMMITTED transaction that has taken `lock_candles`
-- first: each statement then sees what the last holder of the lock wrote.

-- name: lock_candles
SELECT pg_advisory_xact_lock(hashtextextended('candlewick candles', :series_id));

-- name: make_minutes_quotes
-- The dirty hours of the span, oldest first, at most :hours: a row whose hash is not the one its
-- candles were made of, or a mark whose row is gone. The statement that reads the arrays writes
-- both candles and marks.
WITH dirty AS MATERIALIZED (
    SELECT coalesce(h.hour, m.hour) AS hour, h.content_hash, coalesce(h.ticks, 0) AS ticks
    FROM (
        SELECT hour, content_hash, ticks FROM quote_hour
        WHERE series = :series AND hour >= :start_at AND hour < :end_at
    ) AS h
    FULL JOIN (
        SELECT hour, content_hash FROM candle_mark
        WHERE series_id = :series_id AND level = 'intraday' AND hour >= :start_at AND hour < :end_at
    ) AS m ON m.hour = h.hour
    WHERE h.content_hash IS DISTINCT FROM m.content_hash
    ORDER BY 1 LIMIT :hours
),
span AS (
    SELECT hour AS start_at, hour + interval '1 hour' AS end_at FROM dirty
),
arrays AS (
    SELECT h.hour, h.us || '{}' AS us, h.bid || '{}' AS bid, h.ask || '{}' AS ask,
        h.bid_volume || '{}' AS bid_volume, h.ask_volume || '{}' AS ask_volume
    FROM dirty AS d JOIN quote_hour AS h ON h.series = :series AND h.hour = d.hour
    OFFSET 0
),
made AS (
    SELECT a.hour + t.minute * interval '1 minute' AS ts,
        a.bid[t.first] AS bid_open, t.bid_high, t.bid_low, a.bid[t.last] AS bid_close,
        a.ask[t.first] AS ask_open, t.ask_high, t.ask_low, a.ask[t.last] AS ask_close,
        t.bid_volume, t.ask_volume, t.ticks
    FROM arrays AS a CROSS JOIN LATERAL (
        SELECT us / 60000000 AS minute, min(i) AS first, max(i) AS last,
            max(bid) AS bid_high, min(bid) AS bid_low, max(ask) AS ask_high, min(ask) AS ask_low,
            sum(bid_volume) AS bid_volume, sum(ask_volume) AS ask_volume, count(*) AS ticks
        FROM unnest(a.us, a.bid, a.ask, a.bid_volume, a.ask_volume)
            WITH ORDINALITY AS tick (us, bid, ask, bid_volume, ask_volume, i)
        GROUP BY 1
    ) AS t
),
removed AS (
    DELETE FROM quote_candle AS c USING span AS s
    WHERE c.series_id = :series_id AND c.timeframe = '1m'
        AND c.ts >= s.start_at AND c.ts < s.end_at
        AND NOT EXISTS (SELECT FROM made AS m WHERE m.ts = c.ts)
),
written AS (
    INSERT INTO quote_candle AS c (series_id, timeframe, ts,
        bid_open, bid_high, bid_low, bid_close, ask_open, ask_high, ask_low, ask_close,
        bid_volume, ask_volume, ticks)
    SELECT :series_id, '1m', ts,
        bid_open, bid_high, bid_low, bid_close, ask_open, ask_high, ask_low, ask_close,
        bid_volume, ask_volume, ticks
    FROM made ORDER BY ts
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
    INSERT INTO candle_mark AS m (series_id, level, hour, content_hash)
    SELECT :series_id, 'intraday', hour, content_hash FROM dirty WHERE content_hash IS NOT NULL
    ON CONFLICT (series_id, level, hour) DO UPDATE SET content_hash = EXCLUDED.content_hash
),
unmarked AS (
    DELETE FROM candle_mark AS m USING dirty AS d
    WHERE d.content_hash IS NULL
        AND m.series_id = :series_id AND m.level = 'intraday' AND m.hour = d.hour
)
SELECT coalesce(array_agg(hour), '{}') AS hours, coalesce(sum(ticks), 0)::bigint AS ticks,
    (SELECT count(*) FROM made) AS candles
FROM dirty;

-- name: roll_up_quotes
-- One timeframe from the one below, for every candle that one of :hours touches; :reach is at least
-- as long as what one candle of the timeframe, or an hour, can be.
WITH span AS (
    SELECT DISTINCT start_at, start_at + (:reach)::interval AS end_at
    FROM series AS s, unnest((:hours)::timestamptz[]) AS hour,
        candle_start(greatest((:timeframe)::timeframe, '1h'), hour, s.day_zone, s.day_turn, s.week_start)
            AS start_at
    WHERE s.series_id = :series_id
),
made AS (
    SELECT candle_start((:timeframe)::timeframe, c.ts, s.day_zone, s.day_turn, s.week_start) AS ts,
        (array_agg(bid_open ORDER BY ts))[1] AS bid_open, max(bid_high) AS bid_high,
        min(bid_low) AS bid_low, (array_agg(bid_close ORDER BY ts DESC))[1] AS bid_close,
        (array_agg(ask_open ORDER BY ts))[1] AS ask_open, max(ask_high) AS ask_high,
        min(ask_low) AS ask_low, (array_agg(ask_close ORDER BY ts DESC))[1] AS ask_close,
        sum(bid_volume) AS bid_volume, sum(ask_volume) AS ask_volume, sum(ticks)::bigint AS ticks
    FROM span JOIN quote_candle AS c ON c.ts >= span.start_at AND c.ts < span.end_at
    JOIN series AS s ON s.series_id = c.series_id
    WHERE c.series_id = :series_id AND c.timeframe = (:below)::timeframe
        AND candle_start(greatest((:timeframe)::timeframe, '1h'), c.ts, s.day_zone, s.day_turn,
            s.week_start) = span.start_at
    GROUP BY 1
),
removed AS (
    DELETE FROM quote_candle AS c USING span AS s
    WHERE c.series_id = :series_id AND c.timeframe = (:timeframe)::timeframe
        AND c.ts >= s.start_at AND c.ts < s.end_at
        AND NOT EXISTS (SELECT FROM made AS m WHERE m.ts = c.ts)
),
written AS (
    INSERT INTO quote_candle AS c (series_id, timeframe, ts,
        bid_open, bid_high, bid_low, bid_close, ask_open, ask_high, ask_low, ask_close,
        bid_volume, ask_volume, ticks)
    SELECT :series_id, (:timeframe)::timeframe, ts,
        bid_open, bid_high, bid_low, bid_close, ask_open, ask_high, ask_low, ask_close,
        bid_volume, ask_volume, ticks
    FROM made ORDER BY ts
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
)
SELECT count(*) FROM made;

-- name: make_minutes_trades
-- The dirty hours of the span, oldest first, at most :hours: a row whose hash is not the one its
-- candles were made of, or a mark whose row is gone. The statement that reads the arrays writes
-- both candles and marks.
WITH dirty AS MATERIALIZED (
    SELECT coalesce(h.hour, m.hour) AS hour, h.content_hash, coalesce(h.ticks, 0) AS ticks
    FROM (
        SELECT hour, content_hash, ticks FROM trade_hour
        WHERE series = :series AND hour >= :start_at AND hour < :end_at
    ) AS h
    FULL JOIN (
        SELECT hour, content_hash FROM candle_mark
        WHERE series_id = :series_id AND level = 'intraday' AND hour >= :start_at AND hour < :end_at
    ) AS m ON m.hour = h.hour
    WHERE h.content_hash IS DISTINCT FROM m.content_hash
    ORDER BY 1 LIMIT :hours
),
span AS (
    SELECT hour AS start_at, hour + interval '1 hour' AS end_at FROM dirty
),
arrays AS (
    SELECT h.hour, h.us || '{}' AS us, h.price || '{}' AS price,
        h.quantity || '{}' AS quantity, h.side || '{}' AS side
    FROM dirty AS d JOIN trade_hour AS h ON h.series = :series AND h.hour = d.hour
    OFFSET 0
),
made AS (
    SELECT a.hour + t.minute * interval '1 minute' AS ts,
        a.price[t.first] AS open, t.high, t.low, a.price[t.last] AS close,
        t.volume, t.buy_volume, t.trades
    FROM arrays AS a CROSS JOIN LATERAL (
        SELECT us / 60000000 AS minute, min(i) AS first, max(i) AS last,
            max(price) AS high, min(price) AS low, sum(quantity) AS volume,
            coalesce(sum(quantity) FILTER (WHERE side = 1), 0) AS buy_volume, count(*) AS trades
        FROM unnest(a.us, a.price, a.quantity, a.side)
            WITH ORDINALITY AS tick (us, price, quantity, side, i)
        GROUP BY 1
    ) AS t
),
removed AS (
    DELETE FROM trade_candle AS c USING span AS s
    WHERE c.series_id = :series_id AND c.timeframe = '1m'
        AND c.ts >= s.start_at AND c.ts < s.end_at
        AND NOT EXISTS (SELECT FROM made AS m WHERE m.ts = c.ts)
),
written AS (
    INSERT INTO trade_candle AS c (series_id, timeframe, ts,
        open, high, low, close, volume, buy_volume, trades)
    SELECT :series_id, '1m', ts,
        open, high, low, close, volume, buy_volume, trades
    FROM made ORDER BY ts
    ON CONFLICT (series_id, timeframe, ts) DO UPDATE SET
        (open, high, low, close, volume, buy_volume, trades) = (
        EXCLUDED.open, EXCLUDED.high, EXCLUDED.low, EXCLUDED.close, EXCLUDED.volume,
        EXCLUDED.buy_volume, EXCLUDED.trades)
    WHERE (c.open, c.high, c.low, c.close, c.volume, c.buy_volume, c.trades) IS DISTINCT FROM (
        EXCLUDED.open, EXCLUDED.high, EXCLUDED.low, EXCLUDED.close, EXCLUDED.volume,
        EXCLUDED.buy_volume, EXCLUDED.trades)
),
marked AS (
    INSERT INTO candle_mark AS m (series_id, level, hour, content_hash)
    SELECT :series_id, 'intraday', hour, content_hash FROM dirty WHERE content_hash IS NOT NULL
    ON CONFLICT (series_id, level, hour) DO UPDATE SET content_hash = EXCLUDED.content_hash
),
unmarked AS (
    DELETE FROM candle_mark AS m USING dirty AS d
    WHERE d.content_hash IS NULL
        AND m.series_id = :series_id AND m.level = 'intraday' AND m.hour = d.hour
)
SELECT coalesce(array_agg(hour), '{}') AS hours, coalesce(sum(ticks), 0)::bigint AS ticks,
    (SELECT count(*) FROM made) AS candles
FROM dirty;

-- name: roll_up_trades
-- One timeframe from the one below, for every candle that one of :hours touches; :reach is at least
-- as long as what one candle of the timeframe, or an hour, can be.
WITH span AS (
    SELECT DISTINCT start_at, start_at + (:reach)::interval AS end_at
    FROM series AS s, unnest((:hours)::timestamptz[]) AS hour,
        candle_start(greatest((:timeframe)::timeframe, '1h'), hour, s.day_zone, s.day_turn, s.week_start)
            AS start_at
    WHERE s.series_id = :series_id
),
made AS (
    SELECT candle_start((:timeframe)::timeframe, c.ts, s.day_zone, s.day_turn, s.week_start) AS ts,
        (array_agg(open ORDER BY ts))[1] AS open, max(high) AS high,
        min(low) AS low, (array_agg(close ORDER BY ts DESC))[1] AS close,
        sum(volume) AS volume, sum(buy_volume) AS buy_volume, sum(trades)::bigint AS trades
    FROM span JOIN trade_candle AS c ON c.ts >= span.start_at AND c.ts < span.end_at
    JOIN series AS s ON s.series_id = c.series_id
    WHERE c.series_id = :series_id AND c.timeframe = (:below)::timeframe
        AND candle_start(greatest((:timeframe)::timeframe, '1h'), c.ts, s.day_zone, s.day_turn,
            s.week_start) = span.start_at
    GROUP BY 1
),
removed AS (
    DELETE FROM trade_candle AS c USING span AS s
    WHERE c.series_id = :series_id AND c.timeframe = (:timeframe)::timeframe
        AND c.ts >= s.start_at AND c.ts < s.end_at
        AND NOT EXISTS (SELECT FROM made AS m WHERE m.ts = c.ts)
),
written AS (
    INSERT INTO trade_candle AS c (series_id, timeframe, ts,
        open, high, low, close, volume, buy_volume, trades)
    SELECT :series_id, (:timeframe)::timeframe, ts,
        open, high, low, close, volume, buy_volume, trades
    FROM made ORDER BY ts
    ON CONFLICT (series_id, timeframe, ts) DO UPDATE SET
        (open, high, low, close, volume, buy_volume, trades) = (
        EXCLUDED.open, EXCLUDED.high, EXCLUDED.low, EXCLUDED.close, EXCLUDED.volume,
        EXCLUDED.buy_volume, EXCLUDED.trades)
    WHERE (c.open, c.high, c.low, c.close, c.volume, c.buy_volume, c.trades) IS DISTINCT FROM (
        EXCLUDED.open, EXCLUDED.high, EXCLUDED.low, EXCLUDED.close, EXCLUDED.volume,
        EXCLUDED.buy_volume, EXCLUDED.trades)
)
SELECT count(*) FROM made;

-- name: daily_dirty
SELECT coalesce(array_agg(hour), '{}') FROM (
    SELECT coalesce(i.hour, d.hour) AS hour
    FROM (
        SELECT hour, content_hash FROM candle_mark
        WHERE series_id = :series_id AND level = 'intraday' AND hour >= :start_at AND hour < :end_at
    ) AS i
    FULL JOIN (
        SELECT hour, content_hash FROM candle_mark
        WHERE series_id = :series_id AND level = 'daily' AND hour >= :start_at AND hour < :end_at
    ) AS d ON d.hour = i.hour
    WHERE i.content_hash IS DISTINCT FROM d.content_hash
    ORDER BY 1 LIMIT :hours
) AS dirty;

-- name: mark_daily
WITH gone AS (
    DELETE FROM candle_mark AS d
    WHERE series_id = :series_id AND level = 'daily' AND hour = ANY (:hours)
        AND NOT EXISTS (
            SELECT FROM candle_mark AS i
            WHERE i.series_id = d.series_id AND i.level = 'intraday' AND i.hour = d.hour
        )
)
INSERT INTO candle_mark (series_id, level, hour, content_hash)
SELECT series_id, 'daily', hour, content_hash FROM candle_mark
WHERE series_id = :series_id AND level = 'intraday' AND hour = ANY (:hours)
ON CONFLICT (series_id, level, hour) DO UPDATE SET content_hash = EXCLUDED.content_hash;
