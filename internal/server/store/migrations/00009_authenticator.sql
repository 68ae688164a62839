-- +goose Up
-- Credentials of the org's users (phones with a passkey, security keys), what their browsers are known by, and
-- invitations to set one up.

-- The id of a WebAuthn credential in base64url; "" of a factor without one. The credential itself is in "sealed".
ALTER TABLE user_factors ADD COLUMN credential TEXT NOT NULL DEFAULT '';
ALTER TABLE user_factors ADD COLUMN suspended_at BIGINT; -- its counter went back: it opens nothing
CREATE UNIQUE INDEX user_factors_credential ON user_factors (credential) WHERE credential <> '';

-- Who answered a push (the factor, or "" for the server's machine), why it was refused, and from where it was asked for.
ALTER TABLE pushes ADD COLUMN answered_by TEXT NOT NULL DEFAULT '';
ALTER TABLE pushes ADD COLUMN reason TEXT NOT NULL DEFAULT '';
ALTER TABLE pushes ADD COLUMN asked_from TEXT NOT NULL DEFAULT '';

-- Challenges for security keys at Macs: each for one answer.
CREATE TABLE key_challenges (
    digest     TEXT PRIMARY KEY,
    mfa_digest TEXT NOT NULL, -- of the mfa_token that it belongs to; "" of a primary one
    user_id    TEXT NOT NULL REFERENCES users (id),
    client_id  TEXT NOT NULL,
    device_id  TEXT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX key_challenges_user ON key_challenges (user_id);
CREATE INDEX key_challenges_expires ON key_challenges (expires_at);

CREATE TABLE invitations (
    id            TEXT PRIMARY KEY,
    code_digest   TEXT NOT NULL UNIQUE,
    user_id       TEXT NOT NULL REFERENCES users (id),
    kind          TEXT NOT NULL, -- of the factor: "push" or "webauthn"
    state         TEXT NOT NULL, -- "OPEN", "USED", "DONE" or "REVOKED"
    made_by       TEXT NOT NULL,
    created_at    BIGINT NOT NULL,
    expires_at    BIGINT NOT NULL, -- of the code
    used_at       BIGINT,
    visit_digest  TEXT NOT NULL, -- of the token that the browser got for the code; "" before
    visit_until   BIGINT,
    ceremony      TEXT NOT NULL -- sealed; "" for none
);
CREATE INDEX invitations_user ON invitations (user_id, created_at);
CREATE INDEX invitations_visit ON invitations (visit_digest);

-- The browser of a phone. It goes with its factor.
CREATE TABLE phones (
    factor_id      TEXT PRIMARY KEY REFERENCES user_factors (id) ON DELETE CASCADE,
    user_id        TEXT NOT NULL REFERENCES users (id),
    digest         TEXT NOT NULL UNIQUE, -- of the token that it is known by
    ceremony       TEXT NOT NULL,        -- sealed; "" for none
    ceremony_until BIGINT,
    unlock_digest  TEXT NOT NULL,        -- of the token of an unlocked session; "" for none
    unlocked_until BIGINT,
    subscription   TEXT NOT NULL         -- sealed: where Web Push reaches it; "" for nowhere
);
CREATE INDEX phones_user ON phones (user_id);
