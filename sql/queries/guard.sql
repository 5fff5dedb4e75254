-- name: server_started
SELECT pg_postmaster_start_time();

-- name: sink_connections
-- An application's name is visible to every role; whose connection it is, too.
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND application_name = :application;

-- name: limit_trial
-- A trial neither waits long for a lock nor holds one long.
SELECT set_config('lock_timeout', '5s', true), set_config('statement_timeout', '30s', true);

-- name: try_quotes!
-- What the sink executes for a message; rolled back by the caller.
INSERT INTO quote_hour (series, hour, revision, state, source, ticks, content_hash, price_scale, volume_scale,
    gap_from, gap_to, us, bid, ask, bid_volume, ask_volume)
VALUES (:series, :hour, :revision, :state, :source, :ticks, :content_hash, :price_scale, :volume_scale,
    :gap_from, :gap_to, :us, :bid, :ask, :bid_volume, :ask_volume)
ON CONFLICT (series, hour) DO UPDATE SET revision = EXCLUDED.revision, state = EXCLUDED.state,
    source = EXCLUDED.source, ticks = EXCLUDED.ticks, content_hash = EXCLUDED.content_hash,
    price_scale = EXCLUDED.price_scale, volume_scale = EXCLUDED.volume_scale, gap_from = EXCLUDED.gap_from,
    gap_to = EXCLUDED.gap_to, us = EXCLUDED.us, bid = EXCLUDED.bid, ask = EXCLUDED.ask,
    bid_volume = EXCLUDED.bid_volume, ask_volume = EXCLUDED.ask_volume;

-- name: try_trades!
INSERT INTO trade_hour (series, hour, revision, state, source, ticks, content_hash, price_scale, volume_scale,
    gap_from, gap_to, us, trade_id, price, quantity, side)
VALUES (:series, :hour, :revision, :state, :source, :ticks, :content_hash, :price_scale, :volume_scale,
    :gap_from, :gap_to, :us, :trade_id, :price, :quantity, :side)
ON CONFLICT (series, hour) DO UPDATE SET revision = EXCLUDED.revision, state = EXCLUDED.state,
    source = EXCLUDED.source, ticks = EXCLUDED.ticks, content_hash = EXCLUDED.content_hash,
    price_scale = EXCLUDED.price_scale, volume_scale = EXCLUDED.volume_scale, gap_from = EXCLUDED.gap_from,
    gap_to = EXCLUDED.gap_to, us = EXCLUDED.us, trade_id = EXCLUDED.trade_id, price = EXCLUDED.price,
    quantity = EXCLUDED.quantity, side = EXCLUDED.side;

-- name: hang_up
-- A sink that is restarted leaves its old connections open until its memory is collected.
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
WHERE datname = current_database() AND application_name = :application AND usename = current_user;
