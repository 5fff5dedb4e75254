-- Hours that could not be had, written by the pipeline: never in the hour tables.

CREATE TABLE hour_problem (
    series text NOT NULL REFERENCES series (name),
    hour timestamptz NOT NULL CHECK (hour = date_trunc('hour', hour, 'UTC')),
    state text NOT NULL CHECK (state IN ('failed', 'pending')),
    reason text NOT NULL,
    attempts integer NOT NULL CHECK (attempts > 0),
    first_try timestamptz NOT NULL,
    last_try timestamptz NOT NULL,
    PRIMARY KEY (series, hour)
);
