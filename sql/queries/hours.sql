-- name: landed_marks_quotes
SELECT hour, state, revision, ticks, content_hash FROM quote_hour
WHERE series = :series AND hour = ANY (:hours) ORDER BY hour;

-- name: landed_marks_trades
SELECT hour, state, revision, ticks, content_hash FROM trade_hour
WHERE series = :series AND hour = ANY (:hours) ORDER BY hour;

-- name: hours_listed_quotes
SELECT hour, revision, state, source, price_scale, volume_scale, gap_from, gap_to,
    us, bid, ask, bid_volume, ask_volume
FROM quote_hour WHERE series = :series AND hour = ANY (:hours) ORDER BY hour;

-- name: hours_listed_trades
SELECT hour, revision, state, source, price_scale, volume_scale, gap_from, gap_to,
    us, trade_id, price, quantity, side
FROM trade_hour WHERE series = :series AND hour = ANY (:hours) ORDER BY hour;

-- name: hours_between_quotes
SELECT hour, revision, state, source, price_scale, volume_scale, gap_from, gap_to,
    us, bid, ask, bid_volume, ask_volume
FROM quote_hour WHERE series = :series AND hour >= :start_at AND hour < :end_at ORDER BY hour;

-- name: hours_between_trades
SELECT hour, revision, state, source, price_scale, volume_scale, gap_from, gap_to,
    us, trade_id, price, quantity, side
FROM trade_hour WHERE series = :series AND hour >= :start_at AND hour < :end_at ORDER BY hour;
