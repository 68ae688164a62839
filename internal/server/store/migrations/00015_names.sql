-- +goose Up
-- What finds an account by any word of a person's name as it is typed: the folded full name, from each of its words on.
CREATE TABLE account_names (
    part       TEXT NOT NULL,
    account_id TEXT NOT NULL REFERENCES os_accounts (id),
    PRIMARY KEY (part, account_id)
) WITHOUT ROWID;
CREATE INDEX account_names_account ON account_names (account_id);

-- The full name is folded in search_key, between the short name and the org's login.
INSERT INTO account_names (part, account_id)
    WITH RECURSIVE
        rest(id, text) AS (SELECT id, substr(search_key, instr(search_key, char(10)) + 1) FROM os_accounts),
        full(id, text) AS (SELECT id, trim(replace(replace(CASE WHEN instr(text, char(10)) > 0 THEN substr(text, 1, instr(text, char(10)) - 1) ELSE text END, '  ', ' '), '  ', ' ')) FROM rest),
        parts(id, text, n) AS (SELECT id, text, 1 FROM full
            UNION ALL SELECT id, ltrim(substr(text, instr(text, ' ') + 1)), n + 1 FROM parts WHERE instr(text, ' ') > 0 AND n < 6)
    SELECT DISTINCT substr(text, 1, 128), id FROM parts WHERE text <> '';

-- The same of the org's users.
CREATE INDEX users_first ON users (lower(first_name));
CREATE INDEX users_last ON users (lower(last_name));
