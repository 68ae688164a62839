-- +goose Up
-- Administrators whom the org's OpenID provider signs in: by issuer and subject, which never change, and not by a name.
ALTER TABLE admins ADD COLUMN issuer TEXT NOT NULL DEFAULT '';  -- empty: a local account
ALTER TABLE admins ADD COLUMN subject TEXT NOT NULL DEFAULT '';
CREATE UNIQUE INDEX admins_subject ON admins (issuer, subject) WHERE issuer <> '';

ALTER TABLE admin_sessions ADD COLUMN provider_session TEXT NOT NULL DEFAULT ''; -- digest of the provider's sid, or empty
ALTER TABLE admin_sessions ADD COLUMN id_token TEXT NOT NULL DEFAULT '';         -- sealed, for the sign-out at the provider; or empty

-- What the provider's answers may do once: sign-ins that were begun, and its words that a session is over.
CREATE TABLE sso_spent (
    id          TEXT PRIMARY KEY,
    spent_until BIGINT NOT NULL
);
CREATE INDEX sso_spent_until ON sso_spent (spent_until);
