-- name: reserve_turn
SELECT wait_s, may_ask FROM reserve_turn(:host, :rate, :patience_s, :probe_s);

-- name: is_blocked
SELECT blocked_until > clock_timestamp() OR circuit <> 'closed' FROM venue_host WHERE host = :host;

-- name: report_request
SELECT report_request(:host, :outcome, :weight, :retry_after_s, :pause_s, :open_s);

-- name: bound_lock_wait
SELECT set_config('lock_timeout', :milliseconds, false);

-- name: hold_lock
SELECT pg_advisory_lock(hashtextextended(:key, 0));
