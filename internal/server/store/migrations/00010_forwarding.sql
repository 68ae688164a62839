-- +goose Up
-- How far the System Log was forwarded to each destination, and which server does it now.
CREATE TABLE forwarding (
    destination TEXT PRIMARY KEY,
    seq         BIGINT NOT NULL, -- the last event that it has
    holder      TEXT NOT NULL,   -- server that forwards to it, while held_until is ahead
    held_until  BIGINT NOT NULL,
    failed_at   BIGINT,          -- of the first failure since the last success
    trouble     TEXT NOT NULL    -- what the last failure was, or empty
);
