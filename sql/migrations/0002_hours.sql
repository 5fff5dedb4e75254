-- The hours: one row per hour of a series, as its message has it. The JDBC sink writes them by
-- UPSERT; the triggers hold the update rule (docs/hours.md).

CREATE TABLE quote_hour (
    series text NOT NULL REFERENCES series (name),
    hour timestamptz NOT NULL,
    revision bigint NOT NULL,
    state text NOT NULL,
    source text NOT NULL,
    ticks integer NOT NULL,
    content_hash bytea NOT NULL,
    price_scale smallint NOT NULL,
    volume_scale smallint NOT NULL,
    gap_from bigint[] NOT NULL,
    gap_to bigint[] NOT NULL,
    us bigint[] STORAGE EXTERNAL NOT NULL,
    bid bigint[] STORAGE EXTERNAL NOT NULL,
    ask bigint[] STORAGE EXTERNAL NOT NULL,
    bid_volume bigint[] STORAGE EXTERNAL NOT NULL,
    ask_volume bigint[] STORAGE EXTERNAL NOT NULL,
    PRIMARY KEY (series, hour),
    CONSTRAINT quote_hour_starts_an_hour CHECK (hour = date_trunc('hour', hour, 'UTC')),
    CONSTRAINT quote_hour_state_known CHECK (state IN ('data', 'closed', 'pending')),
    CONSTRAINT quote_hour_closed_is_empty
        CHECK (state <> 'closed' OR (ticks = 0 AND cardinality(gap_from) = 0)),
    CONSTRAINT quote_hour_hash_is_sha256 CHECK (octet_length(content_hash) = 32),
    CONSTRAINT quote_hour_gaps_in_the_hour CHECK (
        cardinality(gap_from) = cardinality(gap_to)
        AND array_position(gap_from, NULL) IS NULL AND array_position(gap_to, NULL) IS NULL
        AND 0 <= ALL (gap_from) AND 3600000000 >= ALL (gap_to)
    ),
    CONSTRAINT quote_hour_equal_lengths CHECK (
        cardinality(us) = ticks AND cardinality(bid) = ticks AND cardinality(ask) = ticks
        AND cardinality(bid_volume) = ticks AND cardinality(ask_volume) = ticks
    ),
    CONSTRAINT quote_hour_no_nulls CHECK (
        array_position(us, NULL) IS NULL
        AND array_position(bid, NULL) IS NULL AND array_position(ask, NULL) IS NULL
        AND array_position(bid_volume, NULL) IS NULL AND array_position(ask_volume, NULL) IS NULL
    ),
    CONSTRAINT quote_hour_ticks_in_the_hour CHECK (0 <= ALL (us) AND 3600000000 > ALL (us))
);
COMMENT ON COLUMN quote_hour.us IS 'microseconds since the hour began, in the order of arrival';
COMMENT ON COLUMN quote_hour.gap_from IS 'known holes [gap_from, gap_to), microseconds since the hour began';

CREATE TABLE trade_hour (
    series text NOT NULL REFERENCES series (name),
    hour timestamptz NOT NULL,
    revision bigint NOT NULL,
    state text NOT NULL,
    source text NOT NULL,
    ticks integer NOT NULL,
    content_hash bytea NOT NULL,
    price_scale smallint NOT NULL,
    volume_scale smallint NOT NULL,
    gap_from bigint[] NOT NULL,
    gap_to bigint[] NOT NULL,
    us bigint[] STORAGE EXTERNAL NOT NULL,
    trade_id bigint[] STORAGE EXTERNAL NOT NULL,
    price bigint[] STORAGE EXTERNAL NOT NULL,
    quantity bigint[] STORAGE EXTERNAL NOT NULL,
    side bigint[] STORAGE EXTERNAL NOT NULL,
    PRIMARY KEY (series, hour),
    CONSTRAINT trade_hour_starts_an_hour CHECK (hour = date_trunc('hour', hour, 'UTC')),
    CONSTRAINT trade_hour_state_known CHECK (state IN ('data', 'closed', 'pending')),
    CONSTRAINT trade_hour_closed_is_empty
        CHECK (state <> 'closed' OR (ticks = 0 AND cardinality(gap_from) = 0)),
    CONSTRAINT trade_hour_hash_is_sha256 CHECK (octet_length(content_hash) = 32),
    CONSTRAINT trade_hour_gaps_in_the_hour CHECK (
        cardinality(gap_from) = cardinality(gap_to)
        AND array_position(gap_from, NULL) IS NULL AND array_position(gap_to, NULL) IS NULL
        AND 0 <= ALL (gap_from) AND 3600000000 >= ALL (gap_to)
    ),
    CONSTRAINT trade_hour_equal_lengths CHECK (
        cardinality(us) = ticks AND cardinality(trade_id) = ticks AND cardinality(price) = ticks
        AND cardinality(quantity) = ticks AND cardinality(side) = ticks
    ),
    CONSTRAINT trade_hour_no_nulls CHECK (
        array_position(us, NULL) IS NULL
        AND array_position(trade_id, NULL) IS NULL AND array_position(price, NULL) IS NULL
        AND array_position(quantity, NULL) IS NULL AND array_position(side, NULL) IS NULL
    ),
    CONSTRAINT trade_hour_ticks_in_the_hour CHECK (0 <= ALL (us) AND 3600000000 > ALL (us)),
    CONSTRAINT trade_hour_sides_known CHECK (-1 <= ALL (side) AND 1 >= ALL (side) AND 0 <> ALL (side))
);
COMMENT ON COLUMN trade_hour.us IS 'microseconds since the hour began, in the order of arrival';
COMMENT ON COLUMN trade_hour.gap_from IS 'known holes [gap_from, gap_to), microseconds since the hour began';
COMMENT ON COLUMN trade_hour.side IS 'the taker''s: 1 buy, -1 sell';

