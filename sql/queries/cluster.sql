-- Of the server as a whole. Names of roles and databases are put in as identifiers by psycopg.

-- name: answer
SELECT 1;

-- name: role_exists
SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = :name);

-- name: database_exists
SELECT EXISTS (SELECT FROM pg_database WHERE datname = :name);

-- name: create_owner!
CREATE ROLE {role};

-- name: set_owner_password!
ALTER ROLE {role} LOGIN CREATEDB CREATEROLE PASSWORD {verifier};

-- name: create_database!
CREATE DATABASE {database} OWNER {role};
