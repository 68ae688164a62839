package signin

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/store"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
)

// Status is where an administrator's account is in its life.
type Status string

// The statuses.
const (
	Invited   Status = "INVITED" // to set up password and second factor
	Active    Status = "ACTIVE"
	Suspended Status = "SUSPENDED"
)

// maxText is the most characters of a login or name.
const maxText = 128

// Admin is an administrator, without what is secret of the account.
type Admin struct {
	ID, Login, Name   string
	Role              access.Role
	Grant             access.Grant
	Status            Status
	HasTOTP           bool
	Passkeys          []Passkey // the oldest first
	RecoveryCodesLeft int
	CreatedAt         time.Time
	SignedInAt        time.Time // zero is never
	SetUpUntil        time.Time // end of the set-up code; zero: there is none
	Issuer, Subject   string    // who they are at the org's OpenID provider; empty: a local account
}

// Passkey is a passkey of an administrator.
type Passkey struct {
	ID, Name  string
	CreatedAt time.Time
	UsedAt    time.Time // zero is never
}

// NewAdmin is who is to be an administrator.
type NewAdmin struct {
	Login, Name string
	Role        access.Role
	Groups      []string // of users, by name, that they are scoped to; none is the whole org
}

// By is who does something to an account, and from where, for the event.
type By struct {
	Actor  systemlog.Actor
	Client systemlog.Client
}

// record is a row of admins. It prints as a placeholder.
type record struct {
	Admin
	setUpDigest, password, totp, totpPending string
	totpStep                                 uint64
}

// String hides the hashes from logs.
func (record) String() string { return "[admin]" }

// GoString hides the hashes from %#v.
func (record) GoString() string { return "[admin]" }

// factors is how many second factors there are, without recovery codes.
func (r record) factors() int {
	n := len(r.Passkeys)
	if r.HasTOTP {
		n++
	}
	return n
}

// Create makes an account that waits to be set up, with the one-time code that
// does it. There is no password before. Errors: ErrExists, ErrValue, or the
// database's.
func (s *Service) Create(ctx context.Context, tx *sql.Tx, n NewAdmin, by By) (Admin, Secret, error) {
	n.Login, n.Name = strings.TrimSpace(n.Login), strings.TrimSpace(n.Name)
	if err := n.check(); err != nil {
		return Admin{}, Secret{}, err
	}
	var err error
	if n.Role, err = access.NamedRole(ctx, tx, string(n.Role)); err != nil {
		return Admin{}, Secret{}, err
	}
	if _, err := adminByLogin(ctx, tx, n.Login); err == nil {
		return Admin{}, Secret{}, fmt.Errorf("administrator %q: %w", n.Login, ErrExists)
	} else if !errors.Is(err, ErrNotFound) {
		return Admin{}, Secret{}, err
	}
	now := s.now()
	a := Admin{ID: store.NewID("adm"), Login: n.Login, Name: n.Name, Role: n.Role, Status: Invited, CreatedAt: now, SetUpUntil: now.Add(SetUpCodeLife)}
	code := Secret{rand.Text()}
	_, err = tx.ExecContext(ctx, `INSERT INTO admins (id, login, login_key, name, role, status, set_up_digest, set_up_until, password, totp, totp_pending, totp_step, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, '', '', '', 0, $9)`,
		a.ID, a.Login, store.Fold(a.Login), a.Name, string(a.Role), string(a.Status), s.digest(digestSetUp, a.ID, code.text), store.Micros(a.SetUpUntil), store.Micros(now))
	if err != nil {
		return Admin{}, Secret{}, fmt.Errorf("store administrator %q: %w", a.Login, err)
	}
	if err := access.SetScope(ctx, tx, a.ID, a.Role, n.Groups); err != nil {
		return Admin{}, Secret{}, err
	}
	if a.Grant, err = access.GrantOf(ctx, tx, a.Role, a.ID); err != nil {
		return Admin{}, Secret{}, err
	}
	detail := map[string]string{"role": string(a.Role)}
	if a.Grant.Scoped() {
		detail["groups"] = strings.Join(a.Grant.Groups, ", ")
	}
	err = s.tell(ctx, tx, by, a, systemlog.Event{Type: systemlog.UserCreate, Message: "Administrator created", Severity: systemlog.Warn},
		systemlog.Event{Type: systemlog.PrivilegeGrant, Message: "Administrator role granted", Severity: systemlog.Warn, Detail: detail})
	return a, code, err
}

