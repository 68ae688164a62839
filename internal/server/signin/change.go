package signin

import (
	"cmp"
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/store"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
)

// NewSetUpCode begins an account anew, for one who lost everything: password,
// app, passkeys, recovery codes, sessions and waits are void at once, and the
// code sets up others. A suspended account stays suspended. The error is
// ErrNotFound, or the database's.
func (s *Service) NewSetUpCode(ctx context.Context, tx *sql.Tx, id string, by By) (Secret, error) {
	r, err := adminByID(ctx, tx, id)
	if err == nil {
		err = r.theirs("a set-up code")
	}
	if err != nil {
		return Secret{}, err
	}
	if err := s.clear(ctx, tx, r); err != nil {
		return Secret{}, err
	}
	if r.Status != Suspended {
		r.Status = Invited
	}
	code := Secret{rand.Text()}
	_, err = tx.ExecContext(ctx, `UPDATE admins SET status = $2, set_up_digest = $3, set_up_until = $4 WHERE id = $1`,
		r.ID, string(r.Status), s.digest(digestSetUp, r.ID, code.text), store.Micros(s.now().Add(SetUpCodeLife)))
	if err != nil {
		return Secret{}, fmt.Errorf("store the set-up code of administrator %q: %w", r.Login, err)
	}
	return code, s.tell(ctx, tx, by, r.Admin, systemlog.Event{Type: systemlog.ResetFactors, Message: "Administrator's password and factors reset", Severity: systemlog.Warn})
}

// clear voids all that an account proves itself with.
func (s *Service) clear(ctx context.Context, tx *sql.Tx, r record) error {
	for _, what := range []string{
		`UPDATE admins SET password = '', totp = '', totp_pending = '', set_up_digest = '', set_up_until = NULL WHERE id = $1`,
		`DELETE FROM admin_recovery_codes WHERE admin_id = $1`,
		`DELETE FROM admin_passkeys WHERE admin_id = $1`,
		`DELETE FROM admin_sessions WHERE admin_id = $1`,
	} {
		if _, err := tx.ExecContext(ctx, what, r.ID); err != nil {
			return fmt.Errorf("reset administrator %q: %w", r.Login, err)
		}
	}
	return s.pardon(ctx, tx, r.Login)
}

// SetRole gives an administrator another role, which open sessions have at
// once. Errors: ErrNotFound, ErrValue, ErrLastSuperAdmin,
// ErrFederated, or the database's.
func (s *Service) SetRole(ctx context.Context, tx *sql.Tx, id string, role access.Role, by By) error {
	role, err := access.NamedRole(ctx, tx, string(role))
	if err != nil {
		return err
	}
	r, err := adminByID(ctx, tx, id)
	if err != nil || r.Role == role {
		return err
	}
	if err := r.theirs("the role"); err != nil {
		return err
	}
	if role == access.SuperAdmin && r.Grant.Scoped() {
		return fmt.Errorf("administrator %q is scoped to groups: take that away first, a super admin is one for the whole org: %w", r.Login, ErrValue)
	}
	if err := another(ctx, tx, r); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `UPDATE admins SET role = $2 WHERE id = $1`, id, string(role)); err != nil {
		return fmt.Errorf("change the role of administrator %q: %w", r.Login, err)
	}
	return s.tell(ctx, tx, by, r.Admin, systemlog.Event{Type: systemlog.PrivilegeGrant, Message: "Administrator role changed", Severity: systemlog.Warn,
		Detail: map[string]string{"role": fmt.Sprintf("%s -> %s", r.Role, role)}})
}

// SetScope limits an administrator to the groups of users with these names, in
// open sessions at once; none is the whole org. Errors: ErrNotFound, ErrValue,
// or the database's.
func (s *Service) SetScope(ctx context.Context, tx *sql.Tx, id string, groups []string, by By) error {
	r, err := adminByID(ctx, tx, id)
	if err == nil {
		err = r.theirs("the scope")
	}
	if err != nil {
		return err
	}
	if err := access.SetScope(ctx, tx, r.ID, r.Role, groups); err != nil {
		return err
	}
	after, err := access.GrantOf(ctx, tx, r.Role, r.ID)
	if err != nil || slices.Equal(after.Groups, r.Grant.Groups) {
		return err
	}
	name := func(groups []string) string { return cmp.Or(strings.Join(groups, ", "), "the whole org") }
	return s.tell(ctx, tx, by, r.Admin, systemlog.Event{Type: systemlog.PrivilegeGrant, Message: "Administrator scope changed", Severity: systemlog.Warn,
		Detail: map[string]string{"groups": name(r.Grant.Groups) + " -> " + name(after.Groups)}})
}

// Suspend keeps an administrator out, and ends their sessions. Errors:
// ErrNotFound, ErrState, ErrLastSuperAdmin, or the database's.
func (s *Service) Suspend(ctx context.Context, tx *sql.Tx, id string, by By) error {
	r, err := adminByID(ctx, tx, id)
	if err != nil {
		return err
	}
	if r.Status == Suspended {
		return fmt.Errorf("administrator %q is %s: %w", r.Login, r.Status, ErrState)
	}
	if err := another(ctx, tx, r); err != nil {
		return err
	}
	if err := setStatus(ctx, tx, r, Suspended); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM admin_sessions WHERE admin_id = $1`, id); err != nil {
		return fmt.Errorf("end the sessions of administrator %q: %w", r.Login, err)
	}
	return s.tell(ctx, tx, by, r.Admin, systemlog.Event{Type: systemlog.UserSuspend, Message: "Administrator suspended", Severity: systemlog.Warn})
}

// Unsuspend lets an administrator in again, with the password and factors of
// before, or with the set-up of before where that was not finished. Errors:
// ErrNotFound, ErrState, or the database's.
func (s *Service) Unsuspend(ctx context.Context, tx *sql.Tx, id string, by By) error {
	r, err := adminByID(ctx, tx, id)
	if err != nil {
		return err
	}
	if r.Status != Suspended {
		return fmt.Errorf("administrator %q is %s: %w", r.Login, r.Status, ErrState)
	}
	status := Active
	if !r.Federated() && (r.password == "" || r.factors() == 0) {
		status = Invited
	}
	if err := setStatus(ctx, tx, r, status); err != nil {
		return err
	}
	return s.tell(ctx, tx, by, r.Admin, systemlog.Event{Type: systemlog.UserUnsuspend, Message: "Administrator's suspension ended", Severity: systemlog.Warn})
}

func setStatus(ctx context.Context, tx *sql.Tx, r record, to Status) error {
	if _, err := tx.ExecContext(ctx, `UPDATE admins SET status = $2 WHERE id = $1`, r.ID, string(to)); err != nil {
		return fmt.Errorf("make administrator %q %s: %w", r.Login, to, err)
	}
	return nil
}

// another is ErrLastSuperAdmin where r is the only active super admin. One with a
// local account counts those alone: the provider may be gone for good.
func another(ctx context.Context, tx *sql.Tx, r record) error {
	if r.Role != access.SuperAdmin || r.Status != Active {
		return nil
	}
	var others int
	err := tx.QueryRowContext(ctx, `SELECT count(*) FROM admins WHERE role = $1 AND status = $2 AND id <> $3 AND (issuer = '' OR $4 <> '')`,
		string(access.SuperAdmin), string(Active), r.ID, r.Issuer).Scan(&others)
	if err != nil {
		return fmt.Errorf("count the super admins: %w", err)
	}
	if others == 0 {
		return fmt.Errorf("administrator %q: %w", r.Login, ErrLastSuperAdmin)
	}
	return nil
}
