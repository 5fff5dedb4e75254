-- name: candles_quotes
-- At most :rows candles as a column each, oldest first. A volume that does not fit a bigint is -1
-- there, and its digits stand in the last columns, in order.
SELECT array_agg(ts),
    array_agg(bid_open), array_agg(bid_high), array_agg(bid_low), array_agg(bid_close),
    array_agg(ask_open), array_agg(ask_high), array_agg(ask_low), array_agg(ask_close),
    array_agg(CASE WHEN bid_volume < 9223372036854775808 THEN bid_volume::bigint ELSE -1 END),
    array_agg(CASE WHEN ask_volume < 9223372036854775808 THEN ask_volume::bigint ELSE -1 END),
    array_agg(ticks),
    array_agg(bid_volume::text) FILTER (WHERE bid_volume >= 9223372036854775808),
    array_agg(ask_volume::text) FILTER (WHERE ask_volume >= 9223372036854775808)
FROM (
    SELECT * FROM quote_candle
    WHERE series_id = (SELECT s.series_id FROM series AS s WHERE s.name = :series)
        AND timeframe = :timeframe AND ts >= :start_at AND ts < :end_at
    ORDER BY ts LIMIT :rows
) AS c;

-- name: candles_trades
SELECT array_agg(ts),
    array_agg(open), array_agg(high), array_agg(low), array_agg(close),
    array_agg(CASE WHEN volume < 9223372036854775808 THEN volume::bigint ELSE -1 END),
    array_agg(CASE WHEN buy_volume < 9223372036854775808 THEN buy_volume::bigint ELSE -1 END),
    array_agg(trades),
    array_agg(volume::text) FILTER (WHERE volume >= 9223372036854775808),
    array_agg(buy_volume::text) FILTER (WHERE buy_volume >= 9223372036854775808)
FROM (
    SELECT * FROM trade_candle
    WHERE series_id = (SELECT s.series_id FROM series AS s WHERE s.name = :series)
        AND timeframe = :timeframe AND ts >= :start_at AND ts < :end_at
    ORDER BY ts LIMIT :rows
) AS c;
