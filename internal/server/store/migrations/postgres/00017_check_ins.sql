-- +goose Up
-- What 00017_check_ins.sql of SQLite says, in PostgreSQL's words: see there for why.

-- A new version of a row stays in its page where there is room, and then no index has to be written for a check-in.
ALTER TABLE devices SET (fillfactor = 70);

DROP INDEX devices_secret_until;
ALTER TABLE devices DROP COLUMN secret_until;
ALTER TABLE devices ADD COLUMN secret_until BIGINT GENERATED ALWAYS AS
    (CASE WHEN status = 'ACTIVE' THEN secret_oldest_at + (86400000000 * latchkey_validity_days(policy_effective))::bigint END) STORED;
CREATE INDEX devices_secret_until ON devices (secret_until, id) WHERE secret_until IS NOT NULL;
