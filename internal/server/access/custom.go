package access

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/latchkey-mfa/latchkey/internal/server/store"
)

// What a caller of this package decides on.
var (
	ErrNoRole    = errors.New("there is no such role")
	ErrRoleTaken = errors.New("there is a role of that name")
	ErrRoleHeld  = errors.New("somebody has the role")
	ErrValue     = errors.New("not allowed") // the text says what is
)

// Bounds of custom roles.
const (
	maxRoleName = 64 // characters
	maxRoles    = 50
	customRole  = "custom-" // what a key begins with: none is ever one of Roles
)

// CustomRole is a role that the org made.
type CustomRole struct {
	Key         Role   // as it is given and typed, from the name
	Name        string // as it is shown
	Permissions []Permission
	CreatedAt   time.Time
	UpdatedAt   time.Time
}

// Allows reports whether the role holds p, for one who is not scoped.
func (r CustomRole) Allows(p Permission) bool {
	return Caller{Role: r.Key, Grant: Grant{Holds: r.Permissions}}.Allows(p)
}

func scanRole(s store.Scanner) (r CustomRole, err error) {
	var created, updated sql.NullInt64
	var holds string
	err = s.Scan(&r.Key, &r.Name, &holds, &created, &updated)
	r.CreatedAt, r.UpdatedAt = store.Time(created), store.Time(updated)
	for _, word := range strings.Fields(holds) {
		// Whatever stands in the database, no more than could be given.
		if p := Permission(word); slices.Contains(Grantable(), p) {
			r.Permissions = append(r.Permissions, p)
		}
	}
	return r, err
}

const roleColumns = `role_key, name, permissions, created_at, updated_at`

// CustomRoles are all, by key.
func CustomRoles(ctx context.Context, tx *sql.Tx) ([]CustomRole, error) {
	found, err := store.All(ctx, tx, scanRole, `SELECT `+roleColumns+` FROM custom_roles ORDER BY role_key`)
	if err != nil {
		return nil, fmt.Errorf("list the custom roles: %w", err)
	}
	return found, nil
}

// FindRole is a custom role. The error is ErrNoRole, or the database's.
func FindRole(ctx context.Context, tx *sql.Tx, key Role) (CustomRole, error) {
	r, err := scanRole(tx.QueryRowContext(ctx, `SELECT `+roleColumns+` FROM custom_roles WHERE role_key = $1`, string(key)))
	if errors.Is(err, sql.ErrNoRows) {
		return CustomRole{}, fmt.Errorf("role %q: %w", key, ErrNoRole)
	}
	if err != nil {
		return CustomRole{}, fmt.Errorf("read the role %q: %w", key, err)
	}
	return r, nil
}

// NamedRole reads the name of a role that there is, whether built in or made.
// The error is ErrValue and names them all, or the database's.
func NamedRole(ctx context.Context, tx *sql.Tx, text string) (Role, error) {
	all := Roles()
	made, err := CustomRoles(ctx, tx)
	if err != nil {
		return "", err
	}
	for _, r := range made {
		all = append(all, r.Key)
	}
	if r := Role(store.Fold(text)); slices.Contains(all, r) {
		return r, nil
	}
	return "", fmt.Errorf("role %q: want one of %v: %w", text, all, ErrValue)
}

// CreateRole makes a role of a name that no other has. Errors: ErrValue,
// ErrRoleTaken, or the database's.
func CreateRole(ctx context.Context, tx *sql.Tx, name string, holds []Permission, now time.Time) (CustomRole, error) {
	r := CustomRole{Name: strings.TrimSpace(name), CreatedAt: now, UpdatedAt: now}
	var err error
	if r.Key, err = keyOf(r.Name); err != nil {
		return r, err
	}
	if r.Permissions, err = granted(holds); err != nil {
		return r, err
	}
	all, err := CustomRoles(ctx, tx)
	if err != nil {
		return r, err
	}
	if slices.ContainsFunc(all, func(o CustomRole) bool { return o.Key == r.Key }) {
		return r, fmt.Errorf("role %q: %w", r.Key, ErrRoleTaken)
	}
	if len(all) >= maxRoles {
		return r, fmt.Errorf("there are %d custom roles, and at most so many: %w", len(all), ErrValue)
	}
	_, err = tx.ExecContext(ctx, `INSERT INTO custom_roles (role_key, name, permissions, created_at, updated_at) VALUES ($1, $2, $3, $4, $4)`,
		string(r.Key), r.Name, words(r.Permissions), store.Micros(now))
	if err != nil {
		return r, fmt.Errorf("store the role %q: %w", r.Key, err)
	}
	return r, nil
}

