-- name: lock_migrations
SELECT pg_advisory_lock(hashtextextended('candlewick migrations', 0));

-- name: applied_migrations
SELECT migration_id FROM schema_migration;