func (n NewAdmin) check() error {
	switch {
	case !sound(n.Login) || strings.ContainsFunc(n.Login, unicode.IsSpace):
		return fmt.Errorf("login %q: want 1 to %d characters without spaces: %w", n.Login, maxText, ErrValue)
	case !sound(n.Name):
		return fmt.Errorf("name %q: want 1 to %d characters: %w", n.Name, maxText, ErrValue)
	}
	return nil
}

// sound: a text that can be stored and shown.
func sound(text string) bool {
	return text != "" && utf8.ValidString(text) && utf8.RuneCountInString(text) <= maxText && !strings.ContainsFunc(text, unicode.IsControl)
}

const recordColumns = `a.id, a.login, a.name, a.role, a.status, a.set_up_digest, a.set_up_until, a.password, a.totp, a.totp_pending, a.totp_step, a.created_at, a.signed_in_at, a.issuer, a.subject,
	(SELECT count(*) FROM admin_recovery_codes c WHERE c.admin_id = a.id AND c.used_at IS NULL)`

func scanRecord(s store.Scanner) (r record, err error) {
	var setUp, created, signedIn sql.NullInt64
	err = s.Scan(&r.ID, &r.Login, &r.Name, &r.Role, &r.Status, &r.setUpDigest, &setUp, &r.password, &r.totp, &r.totpPending, &r.totpStep, &created, &signedIn, &r.Issuer, &r.Subject, &r.RecoveryCodesLeft)
	r.SetUpUntil, r.CreatedAt, r.SignedInAt, r.HasTOTP = store.Time(setUp), store.Time(created), store.Time(signedIn), r.totp != ""
	return r, err
}

// adminByID and adminByLogin find one; the error is ErrNotFound, or the
// database's.
func adminByID(ctx context.Context, tx *sql.Tx, id string) (record, error) {
	return oneAdmin(ctx, tx, id, `a.id = $1`, id)
}

func adminByLogin(ctx context.Context, tx *sql.Tx, login string) (record, error) {
	return oneAdmin(ctx, tx, login, `a.login_key = $1`, store.Fold(login))
}

func oneAdmin(ctx context.Context, tx *sql.Tx, what, where string, args ...any) (record, error) {
	r, err := scanRecord(tx.QueryRowContext(ctx, `SELECT `+recordColumns+` FROM admins a WHERE `+where, args...))
	if errors.Is(err, sql.ErrNoRows) {
		return record{}, fmt.Errorf("administrator %q: %w", what, ErrNotFound)
	}
	if err != nil {
		return record{}, fmt.Errorf("read administrator %q: %w", what, err)
	}
	err = complete(ctx, tx, &r.Admin)
	return r, err
}

// complete adds what stands in other tables.
func complete(ctx context.Context, tx *sql.Tx, a *Admin) (err error) {
	if a.Passkeys, err = passkeysOf(ctx, tx, a.ID); err != nil {
		return err
	}
	a.Grant, err = access.GrantOf(ctx, tx, a.Role, a.ID)
	return err
}

func passkeysOf(ctx context.Context, tx *sql.Tx, admin string) ([]Passkey, error) {
	one := func(s store.Scanner) (k Passkey, err error) {
		var created, used sql.NullInt64
		err = s.Scan(&k.ID, &k.Name, &created, &used)
		k.CreatedAt, k.UsedAt = store.Time(created), store.Time(used)
		return k, err
	}
	found, err := store.All(ctx, tx, one, `SELECT id, name, created_at, used_at FROM admin_passkeys WHERE admin_id = $1 ORDER BY created_at, id`, admin)
	if err != nil {
		return nil, fmt.Errorf("list the passkeys of administrator %s: %w", admin, err)
	}
	return found, nil
}

// Admins are all, by login.
func (s *Service) Admins(ctx context.Context, tx *sql.Tx) ([]Admin, error) {
	rows, err := store.All(ctx, tx, scanRecord, `SELECT `+recordColumns+` FROM admins a ORDER BY a.login_key`)
	if err != nil {
		return nil, fmt.Errorf("list administrators: %w", err)
	}
	out := make([]Admin, 0, len(rows))
	for _, r := range rows {
		if err := complete(ctx, tx, &r.Admin); err != nil {
			return nil, err
		}
		out = append(out, r.Admin)
	}
	return out, nil
}

// AdminByID is one. The error is ErrNotFound, or the database's.
func (s *Service) AdminByID(ctx context.Context, tx *sql.Tx, id string) (Admin, error) {
	r, err := adminByID(ctx, tx, id)
	return r.Admin, err
}

// AdminByLogin is one, whatever the case. The error is ErrNotFound, or the
// database's.
func (s *Service) AdminByLogin(ctx context.Context, tx *sql.Tx, login string) (Admin, error) {
	r, err := adminByLogin(ctx, tx, login)
	return r.Admin, err
}
