-- +goose Up
-- What the ACME client keeps, in common for all servers: its account's key, certificates with their keys, and challenges.
CREATE TABLE acme_cache (
    name       TEXT PRIMARY KEY,
    sealed     TEXT NOT NULL,
    updated_at BIGINT NOT NULL
);
