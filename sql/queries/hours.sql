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

-- name: quotes_between
-- The quotes of a span, by hour. Times do not fall within an hour, so that a binary search finds the part
-- of its arrays that is wanted; without `|| '{}'` each use of `us` would fetch it anew.
SELECT hour, us[first : last], bid[first : last], ask[first : last],
    bid_volume[first : last], ask_volume[first : last]
FROM (
    SELECT *,
        width_bucket((extract(epoch FROM :start_at - hour) * 1000000)::bigint - 1, us) + 1 AS first,
        width_bucket((extract(epoch FROM :end_at - hour) * 1000000)::bigint - 1, us) AS last
    FROM (
        SELECT hour, us || '{}' AS us, bid, ask, bid_volume, ask_volume FROM quote_hour
        WHERE series = :series AND hour > :start_at - interval '1 hour' AND hour < :end_at
        ORDER BY hour OFFSET 0
    ) AS whole
) AS bounded;
