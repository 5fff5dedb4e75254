-- name: note_proofs!
INSERT INTO day_proof (series, day, proof, holds, detail, checked_at)
SELECT :series, p.day, :proof, p.holds, p.detail, :checked_at
FROM unnest((:days)::date[], (:holds)::boolean[], (:details)::text[]) AS p (day, holds, detail)
ON CONFLICT (series, proof, day) DO UPDATE SET
    holds = EXCLUDED.holds, detail = EXCLUDED.detail, checked_at = EXCLUDED.checked_at;

-- name: broken_proofs
SELECT day, holds, detail FROM day_proof
WHERE series = :series AND proof = :proof AND NOT holds ORDER BY day;

-- name: count_proofs
SELECT count(*) FILTER (WHERE holds), count(*) FILTER (WHERE NOT holds), count(*) FILTER (WHERE holds IS NULL)
FROM day_proof WHERE series = :series AND proof = :proof;

-- name: failed_hours
SELECT hour, reason, attempts FROM hour_problem
WHERE series = :series AND state = 'failed' ORDER BY hour;

-- name: series_added
SELECT name, added_at FROM series;

-- name: stored_candles_quotes
-- Candles of a span as columns, oldest first.
SELECT array_agg((extract(epoch FROM ts) * 1000000)::bigint ORDER BY ts),
    array_agg(bid_open ORDER BY ts), array_agg(bid_high ORDER BY ts),
    array_agg(bid_low ORDER BY ts), array_agg(bid_close ORDER BY ts),
    array_agg(ask_open ORDER BY ts), array_agg(ask_high ORDER BY ts),
    array_agg(ask_low ORDER BY ts), array_agg(ask_close ORDER BY ts),
    array_agg(bid_volume ORDER BY ts), array_agg(ask_volume ORDER BY ts), array_agg(ticks ORDER BY ts)
FROM quote_candle
WHERE series_id = (SELECT series_id FROM series WHERE name = :series)
    AND timeframe = (:timeframe)::timeframe AND ts >= :start_at AND ts < :end_at;

-- name: stored_candles_trades
SELECT array_agg((extract(epoch FROM ts) * 1000000)::bigint ORDER BY ts),
    array_agg(open ORDER BY ts), array_agg(high ORDER BY ts),
    array_agg(low ORDER BY ts), array_agg(close ORDER BY ts),
    array_agg(volume ORDER BY ts), array_agg(buy_volume ORDER BY ts), array_agg(trades ORDER BY ts)
FROM trade_candle
WHERE series_id = (SELECT series_id FROM series WHERE name = :series)
    AND timeframe = (:timeframe)::timeframe AND ts >= :start_at AND ts < :end_at;
