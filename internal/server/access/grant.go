package access

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/latchkey-mfa/latchkey/internal/server/store"
)

// Grant is what the database adds to a role, read at each request: who loses
// something loses it at once.
type Grant struct {
	Holds  []Permission // of a custom role
	Groups []string     // of users, by name, that it is limited to; none is the whole org
}

// Scoped reports whether it is limited to groups of users.
func (g Grant) Scoped() bool { return len(g.Groups) > 0 }

// GrantOf is the grant of a holder, an administrator's or a token's id, in a
// role. A role that is not there any more holds nothing.
func GrantOf(ctx context.Context, tx *sql.Tx, role Role, holder string) (g Grant, err error) {
	if !slices.Contains(Roles(), role) {
		made, err := FindRole(ctx, tx, role)
		if err != nil && !errors.Is(err, ErrNoRole) {
			return g, err
		}
		g.Holds = made.Permissions
	}
	groups, err := scopeOf(ctx, tx, holder)
	if len(groups) > 0 {
		g.Groups = groups
	}
	return g, err
}

// Allows reports whether the caller may do what p stands for.
func (c Caller) Allows(p Permission) bool {
	return c.holds(p) && c.covers(p) && (!c.Scoped() || slices.Contains(scopable(), p))
}

// covers: a token has the scope, or is not narrowed.
func (c Caller) covers(p Permission) bool {
	return len(c.Scopes) == 0 || slices.Contains(c.Scopes, p)
}

func (c Caller) holds(p Permission) bool {
	if c.Role.Allows(p) || slices.Contains(c.Holds, p) {
		return true
	}
	return p == PINGenerate && slices.Contains(c.Holds, DevicesManage)
}

// scopable are the permissions that can be held for some users and not for
// others. All else is about the whole org, and nothing for who is scoped: also
// users and their groups, as these decide what a scope is.
func scopable() []Permission {
	return []Permission{DevicesRead, DevicesManage, UsersRead, PINGenerate, FactorsReset}
}

// scopeOf are the names of the groups that a holder is scoped to, in their
// order; none is the whole org.
func scopeOf(ctx context.Context, tx *sql.Tx, holder string) ([]string, error) {
	one := func(s store.Scanner) (name string, err error) { err = s.Scan(&name); return name, err }
	found, err := store.All(ctx, tx, one, `SELECT g.name FROM scopes s JOIN user_groups g ON g.id = s.group_id WHERE s.holder = $1 ORDER BY g.name_key`, holder)
	if err != nil {
		return nil, fmt.Errorf("read the scope of %s: %w", holder, err)
	}
	return found, nil
}

// maxScope is the most groups that one is scoped to.
const maxScope = 50

// SetScope scopes a holder in a role to the groups with these names; none is
// the whole org. Errors: ErrValue, or the database's.
func SetScope(ctx context.Context, tx *sql.Tx, holder string, role Role, groups []string) error {
	// They are the ones who can make others, and could not be made whole again.
	if role == SuperAdmin && len(groups) > 0 {
		return fmt.Errorf("a super admin is one for the whole org: %w", ErrValue)
	}
	if len(groups) > maxScope {
		return fmt.Errorf("%d groups, at most %d: %w", len(groups), maxScope, ErrValue)
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM scopes WHERE holder = $1`, holder); err != nil {
		return fmt.Errorf("change the scope of %s: %w", holder, err)
	}
	for _, name := range groups {
		done, err := tx.ExecContext(ctx, `INSERT INTO scopes (holder, group_id) SELECT $1, id FROM user_groups WHERE name_key = $2
			ON CONFLICT (holder, group_id) DO UPDATE SET holder = excluded.holder`, holder, store.Fold(name))
		if err != nil {
			return fmt.Errorf("change the scope of %s: %w", holder, err)
		}
		if n, err := done.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, fmt.Errorf("there is no group %q: %w", strings.TrimSpace(name), ErrValue))
		}
	}
	return nil
}
