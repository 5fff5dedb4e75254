-- How often each host of a venue may be asked. One row a host, shared by all runs and processes; a
-- person can read it (`SELECT * FROM venue_host`).

CREATE TABLE venue_host (
    host text PRIMARY KEY,
    circuit text NOT NULL DEFAULT 'closed' CHECK (circuit IN ('closed', 'open', 'half-open')),
    rate double precision NOT NULL CHECK (rate > 0),
    first_rate double precision NOT NULL CHECK (first_rate > 0),
    next_at timestamptz NOT NULL DEFAULT 'epoch',
    blocked_until timestamptz NOT NULL DEFAULT 'epoch',
    strain integer NOT NULL DEFAULT 0,
    openings integer NOT NULL DEFAULT 0,
    answers_in_a_row integer NOT NULL DEFAULT 0,
    slowed_at timestamptz NOT NULL DEFAULT 'epoch',
    requests bigint NOT NULL DEFAULT 0,
    answered bigint NOT NULL DEFAULT 0,
    throttled bigint NOT NULL DEFAULT 0,
    failed bigint NOT NULL DEFAULT 0,
    last_outcome text,
    last_outcome_at timestamptz
);
COMMENT ON TABLE venue_host IS 'pace and health of each host that history is fetched from';
COMMENT ON COLUMN venue_host.circuit IS 'open: left alone until blocked_until; half-open: one request tries whether it answers again';
COMMENT ON COLUMN venue_host.rate IS 'requests a second now; Infinity: not paced';
COMMENT ON COLUMN venue_host.first_rate IS 'requests a second that it began with; at most eight times that is ever asked';
COMMENT ON COLUMN venue_host.next_at IS 'the next turn that is free';
COMMENT ON COLUMN venue_host.blocked_until IS 'no request goes out before';
COMMENT ON COLUMN venue_host.strain IS 'weight of the refusals and failures since the last answer; ten open the circuit';
COMMENT ON COLUMN venue_host.openings IS 'how often the circuit opened since the last answer';

-- The next turn at a host. Gives the seconds until it and true; or, where the host is left alone or the
-- queue is longer than `patience_s`, the seconds until asking again makes sense and false. A turn is only
-- reserved: nobody waits inside a transaction.
CREATE FUNCTION reserve_turn(
    wanted_host text, wanted_rate double precision, patience_s double precision, probe_s double precision,
    OUT wait_s double precision, OUT may_ask boolean
) LANGUAGE plpgsql AS $$
DECLARE
    known venue_host;
    moment timestamptz;
    turn timestamptz;
BEGIN
    INSERT INTO venue_host (host, rate, first_rate) VALUES (wanted_host, wanted_rate, wanted_rate)
    ON CONFLICT (host) DO UPDATE SET rate = EXCLUDED.rate, first_rate = EXCLUDED.first_rate, next_at = 'epoch'
    WHERE venue_host.first_rate <> EXCLUDED.first_rate;
    SELECT * INTO known FROM venue_host WHERE host = wanted_host FOR UPDATE;
    moment := clock_timestamp();
    IF known.circuit <> 'closed' THEN
        may_ask := moment >= known.blocked_until;
        wait_s := CASE WHEN may_ask THEN 0 ELSE extract(epoch FROM known.blocked_until - moment) END;
        IF may_ask THEN
            UPDATE venue_host SET circuit = 'half-open', requests = requests + 1,
                blocked_until = moment + make_interval(secs => probe_s)
            WHERE host = wanted_host;
        END IF;
        RETURN;
    END IF;
    turn := greatest(moment, known.next_at, known.blocked_until);
    wait_s := extract(epoch FROM turn - moment);
    may_ask := wait_s <= patience_s;
    IF may_ask THEN
        UPDATE venue_host SET requests = requests + 1, next_at = turn + make_interval(secs => 1.0 / known.rate)
        WHERE host = wanted_host;
    END IF;
END $$;

-- What became of a request: answers slowly raise the rate, a refusal halves it and pauses everybody,
-- repeated refusals and failures open the circuit. Where a refusal names no time, the pause doubles with
-- each, and so does the time that the circuit stays open.
CREATE FUNCTION report_request(
    asked_host text, outcome text, weight integer,
    retry_after_s double precision, pause_s double precision, open_s double precision
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    known venue_host;
    moment timestamptz;
BEGIN
    SELECT * INTO known FROM venue_host WHERE host = asked_host FOR UPDATE;
    moment := clock_timestamp();
    IF outcome = 'answered' THEN
        UPDATE venue_host SET
            circuit = 'closed',
            blocked_until = CASE WHEN circuit = 'closed' THEN blocked_until ELSE moment END,
            strain = 0,
            openings = 0,
            answered = answered + 1,
            answers_in_a_row = answers_in_a_row + 1,
            rate = CASE WHEN (answers_in_a_row + 1) % 20 = 0
                THEN least(first_rate * 8, rate + first_rate / 4) ELSE rate END,
            last_outcome = outcome,
            last_outcome_at = moment
        WHERE host = asked_host;
        RETURN;
    END IF;
    UPDATE venue_host SET
        strain = strain + weight,
        answers_in_a_row = 0,
        throttled = throttled + (outcome = 'throttled')::integer,
        failed = failed + (outcome <> 'throttled')::integer,
        last_outcome = outcome,
        last_outcome_at = moment
    WHERE host = asked_host;
    IF outcome = 'throttled' THEN
        UPDATE venue_host SET
            blocked_until = greatest(blocked_until, moment + make_interval(
                secs => coalesce(retry_after_s, pause_s * 2 ^ least(known.strain, 5))))
        WHERE host = asked_host;
        -- Requests that were on their way together are refused together: that halves the rate once.
        IF moment > known.slowed_at + make_interval(secs => least(10, 2 / known.rate)) THEN
            UPDATE venue_host SET rate = greatest(first_rate / 64, rate / 2), slowed_at = moment
            WHERE host = asked_host;
        END IF;
    END IF;
    IF known.circuit = 'half-open' OR (known.circuit = 'closed' AND known.strain + weight >= 10) THEN
        UPDATE venue_host SET
            circuit = 'open',
            openings = openings + 1,
            blocked_until = greatest(
                blocked_until,
                moment + make_interval(secs => least(20 * open_s, open_s * 2 ^ least(openings, 10)))
            )
        WHERE host = asked_host;
    END IF;
END $$;
