-- When each day of a series was last asked for, and when it is to be asked again.

CREATE TABLE day_request (
    series text NOT NULL REFERENCES series (name),
    day date NOT NULL,
    asked_at timestamptz NOT NULL,
    transport text,
    hours_out integer NOT NULL CHECK (hours_out BETWEEN 0 AND 24),
    recheck_at timestamptz,
    failures integer NOT NULL CHECK (failures >= 0),
    PRIMARY KEY (series, day)
);
COMMENT ON COLUMN day_request.transport IS 'what gave the archived answer; null: nothing has';
COMMENT ON COLUMN day_request.hours_out IS 'hours that the venue had published when it was asked';
COMMENT ON COLUMN day_request.recheck_at IS 'when to ask again for corrections; null: never';
COMMENT ON COLUMN day_request.failures IS 'requests in a row, up to the last, that left an hour failed';
