package directory

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/store"
)

// MaxGroups is how many groups an org has at most.
const MaxGroups = 500

// Group is a group of users.
type Group struct {
	ID, Name  string
	Members   int
	CreatedAt time.Time
}

const groupColumns = `g.id, g.name, g.created_at, (SELECT count(*) FROM user_group_members m WHERE m.group_id = g.id)`

// theirGroups are those that a scope names.
const theirGroups = `SELECT s.group_id FROM scopes s WHERE s.holder = $%[1]d`

func scanGroup(s store.Scanner) (g Group, err error) {
	var created sql.NullInt64
	err = s.Scan(&g.ID, &g.Name, &created, &g.Members)
	g.CreatedAt = store.Time(created)
	return g, err
}

// Groups are all, by name; at most MaxGroups.
func Groups(ctx context.Context, tx *sql.Tx) ([]Group, error) {
	where, args := limited(ctx, "g.id", theirGroups, "1 = 1", nil)
	groups, err := store.All(ctx, tx, scanGroup, `SELECT `+groupColumns+` FROM user_groups g WHERE `+where+` ORDER BY g.name_key`, args...)
	if err != nil {
		return nil, fmt.Errorf("list the groups: %w", err)
	}
	return groups, nil
}

// GroupByID is one. The error is ErrNotFound, or the database's.
func GroupByID(ctx context.Context, tx *sql.Tx, id string) (Group, error) {
	return oneGroup(ctx, tx, id, `g.id = $1`, id)
}

// GroupByName is one, whatever the case. The error is ErrNotFound, or the
// database's.
func GroupByName(ctx context.Context, tx *sql.Tx, name string) (Group, error) {
	return oneGroup(ctx, tx, name, `g.name_key = $1`, store.Fold(name))
}

func oneGroup(ctx context.Context, tx *sql.Tx, what, where string, args ...any) (Group, error) {
	where, args = limited(ctx, "g.id", theirGroups, where, args)
	g, err := scanGroup(tx.QueryRowContext(ctx, `SELECT `+groupColumns+` FROM user_groups g WHERE `+where, args...))
	return g, found("group", what, err)
}

// CreateGroup makes an empty group. Errors: ErrExists, ErrState where there are
// too many, or the database's.
func CreateGroup(ctx context.Context, tx *sql.Tx, name string, now time.Time) (Group, error) {
	if _, err := GroupByName(ctx, tx, name); err == nil {
		return Group{}, fmt.Errorf("group %q: %w", name, ErrExists)
	} else if !errors.Is(err, ErrNotFound) {
		return Group{}, err
	}
	all, err := Groups(ctx, tx)
	if err != nil {
		return Group{}, err
	}
	if len(all) >= MaxGroups {
		return Group{}, fmt.Errorf("there are %d groups, and at most so many: %w", len(all), ErrState)
	}
	g := Group{ID: store.NewID("grp"), Name: strings.TrimSpace(name), CreatedAt: now}
	_, err = tx.ExecContext(ctx, `INSERT INTO user_groups (id, name, name_key, created_at, updated_at) VALUES ($1, $2, $3, $4, $4)`,
		g.ID, g.Name, store.Fold(g.Name), store.Micros(now))
	if err != nil {
		return Group{}, fmt.Errorf("store group %q: %w", g.Name, err)
	}
	return g, nil
}

// DeleteGroup removes a group, not its members. Errors: ErrNotFound, ErrState
// where somebody is scoped to it, who would see the whole org without.
func DeleteGroup(ctx context.Context, tx *sql.Tx, id string) (Group, error) {
	g, err := GroupByID(ctx, tx, id)
	if err != nil {
		return g, err
	}
	var holders int
	// A revoked token is never good again. An expired one could be, by a clock that
	// goes back.
	err = tx.QueryRowContext(ctx, `SELECT count(*) FROM scopes s WHERE s.group_id = $1
		AND NOT EXISTS (SELECT 1 FROM tokens t WHERE t.id = s.holder AND t.revoked_at IS NOT NULL)`, g.ID).Scan(&holders)
	if err != nil {
		return g, fmt.Errorf("look who is scoped to group %q: %w", g.Name, err)
	}
	if holders > 0 {
		return g, fmt.Errorf("delete group %q, to which %d administrators or API tokens are scoped (revoke those that are expired): %w", g.Name, holders, ErrState)
	}
	for _, query := range []string{`DELETE FROM scopes WHERE group_id = $1`, `DELETE FROM user_group_members WHERE group_id = $1`, `DELETE FROM user_groups WHERE id = $1`} {
		if _, err := tx.ExecContext(ctx, query, g.ID); err != nil {
			return g, fmt.Errorf("delete group %q: %w", g.Name, err)
		}
	}
	return g, nil
}

// Members are the users in a group, by id.
func Members(ctx context.Context, tx *sql.Tx, g Group, p Page) ([]User, error) {
	users, err := store.All(ctx, tx, scanUser, fmt.Sprintf(`SELECT %s FROM users u JOIN user_group_members m ON m.login_key = u.login_key
		WHERE m.group_id = $1 AND u.id > $2 ORDER BY u.id LIMIT %d`, userColumns, p.limit()), g.ID, p.After)
	if err != nil {
		return nil, fmt.Errorf("list the members of group %q: %w", g.Name, err)
	}
	return users, nil
}

// AddMember puts a user into a group; added is false where they were in it.
func AddMember(ctx context.Context, tx *sql.Tx, g Group, u User, now time.Time) (added bool, err error) {
	done, err := tx.ExecContext(ctx, `INSERT INTO user_group_members (group_id, login_key, added_at) VALUES ($1, $2, $3) ON CONFLICT (group_id, login_key) DO NOTHING`,
		g.ID, store.Fold(u.Login), store.Micros(now))
	if err != nil {
		return false, fmt.Errorf("add %q to group %q: %w", u.Login, g.Name, err)
	}
	n, err := done.RowsAffected()
	return n > 0, err
}

// RemoveMember takes a user out of a group. The error is ErrNotFound where they
// are not in it, or the database's.
func RemoveMember(ctx context.Context, tx *sql.Tx, g Group, u User) error {
	done, err := tx.ExecContext(ctx, `DELETE FROM user_group_members WHERE group_id = $1 AND login_key = $2`, g.ID, store.Fold(u.Login))
	if err != nil {
		return fmt.Errorf("remove %q from group %q: %w", u.Login, g.Name, err)
	}
	if n, err := done.RowsAffected(); err != nil || n == 0 {
		return errors.Join(err, fmt.Errorf("%q in group %q: %w", u.Login, g.Name, ErrNotFound))
	}
	return nil
}
