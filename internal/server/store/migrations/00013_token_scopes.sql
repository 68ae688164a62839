-- +goose Up
-- What a token is narrowed to beside its role, separated by spaces; empty is all that its role may. Tokens of before
-- stay as they are.
ALTER TABLE tokens ADD COLUMN scopes TEXT NOT NULL DEFAULT '';
ALTER TABLE tokens ADD COLUMN used_at BIGINT;
