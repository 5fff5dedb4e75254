-- name: candles_quotes
-- At most :rows candles as a column each, oldest first; the volumes, which may not fit a bigint, as
-- quotient and remainder of 10^9.
SELECT array_agg(ts),
    array_agg(bid_open), array_agg(bid_high), array_agg(bid_low), array_agg(bid_close),
    array_agg(ask_open), array_agg(ask_high), array_agg(ask_low), array_agg(ask_close),
    array_agg(div(bid_volume, 1000000000)::bigint), array_agg(mod(bid_volume, 1000000000)::bigint),
    array_agg(div(ask_volume, 1000000000)::bigint), array_agg(mod(ask_volume, 1000000000)::bigint),
    array_agg(ticks)
FROM (
    SELECT * FROM quote_candle
    WHERE series_id = :series_id AND timeframe = :timeframe
        AND ts >= :start_at AND ts < :end_at
    ORDER BY ts LIMIT :rows
) AS c;

-- name: candles_trades
SELECT array_agg(ts),
    array_agg(open), array_agg(high), array_agg(low), array_agg(close),
    array_agg(div(volume, 1000000000)::bigint), array_agg(mod(volume, 1000000000)::bigint),
    array_agg(div(buy_volume, 1000000000)::bigint), array_agg(mod(buy_volume, 1000000000)::bigint),
    array_agg(trades)
FROM (
    SELECT * FROM trade_candle
    WHERE series_id = :series_id AND timeframe = :timeframe
        AND ts >= :start_at AND ts < :end_at
    ORDER BY ts LIMIT :rows
) AS c;
