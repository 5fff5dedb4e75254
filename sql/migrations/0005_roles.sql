-- Login roles with the least rights; passwords come as SCRAM verifiers, so that no log has them.

CREATE FUNCTION prepare_role(suffix text, verifier text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    role_name text := current_database() || '_' || suffix;
BEGIN
    -- Roles belong to the server: two databases may prepare theirs at the same time.
    PERFORM pg_advisory_xact_lock(hashtextextended('candlewick roles', 0));
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role_name) THEN
        EXECUTE format('CREATE ROLE %I', role_name);
    END IF;
    -- Only a superuser may as much as name the other attributes; a new role has none of them.
    EXECUTE format('ALTER ROLE %I LOGIN PASSWORD %L', role_name, verifier);
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), role_name);
    EXECUTE format('GRANT USAGE ON SCHEMA public TO %I', role_name);
    RETURN role_name;
END $$;

-- What UPSERT of a row needs, and nothing else; it asks for SELECT on every column it takes from the
-- proposed row.
CREATE FUNCTION prepare_sink_role(verifier text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    role_name text := prepare_role('sink', verifier);
BEGIN
    EXECUTE format('GRANT SELECT, INSERT, UPDATE ON quote_hour, trade_hour TO %I', role_name);
    RETURN role_name;
END $$;

CREATE FUNCTION prepare_reader_role(verifier text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    role_name text := prepare_role('reader', verifier);
BEGIN
    EXECUTE format('GRANT SELECT ON ALL TABLES IN SCHEMA public TO %I', role_name);
    EXECUTE format('ALTER ROLE %I SET default_transaction_read_only = on', role_name);
    RETURN role_name;
END $$;

REVOKE EXECUTE ON FUNCTION prepare_role, prepare_sink_role, prepare_reader_role FROM PUBLIC;
