-- What `candlewick status` and `candlewick up` show.

-- name: has_tables
SELECT to_regclass('quote_candle') IS NOT NULL;

-- name: series_status
SELECT s.name,
    count(h.hour) AS hours,
    count(h.hour) FILTER (WHERE h.state = 'pending') AS pending,
    coalesce(sum(h.ticks), 0)::bigint AS ticks,
    max(h.hour) FILTER (WHERE h.ticks > 0) AS last_hour,
    p.failed, p.waiting, p.reason
FROM series s
LEFT JOIN (
    SELECT series, hour, state, ticks FROM quote_hour
    UNION ALL
    SELECT series, hour, state, ticks FROM trade_hour
) h ON h.series = s.name
LEFT JOIN LATERAL (
    SELECT count(*) FILTER (WHERE state = 'failed') AS failed,
        count(*) FILTER (WHERE state = 'pending') AS waiting,
        (array_agg(reason ORDER BY last_try DESC))[1] AS reason
    FROM hour_problem WHERE series = s.name
) p ON true
WHERE s.state <> 'removed'
GROUP BY s.name, p.failed, p.waiting, p.reason
ORDER BY s.name;

-- name: storage
SELECT
    coalesce(sum(ticks), 0)::bigint AS ticks,
    (SELECT count(*) FROM quote_candle) + (SELECT count(*) FROM trade_candle) AS candles
FROM (SELECT ticks FROM quote_hour UNION ALL SELECT ticks FROM trade_hour) h;

-- name: table_bytes
SELECT pg_total_relation_size((:name)::text::regclass);

-- name: hypertable_bytes
SELECT hypertable_size((:name)::text::regclass);

-- name: hypertables
SELECT to_regproc('hypertable_size') IS NOT NULL;

-- name: host_status
SELECT host, circuit, nullif(rate, 'Infinity'), requests, answered, throttled, failed, last_outcome,
    ceil(greatest(0, extract(epoch FROM blocked_until - now())))::integer
FROM venue_host
ORDER BY host;

-- name: server_version
SELECT current_setting('server_version');