// ChangeRole gives a role other permissions, which open sessions have at once.
// Errors: ErrNoRole, ErrValue, or the database's.
func ChangeRole(ctx context.Context, tx *sql.Tx, key Role, holds []Permission, now time.Time) (before, after CustomRole, err error) {
	if before, err = FindRole(ctx, tx, key); err != nil {
		return before, after, err
	}
	after = before
	if after.Permissions, err = granted(holds); err != nil {
		return before, after, err
	}
	after.UpdatedAt = now
	_, err = tx.ExecContext(ctx, `UPDATE custom_roles SET permissions = $2, updated_at = $3 WHERE role_key = $1`, string(key), words(after.Permissions), store.Micros(now))
	if err != nil {
		return before, after, fmt.Errorf("change the role %q: %w", key, err)
	}
	return before, after, nil
}

// DeleteRole removes a role that nobody has: no administrator, also none who is
// suspended, and no token that is still good. Errors: ErrNoRole, ErrRoleHeld,
// or the database's.
func DeleteRole(ctx context.Context, tx *sql.Tx, key Role, now time.Time) (CustomRole, error) {
	r, err := FindRole(ctx, tx, key)
	if err != nil {
		return r, err
	}
	var admins, tokens int
	err = tx.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM admins WHERE role = $1),
		(SELECT count(*) FROM tokens WHERE role = $1 AND revoked_at IS NULL AND (expires_at IS NULL OR expires_at > $2))`, string(key), store.Micros(now)).Scan(&admins, &tokens)
	if err != nil {
		return r, fmt.Errorf("look who has the role %q: %w", key, err)
	}
	if admins+tokens > 0 {
		return r, fmt.Errorf("delete the role %q, which %d administrators and %d API tokens have: %w", key, admins, tokens, ErrRoleHeld)
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM custom_roles WHERE role_key = $1`, string(key)); err != nil {
		return r, fmt.Errorf("delete the role %q: %w", key, err)
	}
	return r, nil
}

// keyOf is the key of a role with that name: its letters and digits, folded,
// with a hyphen between the words.
func keyOf(name string) (Role, error) {
	if !utf8.ValidString(name) || utf8.RuneCountInString(name) > maxRoleName || strings.ContainsFunc(name, unicode.IsControl) {
		return "", fmt.Errorf("name %q: want at most %d printable characters: %w", name, maxRoleName, ErrValue)
	}
	parts := strings.FieldsFunc(store.Fold(name), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	if len(parts) == 0 {
		return "", fmt.Errorf("name %q: want a letter or a digit in it: %w", name, ErrValue)
	}
	return Role(customRole + strings.Join(parts, "-")), nil
}

// granted are permissions that a role may have, each once, in their order.
func granted(asked []Permission) (out []Permission, err error) {
	for _, p := range asked {
		if !slices.Contains(Grantable(), p) {
			return nil, fmt.Errorf("a custom role cannot have %q, want some of %v: %w", p, Grantable(), ErrValue)
		}
	}
	for _, p := range Grantable() {
		if slices.Contains(asked, p) {
			out = append(out, p)
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("a role without a permission is none: %w", ErrValue)
	}
	return out, nil
}

func words(permissions []Permission) string {
	out := make([]string, 0, len(permissions))
	for _, p := range permissions {
		out = append(out, string(p))
	}
	return strings.Join(out, " ")
}

// MayBeCustom reports whether a custom role can have that key. Whether there is
// one stands in the database.
func MayBeCustom(key Role) bool {
	name, custom := strings.CutPrefix(string(key), customRole)
	if !custom {
		return false
	}
	again, err := keyOf(name)
	return err == nil && again == key
}
