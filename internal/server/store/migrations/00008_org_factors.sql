-- +goose Up
-- The org's own sign-in: clients, the factors of its users, and what is asked with them.

CREATE TABLE clients (
    id            TEXT PRIMARY KEY,
    name          TEXT NOT NULL,
    secret_digest TEXT NOT NULL,
    created_at    BIGINT NOT NULL,
    used_at       BIGINT,
    revoked_at    BIGINT
);

CREATE TABLE user_factors (
    id         TEXT PRIMARY KEY,
    user_id    TEXT NOT NULL REFERENCES users (id),
    kind       TEXT NOT NULL, -- "totp" or "push"
    name       TEXT NOT NULL,
    sealed     TEXT NOT NULL, -- the key of an app; "" of a phone
    confirmed  BOOLEAN NOT NULL,
    step       BIGINT NOT NULL, -- the last step that a code of the app was taken for
    created_at BIGINT NOT NULL,
    used_at    BIGINT
);
CREATE INDEX user_factors_user ON user_factors (user_id);

CREATE TABLE user_passwords (
    user_id    TEXT PRIMARY KEY REFERENCES users (id),
    hash       TEXT NOT NULL,
    updated_at BIGINT NOT NULL
);

-- Wrong tries of a user, or of a name that is nobody's, by a digest.
CREATE TABLE user_tries (
    counter    TEXT PRIMARY KEY,
    misses     BIGINT NOT NULL,
    last_at    BIGINT NOT NULL,
    wait_until BIGINT
);
CREATE INDEX user_tries_last ON user_tries (last_at);

CREATE TABLE pushes (
    id           TEXT PRIMARY KEY,
    code_digest  TEXT NOT NULL UNIQUE,
    mfa_digest   TEXT NOT NULL, -- of the mfa_token that it belongs to; "" of a primary one
    number_digest TEXT NOT NULL, -- "" without number matching
    shown        TEXT NOT NULL, -- the numbers to choose from, separated by spaces
    user_id      TEXT NOT NULL REFERENCES users (id),
    client_id    TEXT NOT NULL,
    device_id    TEXT NOT NULL,
    state        TEXT NOT NULL,
    created_at   BIGINT NOT NULL,
    expires_at   BIGINT NOT NULL,
    answered_at  BIGINT,
    polled_at    BIGINT
);
CREATE INDEX pushes_user ON pushes (user_id, created_at);
CREATE INDEX pushes_created ON pushes (created_at);

CREATE TABLE push_stops (
    user_id      TEXT PRIMARY KEY REFERENCES users (id),
    paused_until BIGINT,
    blocked_at   BIGINT -- NULL is not
);

CREATE TABLE mfa_tokens (
    digest     TEXT PRIMARY KEY,
    user_id    TEXT NOT NULL REFERENCES users (id),
    client_id  TEXT NOT NULL,
    device_id  TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX mfa_tokens_expires ON mfa_tokens (expires_at);

-- Keys that sign ID tokens. The newest signs; the others are still published.
CREATE TABLE token_keys (
    id         TEXT PRIMARY KEY,
    sealed     TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
