-- +goose Up
-- Certificate authorities of the org's own, whose Device Access certificates are taken too.
CREATE TABLE own_chains (
    id           TEXT PRIMARY KEY, -- SHA-256 of the certificates in their order, hex
    certificates TEXT NOT NULL,    -- PEM, never with a key
    created_by   TEXT NOT NULL,
    created_at   BIGINT NOT NULL
);

-- A certificate that such an authority issued is recorded when a Mac first shows it.
ALTER TABLE certificates ADD COLUMN own BOOLEAN NOT NULL DEFAULT FALSE;

-- For the list of certificates, by its orders.
CREATE INDEX certificates_issued ON certificates (issued_at, fingerprint);
CREATE INDEX certificates_ends ON certificates (not_after, fingerprint);
CREATE INDEX certificates_revoked ON certificates (revoked_at, fingerprint) WHERE revoked_at IS NOT NULL;
CREATE INDEX certificates_device ON certificates (device_id);
