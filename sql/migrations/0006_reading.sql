-- What anyone with psql or pandas calls: ordinary rows in natural units. Prices and volumes are
-- double precision: the number nearest to the exact decimal, which prints as that decimal.

CREATE FUNCTION series_named(wanted text) RETURNS series LANGUAGE plpgsql STABLE PARALLEL SAFE AS $$
DECLARE
    row_named series;
BEGIN
    SELECT * INTO row_named FROM series WHERE name = wanted;
    IF NOT FOUND THEN
        RAISE no_data_found USING
            MESSAGE = format('no series %s is collected here', wanted),
            HINT = 'SELECT name FROM series lists them; `candlewick add` adds one';
    END IF;
    RETURN row_named;
END $$;

CREATE FUNCTION timeframe_named(wanted text) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    IF wanted NOT IN ('1m', '5m', '15m', '30m', '1h', '4h', '1d', '1w') THEN
        RAISE invalid_parameter_value USING
            MESSAGE = format('there are no %L candles', wanted),
            HINT = 'there are 1m, 5m, 15m, 30m, 1h, 4h, 1d and 1w';
    END IF;
    RETURN wanted;
END $$;

CREATE FUNCTION quotes(series text, start_at timestamptz, end_at timestamptz)
RETURNS TABLE (
    "time" timestamptz, bid double precision, ask double precision,
    bid_volume double precision, ask_volume double precision
) LANGUAGE sql STABLE PARALLEL SAFE ROWS 10000 AS $$
    SELECT t.hour + t.us * interval '1 microsecond',
        t.bid / t.price_unit, t.ask / t.price_unit,
        t.bid_volume / t.volume_unit, t.ask_volume / t.volume_unit
    FROM (
        SELECT h.hour, h.price_unit, h.volume_unit, h.first_us, h.end_us, unnest(h.us) AS us,
            unnest(h.bid) AS bid, unnest(h.ask) AS ask,
            unnest(h.bid_volume) AS bid_volume, unnest(h.ask_volume) AS ask_volume
        FROM (
            SELECT hour, 10::double precision ^ price_scale AS price_unit,
                10::double precision ^ volume_scale AS volume_unit,
                (extract(epoch FROM quotes.start_at - hour) * 1000000)::bigint AS first_us,
                (extract(epoch FROM quotes.end_at - hour) * 1000000)::bigint AS end_us, us || '{}' AS us,
                bid || '{}' AS bid, ask || '{}' AS ask,
                bid_volume || '{}' AS bid_volume, ask_volume || '{}' AS ask_volume
            FROM quote_hour
            WHERE quote_hour.series = (series_named(quotes.series)).name
                AND hour > quotes.start_at - interval '1 hour' AND hour < quotes.end_at
            ORDER BY hour OFFSET 0
        ) AS h
    ) AS t
    WHERE t.us >= t.first_us AND t.us < t.end_us
$$;

CREATE FUNCTION trades(series text, start_at timestamptz, end_at timestamptz)
RETURNS TABLE (
    "time" timestamptz, trade_id bigint, price double precision, quantity double precision, side text
) LANGUAGE sql STABLE PARALLEL SAFE ROWS 10000 AS $$
    SELECT t.hour + t.us * interval '1 microsecond', t.trade_id,
        t.price / t.price_unit, t.quantity / t.volume_unit,
        CASE t.side WHEN 1 THEN 'buy' ELSE 'sell' END
    FROM (
        SELECT h.hour, h.price_unit, h.volume_unit, h.first_us, h.end_us, unnest(h.us) AS us,
            unnest(h.trade_id) AS trade_id, unnest(h.price) AS price,
            unnest(h.quantity) AS quantity, unnest(h.side) AS side
        FROM (
            SELECT hour, 10::double precision ^ price_scale AS price_unit,
                10::double precision ^ volume_scale AS volume_unit,
                (extract(epoch FROM trades.start_at - hour) * 1000000)::bigint AS first_us,
                (extract(epoch FROM trades.end_at - hour) * 1000000)::bigint AS end_us, us || '{}' AS us,
                trade_id || '{}' AS trade_id, price || '{}' AS price,
                quantity || '{}' AS quantity, side || '{}' AS side
            FROM trade_hour
            WHERE trade_hour.series = (series_named(trades.series)).name
                AND hour > trades.start_at - interval '1 hour' AND hour < trades.end_at
            ORDER BY hour OFFSET 0
        ) AS h
    ) AS t
    WHERE t.us >= t.first_us AND t.us < t.end_us
$$;

CREATE FUNCTION quote_candles(series text, timeframe text, start_at timestamptz, end_at timestamptz)
RETURNS TABLE (
    "time" timestamptz,
    bid_open double precision, bid_high double precision,
    bid_low double precision, bid_close double precision,
    ask_open double precision, ask_high double precision,
    ask_low double precision, ask_close double precision,
    bid_volume double precision, ask_volume double precision, ticks bigint
) LANGUAGE sql STABLE PARALLEL SAFE ROWS 1500 AS $$
    SELECT c.ts, c.bid_open / s.price_unit, c.bid_high / s.price_unit,
        c.bid_low / s.price_unit, c.bid_close / s.price_unit,
        c.ask_open / s.price_unit, c.ask_high / s.price_unit,
        c.ask_low / s.price_unit, c.ask_close / s.price_unit,
        c.bid_volume::double precision / s.volume_unit,
        c.ask_volume::double precision / s.volume_unit, c.ticks
    FROM quote_candle AS c, (
        SELECT 10::double precision ^ price_scale AS price_unit,
            10::double precision ^ volume_scale AS volume_unit
        FROM series_named(quote_candles.series)
    ) AS s
    WHERE c.series_id = (series_named(quote_candles.series)).series_id
        AND c.timeframe = timeframe_named(quote_candles.timeframe)
        AND c.ts >= quote_candles.start_at AND c.ts < quote_candles.end_at
    ORDER BY c.ts
