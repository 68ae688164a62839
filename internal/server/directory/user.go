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

// What a caller of this package decides on.
var (
	ErrNotFound = errors.New("not found")
	ErrExists   = errors.New("exists already")
	ErrState    = errors.New("not possible in this state")
)

// Status is where a user or a device is in its life, in Okta's words.
type Status string

// The statuses.
const (
	Active      Status = "ACTIVE"
	Suspended   Status = "SUSPENDED"
	Deactivated Status = "DEACTIVATED" // of a user Okta says DEPROVISIONED
)

// Lifecycle is a change of status.
type Lifecycle string

// The changes.
const (
	Activate   Lifecycle = "activate"
	Deactivate Lifecycle = "deactivate"
	Suspend    Lifecycle = "suspend"
	Unsuspend  Lifecycle = "unsuspend"
)

// next is the status after c; ErrState where c makes no sense.
func (s Status) next(c Lifecycle) (Status, error) {
	switch {
	case c == Suspend && s == Active:
		return Suspended, nil
	case c == Unsuspend && s == Suspended:
		return Active, nil
	case c == Deactivate && (s == Active || s == Suspended):
		return Deactivated, nil
	case c == Activate && s == Deactivated:
		return Active, nil
	}
	return "", fmt.Errorf("%s while %s: %w", c, s, ErrState)
}

// User is a person of the org.
type User struct {
	ID        string
	Login     string
	Email     string
	FirstName string
	LastName  string
	Status    Status
	CreatedAt time.Time
	UpdatedAt time.Time
}

// Name is what a person is called, else the login.
func (u User) Name() string {
	if name := strings.TrimSpace(u.FirstName + " " + u.LastName); name != "" {
		return name
	}
	return u.Login
}

// CreateUser stores u as a new active user. The error is ErrExists where the
// login is taken.
func CreateUser(ctx context.Context, tx *sql.Tx, u User, now time.Time) (User, error) {
	if _, err := UserByLogin(ctx, tx, u.Login); err == nil {
		return User{}, fmt.Errorf("user %q: %w", u.Login, ErrExists)
	} else if !errors.Is(err, ErrNotFound) {
		return User{}, err
	}
	u.ID, u.Status, u.CreatedAt, u.UpdatedAt = store.NewID("usr"), Active, now, now
	search := store.Fold(strings.Join([]string{u.Login, u.Email, u.FirstName + " " + u.LastName}, "\n"))
	_, err := tx.ExecContext(ctx, `INSERT INTO users (id, login, login_key, email, first_name, last_name, search_key, status, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9)`,
		u.ID, u.Login, store.Fold(u.Login), u.Email, u.FirstName, u.LastName, search, string(u.Status), store.Micros(now))
	if err != nil {
		return User{}, fmt.Errorf("store user %q: %w", u.Login, err)
	}
	return u, nil
}

const userColumns = `u.id, u.login, u.email, u.first_name, u.last_name, u.status, u.created_at, u.updated_at`

func scanUser(s store.Scanner) (u User, err error) {
	var created, updated sql.NullInt64
	err = s.Scan(&u.ID, &u.Login, &u.Email, &u.FirstName, &u.LastName, &u.Status, &created, &updated)
	u.CreatedAt, u.UpdatedAt = store.Time(created), store.Time(updated)
	return u, err
}

// UserByLogin finds a user by login, whatever its case.
func UserByLogin(ctx context.Context, tx *sql.Tx, login string) (User, error) {
	return oneUser(ctx, tx, login, `u.login_key = $1`, store.Fold(login))
}

// UserByHint finds a user by the whole login, or by its local part where it is
// that of one user alone: a Mac that has "Okta username prefix" for its users
// sends no more. The error is ErrNotFound also where two have it.
func UserByHint(ctx context.Context, tx *sql.Tx, hint string) (User, error) {
	u, err := UserByLogin(ctx, tx, hint)
	if !errors.Is(err, ErrNotFound) || strings.Contains(hint, "@") || store.Fold(hint) == "" {
		return u, err
	}
	pattern := strings.TrimSuffix(strings.TrimPrefix(store.Contains(hint), "%"), "%") + "@%"
	found, err := store.All(ctx, tx, scanUser, `SELECT `+userColumns+` FROM users u WHERE u.login_key LIKE $1 ESCAPE '\' ORDER BY u.id LIMIT 2`, pattern)
	if err != nil {
		return User{}, fmt.Errorf("read user %q: %w", hint, err)
	}
	if len(found) != 1 {
		return User{}, fmt.Errorf("user %q: %w", hint, ErrNotFound)
	}
	return found[0], nil
}

// FindUser finds a user by id or login, as Okta's paths take both.
func FindUser(ctx context.Context, tx *sql.Tx, idOrLogin string) (User, error) {
	return oneUser(ctx, tx, idOrLogin, `u.id = $1 OR u.login_key = $2`, idOrLogin, store.Fold(idOrLogin))
}

func oneUser(ctx context.Context, tx *sql.Tx, what, where string, args ...any) (User, error) {
	where, args = limited(ctx, "u.login_key", members, "("+where+")", args)
	u, err := scanUser(tx.QueryRowContext(ctx, `SELECT `+userColumns+` FROM users u WHERE `+where, args...))
	return u, found("user", what, err)
}

// found turns a missing row into ErrNotFound and says what was looked for.
func found(kind, what string, err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return fmt.Errorf("%s %q: %w", kind, what, ErrNotFound)
	}
	if err != nil {
		return fmt.Errorf("read %s %q: %w", kind, what, err)
	}
	return nil
}

// Page is a part of a list: up to Limit after the id After.
type Page struct {
	After string
	Limit int
}

// MaxPage is the largest Page.Limit, and Okta's.
const MaxPage = 200

func (p Page) limit() int { return min(max(p.Limit, 1), MaxPage) }

// Users are those whose login, e-mail or name holds q, by id.
func Users(ctx context.Context, tx *sql.Tx, q string, p Page) ([]User, error) {
	where, args := limited(ctx, "u.login_key", members, `u.search_key LIKE $1 ESCAPE '\' AND u.id > $2`, []any{store.Contains(q), p.After})
	users, err := store.All(ctx, tx, scanUser, fmt.Sprintf(`SELECT %s FROM users u WHERE %s ORDER BY u.id LIMIT %d`, userColumns, where, p.limit()), args...)
	if err != nil {
		return nil, fmt.Errorf("list users: %w", err)
	}
	return users, nil
}

// ChangeUser moves a user through its life. Errors: ErrNotFound, ErrState.
func ChangeUser(ctx context.Context, tx *sql.Tx, idOrLogin string, c Lifecycle, now time.Time) (User, error) {
	u, err := FindUser(ctx, tx, idOrLogin)
	if err != nil {
		return User{}, err
	}
	if u.Status, err = u.Status.next(c); err != nil {
		return User{}, fmt.Errorf("user %q: %w", u.Login, err)
	}
	u.UpdatedAt = now
	_, err = tx.ExecContext(ctx, `UPDATE users SET status = $2, updated_at = $3 WHERE id = $1`, u.ID, string(u.Status), store.Micros(now))
	if err != nil {
		return User{}, fmt.Errorf("%s user %q: %w", c, u.Login, err)
	}
	return u, nil
}
