-- +goose Up
-- Where the chain of the system log begins, once its oldest events were removed. One row.
CREATE TABLE log_anchor (
    id         BIGINT PRIMARY KEY,
    seq        BIGINT NOT NULL, -- of the last event that was removed
    hash       TEXT NOT NULL,   -- of that event: what the first one that is left follows
    mac        TEXT NOT NULL    -- by the log's key, over both
);
