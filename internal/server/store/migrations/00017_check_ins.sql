-- +goose Up
-- A check-in that says nothing new changes seen_at and little else. What is computed of seen_at is computed then, too,
-- and secret_until reads the whole policy for it; but a Mac with a secret has checked in: without seen_at it says the same.
DROP INDEX devices_secret_until;
ALTER TABLE devices DROP COLUMN secret_until;
ALTER TABLE devices ADD COLUMN secret_until BIGINT GENERATED ALWAYS AS
    (CASE WHEN status = 'ACTIVE' THEN secret_oldest_at + 86400000000 *
        CASE WHEN NOT json_valid(policy_effective) THEN 30
            WHEN json_type(policy_effective, '$.DeviceRecoveryValidityInDays.value') IN ('integer', 'real')
                AND json_extract(policy_effective, '$.DeviceRecoveryValidityInDays.value') BETWEEN 1 AND 365
            THEN json_extract(policy_effective, '$.DeviceRecoveryValidityInDays.value')
            ELSE 30 END END) VIRTUAL;
CREATE INDEX devices_secret_until ON devices (secret_until, id) WHERE secret_until IS NOT NULL;
