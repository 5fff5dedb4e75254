-- name: bare_minutes
-- One-minute candles of a span's hours and nothing else: the limit that the refresh is measured against.
SELECT count(*), sum(m.bid_high - m.ask_low), sum(m.bid_close - m.bid_open), sum(m.bid_volume)
FROM (
    SELECT hour, us || '{}' AS us, bid || '{}' AS bid, ask || '{}' AS ask,
        bid_volume || '{}' AS bid_volume, ask_volume || '{}' AS ask_volume
    FROM quote_hour WHERE series = :series AND hour >= :start_at AND hour < :end_at OFFSET 0
) AS a CROSS JOIN LATERAL (
    SELECT us / 60000000 AS minute,
        a.bid[min(i)] AS bid_open, a.bid[max(i)] AS bid_close,
        a.ask[min(i)] AS ask_open, a.ask[max(i)] AS ask_close,
        max(bid) AS bid_high, min(bid) AS bid_low, max(ask) AS ask_high, min(ask) AS ask_low,
        sum(bid_volume) AS bid_volume, sum(ask_volume) AS ask_volume, count(*) AS ticks
    FROM (
        SELECT unnest(a.us) AS us, unnest(a.bid) AS bid, unnest(a.ask) AS ask,
            unnest(a.bid_volume) AS bid_volume, unnest(a.ask_volume) AS ask_volume,
            generate_series(1, cardinality(a.us)) AS i
    ) AS tick
    GROUP BY 1
) AS m;

-- name: benchmark_candles!
-- Candles of every timeframe, :rows of each, without any hours behind them.
INSERT INTO quote_candle
SELECT s.series_id, t.timeframe, '2000-01-01Z'::timestamptz + n * t.step,
    100000 + mod(n, 97), 100010 + mod(n, 97), 99990 + mod(n, 97), 100003 + mod(n, 97),
    100001 + mod(n, 97), 100011 + mod(n, 97), 99991 + mod(n, 97), 100004 + mod(n, 97), 1500000 + n, 2500000 + n, 100
FROM series AS s
CROSS JOIN (VALUES ('1m', interval '1 minute'), ('5m', '5 minutes'), ('15m', '15 minutes'),
    ('30m', '30 minutes'), ('1h', '1 hour'), ('4h', '4 hours'), ('1d', '1 day'), ('1w', '7 days'))
    AS t (timeframe, step)
CROSS JOIN generate_series(0, (:rows)::integer - 1) AS n
WHERE s.name = :series;

-- name: benchmark_analyze!
ANALYZE quote_candle;

-- name: benchmark_forget_candles!
DELETE FROM quote_candle WHERE series_id = (SELECT series_id FROM series WHERE name = :series);

-- name: benchmark_forget_marks!
DELETE FROM candle_mark WHERE series_id = (SELECT series_id FROM series WHERE name = :series);

-- name: benchmark_years!
-- Candles of every timeframe over a span, as a market has them that never closes.
INSERT INTO quote_candle
SELECT s.series_id, t.timeframe, ts,
    100000 + mod(n, 97), 100010 + mod(n, 97), 99990 + mod(n, 97), 100003 + mod(n, 97),
    100001 + mod(n, 97), 100011 + mod(n, 97), 99991 + mod(n, 97), 100004 + mod(n, 97), 1500000 + n, 2500000 + n, 100
FROM series AS s
CROSS JOIN (VALUES ('1m', interval '1 minute'), ('5m', '5 minutes'), ('15m', '15 minutes'),
    ('30m', '30 minutes'), ('1h', '1 hour'), ('4h', '4 hours'), ('1d', '1 day'), ('1w', '7 days'))
    AS t (timeframe, step)
CROSS JOIN LATERAL generate_series(:start_at, :end_at - t.step, t.step) WITH ORDINALITY AS g (ts, n)
WHERE s.name = :series;

-- name: benchmark_hours!
-- The hours of a span, a tick a minute in each.
INSERT INTO quote_hour
SELECT :series, hour, 1, 'data', 'benchmark', 60, decode(repeat('00', 32), 'hex'), :price_scale, :volume_scale,
    '{}', '{}', m.us, m.price, m.price, m.price, m.price
FROM generate_series(:start_at, :end_at - interval '1 hour', interval '1 hour') AS hour,
    (SELECT array_agg(n * 60000000::bigint ORDER BY n) AS us, array_agg(100000 + n ORDER BY n) AS price
    FROM generate_series(0, 59) AS n) AS m;
