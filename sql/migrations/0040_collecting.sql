-- Series that rest: a paused one is not collected for now, a removed one not any more. What is stored stays.

ALTER TABLE series ADD COLUMN state text NOT NULL DEFAULT 'collected'
    CONSTRAINT series_state_known CHECK (state IN ('collected', 'paused', 'removed'));

-- Few hours have gaps, and a chart asks for those of many years.
CREATE INDEX quote_hour_gaps ON quote_hour (series, hour) WHERE cardinality(gap_from) > 0;
CREATE INDEX trade_hour_gaps ON trade_hour (series, hour) WHERE cardinality(gap_from) > 0;
