-- What is collected, when its venue is open, and which kind of installation this is.

CREATE TABLE installation (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    kind text NOT NULL CHECK (kind IN ('real', 'demo'))
);

CREATE TABLE series (
    series_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name text NOT NULL UNIQUE,
    venue text NOT NULL,
    symbol text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('quotes', 'trades')),
    asset_class text NOT NULL,
    price_scale smallint NOT NULL CHECK (price_scale BETWEEN 0 AND 18),
    volume_scale smallint NOT NULL CHECK (volume_scale BETWEEN 0 AND 18),
    calendar text NOT NULL,
    day_zone text NOT NULL,
    day_turn interval NOT NULL,
    week_start interval NOT NULL,
    first_tick timestamptz,
    added_at timestamptz NOT NULL DEFAULT now(),
    CHECK (name = venue || ':' || symbol || ':' || kind)
);
COMMENT ON COLUMN series.price_scale IS 'decimal digits: 5 means that 108412 is 1.08412';
COMMENT ON COLUMN series.day_turn IS 'local time in day_zone at which a trading day begins';
COMMENT ON COLUMN series.first_tick IS 'the venue has nothing before; null: not known';
COMMENT ON COLUMN series.week_start IS 'days after Monday on which a trading week begins';

-- Weekly sessions, written from calendars.py. Outside [known_from, known_to) nothing is known, so
-- that no hour there counts as closed.
CREATE TABLE calendar (
    name text PRIMARY KEY,
    known_from timestamptz NOT NULL,
    known_to timestamptz NOT NULL CHECK (known_to > known_from)
);

CREATE TABLE session (
    calendar text NOT NULL REFERENCES calendar (name) ON DELETE CASCADE,
    start_at timestamptz NOT NULL,
    end_at timestamptz NOT NULL CHECK (end_at > start_at),
    PRIMARY KEY (calendar, start_at)
);
