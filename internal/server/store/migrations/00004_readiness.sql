-- +goose Up
-- What the readiness of Macs for recovery is counted by, and what finds one while its name is typed, without
-- reading every Mac.

-- Folded, as in search_key between the serial number and the hardware UUID.
ALTER TABLE devices ADD COLUMN name_key TEXT NOT NULL DEFAULT '';
UPDATE devices SET name_key = trim(substr(search_key, instr(search_key, char(10)) + 1,
    instr(substr(search_key, instr(search_key, char(10)) + 1), char(10)) - 1));
CREATE INDEX devices_name ON devices (name_key);

-- When the oldest secret of a governed account was confirmed; NULL where none is registered. The triggers keep it.
ALTER TABLE devices ADD COLUMN secret_oldest_at BIGINT;
UPDATE devices SET secret_oldest_at = (SELECT min(s.confirmed_at) FROM os_accounts a JOIN recovery_secrets s ON s.account_id = a.id
    WHERE a.device_id = devices.id AND a.governed);

-- One column for each directory.Lack: the id of an active Mac that has it, else NULL, so that an index of those that
-- are not NULL holds the answer. Of a Mac that never checked in nothing that a check-in reports is missed.
ALTER TABLE devices ADD COLUMN lacks_confirmation TEXT GENERATED ALWAYS AS
    (CASE WHEN status = 'ACTIVE' AND trust <> 'BOUND' THEN id END) VIRTUAL;
ALTER TABLE devices ADD COLUMN lacks_check_in TEXT GENERATED ALWAYS AS
    (CASE WHEN status = 'ACTIVE' AND seen_at IS NULL THEN id END) VIRTUAL;
ALTER TABLE devices ADD COLUMN lacks_arming TEXT GENERATED ALWAYS AS
    (CASE WHEN status = 'ACTIVE' AND seen_at IS NOT NULL AND armed_state <> 'armed' THEN id END) VIRTUAL;
ALTER TABLE devices ADD COLUMN lacks_secret TEXT GENERATED ALWAYS AS
    (CASE WHEN status = 'ACTIVE' AND seen_at IS NOT NULL AND secret_oldest_at IS NULL THEN id END) VIRTUAL;
-- Two lacks depend on what is asked with: the versions that are welcome, and the time.
ALTER TABLE devices ADD COLUMN active_agent TEXT GENERATED ALWAYS AS
    (CASE WHEN status = 'ACTIVE' AND seen_at IS NOT NULL THEN agent END) VIRTUAL;
-- Until when the oldest secret makes PINs, by the policy that the Mac reported: the limits of internal/server/recovery.
ALTER TABLE devices ADD COLUMN secret_until BIGINT GENERATED ALWAYS AS
    (CASE WHEN status = 'ACTIVE' AND seen_at IS NOT NULL THEN secret_oldest_at + 86400000000 *
        CASE WHEN NOT json_valid(policy_effective) THEN 30
            WHEN json_type(policy_effective, '$.DeviceRecoveryValidityInDays.value') IN ('integer', 'real')
                AND json_extract(policy_effective, '$.DeviceRecoveryValidityInDays.value') BETWEEN 1 AND 365
            THEN json_extract(policy_effective, '$.DeviceRecoveryValidityInDays.value')
            ELSE 30 END END) VIRTUAL;
CREATE INDEX devices_lacks_confirmation ON devices (lacks_confirmation) WHERE lacks_confirmation IS NOT NULL;
CREATE INDEX devices_lacks_check_in ON devices (lacks_check_in) WHERE lacks_check_in IS NOT NULL;
CREATE INDEX devices_lacks_arming ON devices (lacks_arming) WHERE lacks_arming IS NOT NULL;
CREATE INDEX devices_lacks_secret ON devices (lacks_secret) WHERE lacks_secret IS NOT NULL;
CREATE INDEX devices_active_agent ON devices (active_agent, id) WHERE active_agent IS NOT NULL;
CREATE INDEX devices_secret_until ON devices (secret_until, id) WHERE secret_until IS NOT NULL;

-- +goose StatementBegin
CREATE TRIGGER secrets_first AFTER INSERT ON recovery_secrets BEGIN
    UPDATE devices SET secret_oldest_at = (SELECT min(s.confirmed_at) FROM os_accounts a JOIN recovery_secrets s ON s.account_id = a.id
        WHERE a.device_id = devices.id AND a.governed) WHERE id = (SELECT device_id FROM os_accounts WHERE id = NEW.account_id);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER secrets_next AFTER UPDATE OF confirmed_at ON recovery_secrets BEGIN
    UPDATE devices SET secret_oldest_at = (SELECT min(s.confirmed_at) FROM os_accounts a JOIN recovery_secrets s ON s.account_id = a.id
        WHERE a.device_id = devices.id AND a.governed) WHERE id = (SELECT device_id FROM os_accounts WHERE id = NEW.account_id);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER secrets_gone AFTER DELETE ON recovery_secrets BEGIN
    UPDATE devices SET secret_oldest_at = (SELECT min(s.confirmed_at) FROM os_accounts a JOIN recovery_secrets s ON s.account_id = a.id
        WHERE a.device_id = devices.id AND a.governed) WHERE id = (SELECT device_id FROM os_accounts WHERE id = OLD.account_id);
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER accounts_governed AFTER UPDATE OF governed ON os_accounts WHEN OLD.governed <> NEW.governed BEGIN
    UPDATE devices SET secret_oldest_at = (SELECT min(s.confirmed_at) FROM os_accounts a JOIN recovery_secrets s ON s.account_id = a.id
        WHERE a.device_id = devices.id AND a.governed) WHERE id = NEW.device_id;
END;
-- +goose StatementEnd

-- For typing a user's name or e-mail.
CREATE INDEX os_accounts_prelink ON os_accounts (prelink_key);
CREATE INDEX os_accounts_name ON os_accounts (lower(name));
CREATE INDEX users_email ON users (lower(email));
