-- name: add_series!
INSERT INTO series (name, venue, symbol, kind, asset_class, price_scale, volume_scale, calendar,
    day_zone, day_turn, week_start, first_tick)
VALUES (:name, :venue, :symbol, :kind, :asset_class, :price_scale, :volume_scale, :calendar,
    :day_zone, make_interval(hours => :turn_hour), make_interval(days => :week_start), :first_tick)
ON CONFLICT (name) DO UPDATE SET
    (calendar, asset_class, first_tick) = (EXCLUDED.calendar, EXCLUDED.asset_class, EXCLUDED.first_tick);

-- name: series_by_name
SELECT series_id, venue, symbol, kind, asset_class, price_scale, volume_scale, calendar
FROM series WHERE name = :name;

-- name: all_series
SELECT series_id, venue, symbol, kind, asset_class, price_scale, volume_scale, calendar
FROM series WHERE state <> 'removed' ORDER BY name;

-- name: know_calendar!
INSERT INTO calendar (name, known_from, known_to) VALUES (:name, :start_at, :end_at)
ON CONFLICT (name) DO UPDATE SET known_from = EXCLUDED.known_from, known_to = EXCLUDED.known_to;

-- name: forget_sessions!
DELETE FROM session WHERE calendar = :name;

-- name: write_sessions!
INSERT INTO session (calendar, start_at, end_at)
SELECT :name, s.start_at, s.end_at
FROM unnest((:starts)::timestamptz[], (:ends)::timestamptz[]) AS s (start_at, end_at);

-- name: stamp!
INSERT INTO installation (kind) VALUES (:kind) ON CONFLICT DO NOTHING;

-- name: stamped
SELECT kind FROM installation;

-- name: wanted_series
SELECT series_id, venue, symbol, kind, asset_class, price_scale, volume_scale, calendar
FROM series WHERE state = 'collected' ORDER BY name;

-- name: series_states
SELECT name, state FROM series ORDER BY name;

-- name: set_series_state!
UPDATE series SET state = :state WHERE name = ANY (:names) AND state <> :state;

-- name: delete_series_quotes_candles!
DELETE FROM quote_candle WHERE series_id = (SELECT s.series_id FROM series AS s WHERE s.name = :series);

-- name: delete_series_trades_candles!
DELETE FROM trade_candle WHERE series_id = (SELECT s.series_id FROM series AS s WHERE s.name = :series);

-- name: delete_series_quotes_hours!
DELETE FROM quote_hour WHERE series = :series;

-- name: delete_series_trades_hours!
DELETE FROM trade_hour WHERE series = :series;

-- name: delete_series_marks!
DELETE FROM candle_mark WHERE series_id = (SELECT s.series_id FROM series AS s WHERE s.name = :series);

-- name: delete_series_notes!
WITH problems AS (DELETE FROM hour_problem WHERE series = :series),
requests AS (DELETE FROM day_request WHERE series = :series)
DELETE FROM day_proof WHERE series = :series;

-- name: delete_series_row!
DELETE FROM series WHERE name = :series;

-- name: announce_change
-- Until the session ends; any number may do so at once.
SELECT pg_advisory_lock_shared(hashtextextended('candlewick change of series', 0));

-- name: await_changes
SELECT pg_advisory_xact_lock(hashtextextended('candlewick change of series', 0));
