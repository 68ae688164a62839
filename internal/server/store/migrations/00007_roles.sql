-- +goose Up
-- Roles that the org made, groups of users, and who is scoped to which of them.

CREATE TABLE custom_roles (
    role_key    TEXT PRIMARY KEY, -- as it stands in admins.role and tokens.role: "custom-" and the folded name
    name        TEXT NOT NULL,
    permissions TEXT NOT NULL,    -- separated by spaces
    created_at  BIGINT NOT NULL,
    updated_at  BIGINT NOT NULL
);

CREATE TABLE user_groups (
    id         TEXT PRIMARY KEY,
    name       TEXT NOT NULL,
    name_key   TEXT NOT NULL UNIQUE,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

-- By login, as accounts of Macs are linked by it.
CREATE TABLE user_group_members (
    group_id  TEXT NOT NULL REFERENCES user_groups (id),
    login_key TEXT NOT NULL REFERENCES users (login_key),
    added_at  BIGINT NOT NULL,
    PRIMARY KEY (group_id, login_key)
);
CREATE INDEX user_group_members_login ON user_group_members (login_key);

-- Who has no row here is for the whole org. A group that stands here cannot be deleted: its holder would have no
-- row left, and see everything.
CREATE TABLE scopes (
    holder   TEXT NOT NULL, -- id of an administrator or of a token
    group_id TEXT NOT NULL REFERENCES user_groups (id),
    PRIMARY KEY (holder, group_id)
);
CREATE INDEX scopes_group ON scopes (group_id);
