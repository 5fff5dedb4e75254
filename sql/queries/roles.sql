-- name: prepare_sink_role
SELECT prepare_sink_role(:verifier);

-- name: prepare_reader_role
SELECT prepare_reader_role(:verifier);
