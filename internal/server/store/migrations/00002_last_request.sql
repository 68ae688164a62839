-- +goose Up
-- SHA-256 of the check-in that last_answer answers, in hexadecimal; empty where an older server took it.
ALTER TABLE devices ADD COLUMN last_request TEXT NOT NULL DEFAULT '';
