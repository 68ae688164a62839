-- +goose Up
-- Most accounts are not linked ahead, and in a young org most are not linked: with that one empty value in an index,
-- PostgreSQL expects it behind every login and reads all accounts instead. What asks for a login says that it is none.
DROP INDEX os_accounts_linked;
DROP INDEX os_accounts_prelink;
CREATE INDEX os_accounts_linked ON os_accounts (linked_key) WHERE linked_key <> '';
CREATE INDEX os_accounts_prelink ON os_accounts (prelink_key) WHERE prelink_key <> '';
