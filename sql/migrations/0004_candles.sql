-- Candles, and the marks that say of which content of each hour they were made.

-- No foreign keys: a check per candle would cost more than making it. Volumes are `numeric`: a week of
-- a coin with eight decimals does not fit a bigint. Timeframes are text: TimescaleDB 2.29 makes a broken
-- index of an enum that it segments by.
CREATE TABLE quote_candle (
    series_id integer NOT NULL,
    timeframe text COLLATE "C" NOT NULL CHECK (timeframe IN ('1m', '5m', '15m', '30m', '1h', '4h', '1d', '1w')),
    ts timestamptz NOT NULL,
    bid_open bigint NOT NULL,
    bid_high bigint NOT NULL,
    bid_low bigint NOT NULL,
    bid_close bigint NOT NULL,
    ask_open bigint NOT NULL,
    ask_high bigint NOT NULL,
    ask_low bigint NOT NULL,
    ask_close bigint NOT NULL,
    bid_volume numeric NOT NULL,
    ask_volume numeric NOT NULL,
    ticks bigint NOT NULL,
    PRIMARY KEY (series_id, timeframe, ts)
);

CREATE TABLE trade_candle (
    series_id integer NOT NULL,
    timeframe text COLLATE "C" NOT NULL CHECK (timeframe IN ('1m', '5m', '15m', '30m', '1h', '4h', '1d', '1w')),
    ts timestamptz NOT NULL,
    open bigint NOT NULL,
    high bigint NOT NULL,
    low bigint NOT NULL,
    close bigint NOT NULL,
    volume numeric NOT NULL,
    buy_volume numeric NOT NULL,
    trades bigint NOT NULL,
    PRIMARY KEY (series_id, timeframe, ts)
);

CREATE TABLE candle_mark (
    series_id integer NOT NULL,
    level text NOT NULL CHECK (level IN ('intraday', 'daily')),
    hour timestamptz NOT NULL,
    content_hash bytea NOT NULL,
    PRIMARY KEY (series_id, level, hour)
);

-- Where the candle that holds `ts` begins. `turn` is the local time in `zone` at which a trading day
-- begins, `week_start` the days after Monday on which a trading week does. Four-hour candles count
-- from the turn; a day that the clocks shorten or lengthen ends with a shorter one.
CREATE FUNCTION candle_start(
    timeframe text, ts timestamptz, zone text, turn interval, week_start interval
) RETURNS timestamptz
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE timeframe
    WHEN '1m' THEN date_bin('1 minute', ts, 'epoch')
    WHEN '5m' THEN date_bin('5 minutes', ts, 'epoch')
    WHEN '15m' THEN date_bin('15 minutes', ts, 'epoch')
    WHEN '30m' THEN date_bin('30 minutes', ts, 'epoch')
    WHEN '1h' THEN date_bin('1 hour', ts, 'epoch')
    WHEN '4h' THEN date_bin('4 hours', ts,
        (date_trunc('day', ts AT TIME ZONE zone - turn) + turn) AT TIME ZONE zone)
    WHEN '1d' THEN (date_trunc('day', ts AT TIME ZONE zone - turn) + turn) AT TIME ZONE zone
    WHEN '1w' THEN (date_trunc('week', ts AT TIME ZONE zone - turn - week_start) + week_start + turn)
        AT TIME ZONE zone
END;
