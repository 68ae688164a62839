-- +goose Up
-- What 00004_readiness.sql of SQLite says, in PostgreSQL's words: see there for why.

ALTER TABLE devices ADD COLUMN name_key TEXT NOT NULL DEFAULT '';
UPDATE devices SET name_key = split_part(search_key, chr(10), 2);
CREATE INDEX devices_name ON devices (name_key);

ALTER TABLE devices ADD COLUMN secret_oldest_at BIGINT;
UPDATE devices SET secret_oldest_at = (SELECT min(s.confirmed_at) FROM os_accounts a JOIN recovery_secrets s ON s.account_id = a.id
    WHERE a.device_id = devices.id AND a.governed);

-- The days that the reported policy gives to a secret: the limits of internal/server/recovery.
CREATE FUNCTION latchkey_validity_days(effective text) RETURNS NUMERIC LANGUAGE plpgsql IMMUTABLE AS $$
DECLARE
    days JSON;
BEGIN
    days := effective::json -> 'DeviceRecoveryValidityInDays' -> 'value';
    IF json_typeof(days) = 'number' AND days::text::numeric BETWEEN 1 AND 365 THEN
        RETURN days::text::numeric;
    END IF;
    RETURN 30;
EXCEPTION WHEN OTHERS THEN -- no JSON, or a number beyond all bounds
    RETURN 30;
END $$;

-- PostgreSQL keeps generated columns with the row.
ALTER TABLE devices ADD COLUMN lacks_confirmation TEXT GENERATED ALWAYS AS
    (CASE WHEN status = 'ACTIVE' AND trust <> 'BOUND' THEN id END) STORED;
ALTER TABLE devices ADD COLUMN lacks_check_in TEXT GENERATED ALWAYS AS
    (CASE WHEN status = 'ACTIVE' AND seen_at IS NULL THEN id END) STORED;
ALTER TABLE devices ADD COLUMN lacks_arming TEXT GENERATED ALWAYS AS
    (CASE WHEN status = 'ACTIVE' AND seen_at IS NOT NULL AND armed_state <> 'armed' THEN id END) STORED;
ALTER TABLE devices ADD COLUMN lacks_secret TEXT GENERATED ALWAYS AS
    (CASE WHEN status = 'ACTIVE' AND seen_at IS NOT NULL AND secret_oldest_at IS NULL THEN id END) STORED;
ALTER TABLE devices ADD COLUMN active_agent TEXT GENERATED ALWAYS AS
    (CASE WHEN status = 'ACTIVE' AND seen_at IS NOT NULL THEN agent END) STORED;
ALTER TABLE devices ADD COLUMN secret_until BIGINT GENERATED ALWAYS AS
    (CASE WHEN status = 'ACTIVE' AND seen_at IS NOT NULL
        THEN secret_oldest_at + (86400000000 * latchkey_validity_days(policy_effective))::bigint END) STORED;
CREATE INDEX devices_lacks_confirmation ON devices (lacks_confirmation) WHERE lacks_confirmation IS NOT NULL;
CREATE INDEX devices_lacks_check_in ON devices (lacks_check_in) WHERE lacks_check_in IS NOT NULL;
CREATE INDEX devices_lacks_arming ON devices (lacks_arming) WHERE lacks_arming IS NOT NULL;
CREATE INDEX devices_lacks_secret ON devices (lacks_secret) WHERE lacks_secret IS NOT NULL;
CREATE INDEX devices_active_agent ON devices (active_agent, id) WHERE active_agent IS NOT NULL;
CREATE INDEX devices_secret_until ON devices (secret_until, id) WHERE secret_until IS NOT NULL;

CREATE FUNCTION latchkey_secret_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE devices SET secret_oldest_at = (SELECT min(s.confirmed_at) FROM os_accounts a JOIN recovery_secrets s ON s.account_id = a.id
        WHERE a.device_id = devices.id AND a.governed)
        WHERE id = (SELECT device_id FROM os_accounts WHERE id = CASE TG_OP WHEN 'DELETE' THEN OLD.account_id ELSE NEW.account_id END);
    RETURN NULL;
END $$;
CREATE FUNCTION latchkey_account_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE devices SET secret_oldest_at = (SELECT min(s.confirmed_at) FROM os_accounts a JOIN recovery_secrets s ON s.account_id = a.id
        WHERE a.device_id = devices.id AND a.governed) WHERE id = NEW.device_id;
    RETURN NULL;
END $$;
CREATE TRIGGER secrets_first AFTER INSERT ON recovery_secrets FOR EACH ROW EXECUTE FUNCTION latchkey_secret_changed();
CREATE TRIGGER secrets_next AFTER UPDATE OF confirmed_at ON recovery_secrets FOR EACH ROW EXECUTE FUNCTION latchkey_secret_changed();
CREATE TRIGGER secrets_gone AFTER DELETE ON recovery_secrets FOR EACH ROW EXECUTE FUNCTION latchkey_secret_changed();
CREATE TRIGGER accounts_governed AFTER UPDATE OF governed ON os_accounts FOR EACH ROW WHEN (OLD.governed <> NEW.governed)
    EXECUTE FUNCTION latchkey_account_changed();

CREATE INDEX os_accounts_prelink ON os_accounts (prelink_key);
CREATE INDEX os_accounts_name ON os_accounts (lower(name));
CREATE INDEX users_email ON users (lower(email));
