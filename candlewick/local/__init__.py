"""The servers of one machine: embedded PostgreSQL and Pulsar under a process supervisor."""
