-- +goose Up
-- What 00012_search.sql of SQLite says, in PostgreSQL's words: see there for why.

-- A text with a zero byte, which stands in the body as an escape, is none that PostgreSQL can give: it becomes U+FFFD here.
CREATE FUNCTION latchkey_event(body text) RETURNS json LANGUAGE sql IMMUTABLE AS $$
    SELECT regexp_replace(body, '(?<!\\)((?:\\\\)*)\\u0000', '\1\\ufffd', 'g')::json
$$;

ALTER TABLE events ADD COLUMN actor_login TEXT GENERATED ALWAYS AS (COALESCE(latchkey_event(body) #>> '{actor,alternateId}', '')) STORED;
ALTER TABLE events ADD COLUMN client_ip TEXT GENERATED ALWAYS AS (COALESCE(latchkey_event(body) #>> '{client,ipAddress}', '')) STORED;
ALTER TABLE events ADD COLUMN request TEXT GENERATED ALWAYS AS (COALESCE(latchkey_event(body) ->> 'request', '')) STORED;

CREATE INDEX events_type ON events (type, seq);
CREATE INDEX events_actor ON events (actor_id, seq);
CREATE INDEX events_actor_login ON events (actor_login, seq);
CREATE INDEX events_client_ip ON events (client_ip, seq);
CREATE INDEX events_request ON events (request, seq);

CREATE TABLE event_targets (
    seq          BIGINT NOT NULL,
    target_id    TEXT NOT NULL,
    type         TEXT NOT NULL,
    alternate_id TEXT NOT NULL,
    display_name TEXT NOT NULL
);

CREATE FUNCTION latchkey_targets(event_seq bigint, event_body text) RETURNS void LANGUAGE sql AS $$
    INSERT INTO event_targets (seq, target_id, type, alternate_id, display_name)
        SELECT event_seq, COALESCE(t ->> 'id', ''), COALESCE(t ->> 'type', ''), COALESCE(t ->> 'alternateId', ''), COALESCE(t ->> 'displayName', '')
        FROM json_array_elements(CASE json_typeof(latchkey_event(event_body) -> 'target') WHEN 'array' THEN latchkey_event(event_body) -> 'target' ELSE '[]'::json END) t;
$$;
SELECT latchkey_targets(seq, body) FROM events;
CREATE INDEX event_targets_seq ON event_targets (seq);
CREATE INDEX event_targets_id ON event_targets (target_id, seq);
CREATE INDEX event_targets_alternate ON event_targets (alternate_id, seq);

CREATE FUNCTION latchkey_event_new() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM latchkey_targets(NEW.seq, NEW.body);
    RETURN NULL;
END $$;
CREATE FUNCTION latchkey_event_gone() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM event_targets WHERE seq = OLD.seq;
    RETURN NULL;
END $$;
CREATE TRIGGER events_targets AFTER INSERT ON events FOR EACH ROW EXECUTE FUNCTION latchkey_event_new();
CREATE TRIGGER events_gone AFTER DELETE ON events FOR EACH ROW EXECUTE FUNCTION latchkey_event_gone();
