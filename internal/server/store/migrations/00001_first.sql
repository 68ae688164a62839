-- +goose Up
-- Times are microseconds since the Unix epoch unless a column says seconds.
-- Columns that end in _key hold the folded text of the column they are named for.

CREATE TABLE org (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
);

CREATE TABLE users (
    id         TEXT PRIMARY KEY,
    login      TEXT NOT NULL,
    login_key  TEXT NOT NULL UNIQUE,
    email      TEXT NOT NULL,
    first_name TEXT NOT NULL,
    last_name  TEXT NOT NULL,
    search_key TEXT NOT NULL,
    status     TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE devices (
    id               TEXT PRIMARY KEY,
    udid_key         TEXT NOT NULL,
    serial_key       TEXT NOT NULL,
    udid             TEXT NOT NULL,
    serial           TEXT NOT NULL,
    name             TEXT NOT NULL,
    model            TEXT NOT NULL,
    os               TEXT NOT NULL,
    agent            TEXT NOT NULL,
    zone             TEXT NOT NULL,
    search_key       TEXT NOT NULL,
    status           TEXT NOT NULL,
    trust            TEXT NOT NULL,
    certificate      TEXT NOT NULL, -- fingerprint of the one bound, or empty
    claim            TEXT NOT NULL, -- fingerprint of the one waiting for an administrator, or empty
    token_hash       TEXT NOT NULL,
    token_old_hash   TEXT NOT NULL,
    token_at         BIGINT,
    last_seq         BIGINT NOT NULL,
    last_answer      TEXT NOT NULL, -- sealed
    seen_at          BIGINT,
    clock            TEXT NOT NULL,
    armed_state      TEXT NOT NULL,
    armed_reason     TEXT NOT NULL,
    killswitch       BOOLEAN NOT NULL,
    policy_state     TEXT NOT NULL,
    policy_sha256    TEXT NOT NULL,
    policy_errors    TEXT NOT NULL,
    policy_effective TEXT NOT NULL,
    created_at       BIGINT NOT NULL,
    updated_at       BIGINT NOT NULL,
    UNIQUE (udid_key, serial_key)
);
CREATE INDEX devices_serial ON devices (serial_key);

CREATE TABLE os_accounts (
    id                TEXT PRIMARY KEY,
    device_id         TEXT NOT NULL REFERENCES devices (id),
    guid              TEXT NOT NULL,
    uid               BIGINT NOT NULL,
    name              TEXT NOT NULL,
    full_name         TEXT NOT NULL,
    governed          BOOLEAN NOT NULL,
    exempt            BOOLEAN NOT NULL,
    linked            TEXT NOT NULL,
    linked_key        TEXT NOT NULL,
    prelink           TEXT NOT NULL,
    prelink_key       TEXT NOT NULL,
    search_key        TEXT NOT NULL,
    factors           TEXT NOT NULL,
    secret_state      TEXT NOT NULL, -- as the device reports it
    secret_generation BIGINT NOT NULL,
    secret_key_id     TEXT NOT NULL,
    window_until      BIGINT,
    first_governed_at BIGINT,
    seen_at           BIGINT NOT NULL,
    created_at        BIGINT NOT NULL,
    updated_at        BIGINT NOT NULL,
    UNIQUE (device_id, guid)
);
CREATE INDEX os_accounts_linked ON os_accounts (linked_key);

CREATE TABLE recovery_secrets (
    account_id    TEXT PRIMARY KEY REFERENCES os_accounts (id),
    generation    BIGINT NOT NULL,
    key_id        TEXT NOT NULL,
    sealed        TEXT NOT NULL,
    proven        BOOLEAN NOT NULL,
    confirmed_at  BIGINT NOT NULL,
    last_issued_s BIGINT NOT NULL -- seconds: the t of the last timed PIN
);

CREATE TABLE recovery_pins (
    id               TEXT PRIMARY KEY,
    account_id       TEXT NOT NULL REFERENCES os_accounts (id),
    generation       BIGINT NOT NULL,
    method           TEXT NOT NULL,
    issued_s         BIGINT NOT NULL, -- seconds: t
    device_code      TEXT NOT NULL,
    duration_minutes BIGINT NOT NULL,
    issued_by        TEXT NOT NULL,   -- id of the token's owner
    issued_by_name   TEXT NOT NULL,
    reason           TEXT NOT NULL,
    ticket           TEXT NOT NULL,
    created_at       BIGINT NOT NULL,
    used_at          BIGINT,
    voided_at        BIGINT,
    voided_by_name   TEXT NOT NULL
);
CREATE INDEX recovery_pins_account ON recovery_pins (account_id, issued_s);
CREATE INDEX recovery_pins_issuer ON recovery_pins (issued_by, created_at);

CREATE TABLE commands (
    id         TEXT PRIMARY KEY,
    device_id  TEXT NOT NULL REFERENCES devices (id),
    kind       TEXT NOT NULL,
    guid       TEXT NOT NULL,
    until      BIGINT,
    created_at BIGINT NOT NULL,
    acked_at   BIGINT
);
CREATE INDEX commands_device ON commands (device_id, acked_at);

CREATE TABLE device_events (
    device_id TEXT NOT NULL REFERENCES devices (id),
    event_id  TEXT NOT NULL,
    PRIMARY KEY (device_id, event_id)
);

CREATE TABLE events (
    seq       BIGINT PRIMARY KEY,
    id        TEXT NOT NULL UNIQUE,
    published BIGINT NOT NULL,
    type      TEXT NOT NULL,
    severity  TEXT NOT NULL,
    outcome   TEXT NOT NULL,
    actor_id  TEXT NOT NULL,
    body      TEXT NOT NULL,
    hash      TEXT NOT NULL
);
CREATE INDEX events_published ON events (published);

CREATE TABLE tokens (
    id         TEXT PRIMARY KEY,
    hash       TEXT NOT NULL,
    name       TEXT NOT NULL,
    login      TEXT NOT NULL,
    role       TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    revoked_at BIGINT
);

CREATE TABLE authorities (
    name        TEXT PRIMARY KEY,
    certificate TEXT NOT NULL, -- PEM
    sealed_key  TEXT NOT NULL
);

CREATE TABLE scep_challenges (
    id         TEXT PRIMARY KEY,
    hash       TEXT NOT NULL UNIQUE,
    kind       TEXT NOT NULL, -- dynamic or static
    serial     TEXT NOT NULL,
    serial_key TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    used_at    BIGINT,
    revoked_at BIGINT
);

CREATE TABLE certificates (
    fingerprint    TEXT PRIMARY KEY, -- SHA-256 of the DER, hex
    serial_number  TEXT NOT NULL UNIQUE,
    subject        TEXT NOT NULL,
    challenge_id   TEXT NOT NULL,
    tied_serial    TEXT NOT NULL, -- folded serial number that its challenge was tied to, or empty
    renews         TEXT NOT NULL, -- fingerprint of the certificate that signed the renewal, or empty
    device_id      TEXT NOT NULL, -- set by the first check-in
    issued_at      BIGINT NOT NULL,
    not_after      BIGINT NOT NULL,
    revoked_at     BIGINT
);
