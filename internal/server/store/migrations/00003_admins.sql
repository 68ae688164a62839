-- +goose Up
-- Administrators with a local account. Digests are HMAC-SHA256 with a key derived from the master key, in hexadecimal.

CREATE TABLE admins (
    id            TEXT PRIMARY KEY,
    login         TEXT NOT NULL,
    login_key     TEXT NOT NULL UNIQUE,
    name          TEXT NOT NULL,
    role          TEXT NOT NULL,
    status        TEXT NOT NULL,
    set_up_digest TEXT NOT NULL,   -- of the set-up code, or empty
    set_up_until  BIGINT,
    password      TEXT NOT NULL,   -- Argon2id with its parameters, or empty
    totp          TEXT NOT NULL,   -- sealed, or empty
    totp_pending  TEXT NOT NULL,   -- sealed: shown and not yet confirmed, or empty
    totp_step     BIGINT NOT NULL, -- the last one used
    created_at    BIGINT NOT NULL,
    signed_in_at  BIGINT
);

CREATE TABLE admin_recovery_codes (
    admin_id TEXT NOT NULL REFERENCES admins (id),
    digest   TEXT NOT NULL,
    used_at  BIGINT,
    PRIMARY KEY (admin_id, digest)
);

CREATE TABLE admin_passkeys (
    id         TEXT PRIMARY KEY,
    admin_id   TEXT NOT NULL REFERENCES admins (id),
    credential TEXT NOT NULL UNIQUE, -- its id, base64url
    sealed     TEXT NOT NULL,
    name       TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    used_at    BIGINT
);
CREATE INDEX admin_passkeys_admin ON admin_passkeys (admin_id);

CREATE TABLE admin_sessions (
    id               TEXT PRIMARY KEY,
    admin_id         TEXT NOT NULL REFERENCES admins (id),
    digest           TEXT NOT NULL,
    stage            TEXT NOT NULL, -- SET_UP, HALF or FULL
    ceremony         TEXT NOT NULL, -- JSON of the passkey challenge that waits for its answer, or empty
    ceremony_until   BIGINT,
    address          TEXT NOT NULL,
    user_agent       TEXT NOT NULL,
    created_at       BIGINT NOT NULL,
    seen_at          BIGINT NOT NULL,
    authenticated_at BIGINT NOT NULL,
    ends_at          BIGINT NOT NULL
);
CREATE INDEX admin_sessions_admin ON admin_sessions (admin_id, stage);

-- Tries that were not (yet) taken back, by account and by client address. The
-- keys are digests: people type passwords where a login belongs.
CREATE TABLE sign_in_failures (
    counter    TEXT PRIMARY KEY,
    failures   BIGINT NOT NULL,
    since      BIGINT NOT NULL,
    last_at    BIGINT NOT NULL,
    wait_until BIGINT
);
CREATE INDEX sign_in_failures_last ON sign_in_failures (last_at);
