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

-- name: forget_hours_quotes!
DELETE FROM quote_hour WHERE series = :series AND hour = ANY (:hours);

-- name: forget_hours_trades!
DELETE FROM trade_hour WHERE series = :series AND hour = ANY (:hours);
