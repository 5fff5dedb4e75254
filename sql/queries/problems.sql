-- name: note_problems!
INSERT INTO hour_problem AS p (series, hour, state, reason, attempts, first_try, last_try)
SELECT :series, n.hour, n.state, n.reason, 1, :tried_at, :tried_at
FROM unnest((:hours)::timestamptz[], (:states)::text[], (:reasons)::text[]) AS n (hour, state, reason)
ON CONFLICT (series, hour) DO UPDATE SET state = EXCLUDED.state, reason = EXCLUDED.reason,
    attempts = p.attempts + 1, last_try = EXCLUDED.last_try;

-- name: clear_problems!
DELETE FROM hour_problem WHERE series = :series AND hour = ANY (:hours);

-- name: clear_other_problems!
-- Problems of a span that are none any more.
DELETE FROM hour_problem
WHERE series = :series AND hour >= :start_at AND hour < :end_at AND hour <> ALL (:hours);

-- name: note_request!
INSERT INTO day_request (series, day, asked_at, transport, hours_out, recheck_at, failures)
VALUES (:series, :day, :asked_at, :transport, :hours_out, :recheck_at, :failures)
ON CONFLICT (series, day) DO UPDATE SET asked_at = EXCLUDED.asked_at,
    transport = EXCLUDED.transport, hours_out = EXCLUDED.hours_out,
    recheck_at = EXCLUDED.recheck_at, failures = EXCLUDED.failures;

-- name: day_requests
SELECT day, asked_at, transport, hours_out, recheck_at, failures FROM day_request
WHERE series = :series AND day >= :first_day AND day < :end_day ORDER BY day;

-- name: coverage
SELECT hour, state, reason, hole, ticks, gap_from, gap_to, revision, source,
    problem, problem_reason, attempts, last_try
FROM coverage(:series, :start_at, :end_at, :as_of);