$$;

CREATE FUNCTION trade_candles(series text, timeframe text, start_at timestamptz, end_at timestamptz)
RETURNS TABLE (
    "time" timestamptz, open double precision, high double precision,
    low double precision, close double precision,
    volume double precision, buy_volume double precision, trades bigint
) LANGUAGE sql STABLE PARALLEL SAFE ROWS 1500 AS $$
    SELECT c.ts, c.open / s.price_unit, c.high / s.price_unit,
        c.low / s.price_unit, c.close / s.price_unit,
        c.volume::double precision / s.volume_unit,
        c.buy_volume::double precision / s.volume_unit, c.trades
    FROM trade_candle AS c, (
        SELECT 10::double precision ^ price_scale AS price_unit,
            10::double precision ^ volume_scale AS volume_unit
        FROM series_named(trade_candles.series)
    ) AS s
    WHERE c.series_id = (series_named(trade_candles.series)).series_id
        AND c.timeframe = timeframe_named(trade_candles.timeframe)
        AND c.ts >= trade_candles.start_at AND c.ts < trade_candles.end_at
    ORDER BY c.ts
$$;

-- What is known of every hour that overlaps the span. Rows beat the calendar. `hole`: the hour has
-- begun and is neither data nor closed, or it has a gap that was not filled. `problem` and what
-- follows is the last attempt that failed, also where good data lies beside it.
CREATE FUNCTION coverage(
    series text, start_at timestamptz, end_at timestamptz, as_of timestamptz DEFAULT now()
) RETURNS TABLE (
    hour timestamptz, state text, reason text, hole boolean, ticks integer,
    gap_from timestamptz[], gap_to timestamptz[], revision bigint, source text,
    problem text, problem_reason text, attempts integer, last_try timestamptz
) LANGUAGE sql STABLE PARALLEL SAFE ROWS 1000 AS $$
    WITH wanted AS MATERIALIZED (
        SELECT * FROM series_named(coverage.series)
    ),
    held AS MATERIALIZED (
        SELECT q.series, q.hour, q.state, q.ticks, q.gap_from, q.gap_to, q.revision, q.source
        FROM quote_hour AS q
        WHERE q.series = (SELECT name FROM wanted WHERE kind = 'quotes')
            AND q.hour > coverage.start_at - interval '1 hour' AND q.hour < coverage.end_at
        UNION ALL
        SELECT t.series, t.hour, t.state, t.ticks, t.gap_from, t.gap_to, t.revision, t.source
        FROM trade_hour AS t
        WHERE t.series = (SELECT name FROM wanted WHERE kind = 'trades')
            AND t.hour > coverage.start_at - interval '1 hour' AND t.hour < coverage.end_at
    ),
    judged AS (
        SELECT grid.hour, h.ticks, h.revision, h.source, h.gap_from, h.gap_to,
            p.state AS problem, p.reason AS problem_reason, p.attempts, p.last_try,
            grid.hour < coverage.as_of AS begun,
            CASE
                WHEN h.state IN ('data', 'closed') THEN h.state
                WHEN p.state = 'failed' THEN 'failed'
                WHEN h.state IS NOT NULL OR p.state IS NOT NULL THEN 'pending'
                WHEN session.closed OR early.before_history THEN 'closed'
                ELSE 'pending'
            END AS state,
            CASE
                WHEN h.state IN ('data', 'closed') THEN NULL
                WHEN p.reason IS NOT NULL THEN p.reason
                WHEN h.state IS NOT NULL AND grid.hour + interval '1 hour' > coverage.as_of THEN 'running'
                WHEN h.state IS NOT NULL THEN 'not complete yet'
                WHEN session.closed THEN 'outside the weekly session'
                WHEN early.before_history THEN 'before the first tick'
                WHEN grid.hour >= coverage.as_of THEN 'not begun'
                ELSE 'never asked'
            END AS reason
        FROM wanted AS w
        CROSS JOIN generate_series(
            date_trunc('hour', coverage.start_at, 'UTC'),
            coverage.end_at - interval '1 microsecond', interval '1 hour'
        ) AS grid (hour)
        LEFT JOIN held AS h ON h.hour = grid.hour
        LEFT JOIN hour_problem AS p ON p.series = w.name AND p.hour = grid.hour
        LEFT JOIN calendar AS c ON c.name = w.calendar
            AND c.known_from <= grid.hour AND c.known_to >= grid.hour + interval '1 hour'
        CROSS JOIN LATERAL (
            -- Sessions do not overlap: the last one that begins before the hour ends decides.
            SELECT c.name IS NOT NULL AND coalesce((
                SELECT s.end_at <= grid.hour FROM session AS s
                WHERE s.calendar = w.calendar AND s.start_at < grid.hour + interval '1 hour'
                ORDER BY s.start_at DESC LIMIT 1
            ), true) AS closed
        ) AS session
        CROSS JOIN LATERAL (
            SELECT coalesce(grid.hour + interval '1 hour' <= w.first_tick, false) AS before_history
        ) AS early
    )
    SELECT j.hour, j.state, j.reason,
        (j.begun AND j.state NOT IN ('data', 'closed')) OR coalesce(cardinality(j.gap_from), 0) > 0,
        coalesce(j.ticks, 0),
        ARRAY(SELECT j.hour + us * interval '1 microsecond' FROM unnest(j.gap_from) AS us),
        ARRAY(SELECT j.hour + us * interval '1 microsecond' FROM unnest(j.gap_to) AS us),
        j.revision, j.source, j.problem, j.problem_reason, j.attempts, j.last_try
    FROM judged AS j ORDER BY j.hour
$$;
