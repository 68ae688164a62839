-- +goose Up
-- What a filter of the System Log may ask for beside the columns there are. All of it comes out of the body, which the
-- chain covers.

ALTER TABLE events ADD COLUMN actor_login TEXT GENERATED ALWAYS AS (COALESCE(json_extract(body, '$.actor.alternateId'), '')) VIRTUAL;
ALTER TABLE events ADD COLUMN client_ip TEXT GENERATED ALWAYS AS (COALESCE(json_extract(body, '$.client.ipAddress'), '')) VIRTUAL;
ALTER TABLE events ADD COLUMN request TEXT GENERATED ALWAYS AS (COALESCE(json_extract(body, '$.request'), '')) VIRTUAL;

CREATE INDEX events_type ON events (type, seq);
CREATE INDEX events_actor ON events (actor_id, seq);
CREATE INDEX events_actor_login ON events (actor_login, seq);
CREATE INDEX events_client_ip ON events (client_ip, seq);
CREATE INDEX events_request ON events (request, seq);

-- An event has any number of targets.
CREATE TABLE event_targets (
    seq          BIGINT NOT NULL,
    target_id    TEXT NOT NULL,
    type         TEXT NOT NULL,
    alternate_id TEXT NOT NULL,
    display_name TEXT NOT NULL
);
INSERT INTO event_targets (seq, target_id, type, alternate_id, display_name)
    SELECT e.seq, COALESCE(json_extract(t.value, '$.id'), ''), COALESCE(json_extract(t.value, '$.type'), ''),
        COALESCE(json_extract(t.value, '$.alternateId'), ''), COALESCE(json_extract(t.value, '$.displayName'), '')
    FROM events e, json_each(COALESCE(json_extract(e.body, '$.target'), '[]')) t;
CREATE INDEX event_targets_seq ON event_targets (seq);
CREATE INDEX event_targets_id ON event_targets (target_id, seq);
CREATE INDEX event_targets_alternate ON event_targets (alternate_id, seq);

-- +goose StatementBegin
CREATE TRIGGER events_targets AFTER INSERT ON events BEGIN
    INSERT INTO event_targets (seq, target_id, type, alternate_id, display_name)
        SELECT NEW.seq, COALESCE(json_extract(t.value, '$.id'), ''), COALESCE(json_extract(t.value, '$.type'), ''),
            COALESCE(json_extract(t.value, '$.alternateId'), ''), COALESCE(json_extract(t.value, '$.displayName'), '')
        FROM json_each(COALESCE(json_extract(NEW.body, '$.target'), '[]')) t;
END;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE TRIGGER events_gone AFTER DELETE ON events BEGIN
    DELETE FROM event_targets WHERE seq = OLD.seq;
END;
-- +goose StatementEnd
