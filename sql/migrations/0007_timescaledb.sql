-- With TimescaleDB loaded by the server, hours and candles become hypertables; nothing else differs.
-- (Its loader, and only that, defines `timescaledb.disable_load`.)

DO $$
BEGIN
    IF current_setting('timescaledb.disable_load', true) IS NOT NULL THEN
        CREATE EXTENSION IF NOT EXISTS timescaledb;
    END IF;
END $$;

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb') THEN
        RETURN;
    END IF;
    PERFORM create_hypertable(hours::regclass, by_range('hour', interval '28 days'),
        create_default_indexes => false)
    FROM unnest('{quote_hour,trade_hour}'::text[]) AS hours;
    -- A candle of a week and one of a minute lie in the same chunk: long chunks, so that a chart of
    -- twenty years of weeks does not open hundreds.
    PERFORM create_hypertable(candles::regclass, by_range('ts', interval '364 days'),
        create_default_indexes => false)
    FROM unnest('{quote_candle,trade_candle}'::text[]) AS candles;
    ALTER TABLE quote_candle SET (timescaledb.compress, timescaledb.compress_segmentby = 'series_id, timeframe',
        timescaledb.compress_orderby = 'ts');
    ALTER TABLE trade_candle SET (timescaledb.compress, timescaledb.compress_segmentby = 'series_id, timeframe',
        timescaledb.compress_orderby = 'ts');
    PERFORM add_compression_policy(candles::regclass, compress_after => interval '60 days')
    FROM unnest('{quote_candle,trade_candle}'::text[]) AS candles;
END $$;