-- SECURITY DEFINER: the sink's role reads `series` through this function only.
CREATE FUNCTION check_hour() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    known series;
BEGIN
    SELECT * INTO known FROM series WHERE name = NEW.series AND kind = TG_ARGV[0];
    IF NOT FOUND THEN
        RAISE foreign_key_violation USING
            MESSAGE = format('no series %s of kind %s', NEW.series, TG_ARGV[0]),
            HINT = 'add the series before its hours are published';
    END IF;
    IF (NEW.price_scale, NEW.volume_scale) <> (known.price_scale, known.volume_scale) THEN
        RAISE check_violation USING
            MESSAGE = format('%s is kept with scales %s and %s, not %s and %s', NEW.series,
                known.price_scale, known.volume_scale, NEW.price_scale, NEW.volume_scale),
            HINT = 'a venue that adds decimals needs a migration';
    END IF;
    IF EXISTS (SELECT FROM unnest(NEW.gap_from, NEW.gap_to) AS gap (a, b) WHERE a >= b) THEN
        RAISE check_violation USING MESSAGE = format('%s %s has a gap that ends before it begins',
            NEW.series, NEW.hour);
    END IF;
    RETURN NEW;
END $$;

-- Final rows stand above pending ones; among equals the higher revision wins. Both are a total
-- order, so the row does not depend on the order in which messages arrive.
CREATE FUNCTION settle_hour() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (NEW.series, NEW.hour) <> (OLD.series, OLD.hour) THEN
        RAISE integrity_constraint_violation USING MESSAGE = 'an hour is not moved to another place';
    END IF;
    IF NEW.state = 'pending' AND OLD.state <> 'pending' THEN
        RETURN NULL;
    END IF;
    IF NEW.state <> 'pending' AND OLD.state = 'pending' THEN
        RETURN NEW;
    END IF;
    IF NEW.revision < OLD.revision THEN
        RETURN NULL;
    END IF;
    IF (NEW.state, NEW.gap_from, NEW.gap_to, NEW.price_scale, NEW.volume_scale, NEW.content_hash)
        IS DISTINCT FROM
        (OLD.state, OLD.gap_from, OLD.gap_to, OLD.price_scale, OLD.volume_scale, OLD.content_hash)
    THEN
        RETURN NEW;
    END IF;
    IF (NEW.revision, NEW.source) = (OLD.revision, OLD.source) THEN
        RETURN NULL;
    END IF;
    -- OLD keeps its stored arrays, so that nothing large is written again.
    OLD.revision := NEW.revision;
    OLD.source := NEW.source;
    RETURN OLD;
END $$;

CREATE TRIGGER check_hour BEFORE INSERT OR UPDATE ON quote_hour
    FOR EACH ROW EXECUTE FUNCTION check_hour('quotes');
CREATE TRIGGER settle_hour BEFORE UPDATE ON quote_hour
    FOR EACH ROW EXECUTE FUNCTION settle_hour();
CREATE TRIGGER check_hour BEFORE INSERT OR UPDATE ON trade_hour
    FOR EACH ROW EXECUTE FUNCTION check_hour('trades');
CREATE TRIGGER settle_hour BEFORE UPDATE ON trade_hour
    FOR EACH ROW EXECUTE FUNCTION settle_hour();
