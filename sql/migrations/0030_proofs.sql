-- What was proved of each day of a series, and what was not: the last word of each kind of check.

CREATE TABLE day_proof (
    series text NOT NULL REFERENCES series (name),
    day date NOT NULL,
    proof text NOT NULL CHECK (proof IN ('landed', 'recount-intraday', 'recount-daily', 'venue')),
    holds boolean,
    detail text NOT NULL,
    checked_at timestamptz NOT NULL,
    PRIMARY KEY (series, proof, day)
);
COMMENT ON COLUMN day_proof.holds IS 'null: there was nothing to compare with';
CREATE INDEX day_proof_broken ON day_proof (series, proof, day) WHERE NOT holds;
