-- +goose Up
-- What 00015_names.sql of SQLite says, in PostgreSQL's words: see there for why.
CREATE TABLE account_names (
    part       TEXT NOT NULL,
    account_id TEXT NOT NULL REFERENCES os_accounts (id),
    PRIMARY KEY (part, account_id)
);
CREATE INDEX account_names_account ON account_names (account_id);

INSERT INTO account_names (part, account_id)
    WITH RECURSIVE
        parts(id, text, n) AS (SELECT id, trim(replace(replace(split_part(search_key, chr(10), 2), '  ', ' '), '  ', ' ')), 1 FROM os_accounts
            UNION ALL SELECT id, ltrim(substr(text, position(' ' in text) + 1)), n + 1 FROM parts WHERE position(' ' in text) > 0 AND n < 6)
    SELECT DISTINCT substr(text, 1, 128), id FROM parts WHERE text <> '';

CREATE INDEX users_first ON users (lower(first_name));
CREATE INDEX users_last ON users (lower(last_name));
