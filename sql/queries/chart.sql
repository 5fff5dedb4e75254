-- What the charts ask for beside candles and ticks. Arrays in place of rows: a row costs Python more than SQL.

-- name: chart_series
-- Every series that is not removed, with what a chart and the settings page say of it.
SELECT series_id, venue, symbol, kind, asset_class, price_scale, volume_scale, calendar, state, first_tick, added_at
FROM series WHERE state <> 'removed' ORDER BY name;

-- name: chart_hours_quotes
-- The stored hours since a moment: 1 data, 2 closed, 3 pending; and how many ticks each has.
SELECT array_agg(hour),
    array_agg(CASE state WHEN 'data' THEN 1 WHEN 'closed' THEN 2 ELSE 3 END::bigint), array_agg(ticks::bigint)
FROM (SELECT hour, state, ticks FROM quote_hour WHERE series = :series AND hour >= :start_at ORDER BY hour) AS h;

-- name: chart_hours_trades
SELECT array_agg(hour),
    array_agg(CASE state WHEN 'data' THEN 1 WHEN 'closed' THEN 2 ELSE 3 END::bigint), array_agg(ticks::bigint)
FROM (SELECT hour, state, ticks FROM trade_hour WHERE series = :series AND hour >= :start_at ORDER BY hour) AS h;

-- name: chart_gaps_quotes
SELECT hour, gap_from, gap_to FROM quote_hour
WHERE series = :series AND hour >= :start_at AND cardinality(gap_from) > 0 ORDER BY hour;

-- name: chart_gaps_trades
SELECT hour, gap_from, gap_to FROM trade_hour
WHERE series = :series AND hour >= :start_at AND cardinality(gap_from) > 0 ORDER BY hour;

-- name: chart_problems
SELECT hour, state, reason FROM hour_problem WHERE series = :series AND hour >= :start_at ORDER BY hour;

-- name: chart_sessions
SELECT array_agg(start_at), array_agg(end_at)
FROM (SELECT start_at, end_at FROM session WHERE calendar = :calendar ORDER BY start_at) AS s;

-- name: chart_edge_quotes
-- The newest hours of a live series: what each was made of, and whether the candles are made of the same.
SELECT h.hour, h.state, h.source, coalesce(i.content_hash = h.content_hash, false),
    coalesce(d.content_hash = h.content_hash, false)
FROM quote_hour AS h
JOIN series AS s ON s.name = h.series
LEFT JOIN candle_mark AS i ON (i.series_id, i.level, i.hour) = (s.series_id, 'intraday', h.hour)
LEFT JOIN candle_mark AS d ON (d.series_id, d.level, d.hour) = (s.series_id, 'daily', h.hour)
WHERE h.series = :series ORDER BY h.hour DESC LIMIT 3;

-- name: chart_edge_trades
SELECT h.hour, h.state, h.source, coalesce(i.content_hash = h.content_hash, false),
    coalesce(d.content_hash = h.content_hash, false)
FROM trade_hour AS h
JOIN series AS s ON s.name = h.series
LEFT JOIN candle_mark AS i ON (i.series_id, i.level, i.hour) = (s.series_id, 'intraday', h.hour)
LEFT JOIN candle_mark AS d ON (d.series_id, d.level, d.hour) = (s.series_id, 'daily', h.hour)
WHERE h.series = :series ORDER BY h.hour DESC LIMIT 3;

-- name: chart_count_quotes
-- How many ticks of a span are stored; within an hour their times do not fall.
SELECT coalesce(sum(
    width_bucket((extract(epoch FROM :end_at - hour) * 1000000)::bigint - 1, us)
    - width_bucket((extract(epoch FROM :start_at - hour) * 1000000)::bigint - 1, us)
), 0)::bigint
FROM (
    SELECT hour, us || '{}' AS us FROM quote_hour
    WHERE series = :series AND ticks > 0 AND hour > :start_at - interval '1 hour' AND hour < :end_at OFFSET 0
) AS h;

-- name: chart_count_trades
SELECT coalesce(sum((
    SELECT count(*) FROM unnest(h.us) AS tick
    WHERE tick >= (extract(epoch FROM :start_at - hour) * 1000000)::bigint
        AND tick < (extract(epoch FROM :end_at - hour) * 1000000)::bigint
)), 0)::bigint
FROM trade_hour AS h
WHERE series = :series AND ticks > 0 AND hour > :start_at - interval '1 hour' AND hour < :end_at;

-- name: last_tick_quotes
SELECT hour + us[ticks] * interval '1 microsecond' FROM quote_hour
WHERE series = :series AND ticks > 0 ORDER BY hour DESC LIMIT 1;

-- name: last_tick_trades
SELECT hour + us[ticks] * interval '1 microsecond' FROM trade_hour
WHERE series = :series AND ticks > 0 ORDER BY hour DESC LIMIT 1;

-- name: one_snapshot!
SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY;
